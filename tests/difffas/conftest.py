"""A whole generator and a whole classifier, to be broken."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from difffas.classifier import SpoofClassifier
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet

UNET: dict[str, Any] = {"base_channels": 8, "channel_multipliers": (1, 1, 1, 1, 1, 1), "embed_channels": 16}
ENCODER: dict[str, Any] = {"stem_channels": 8, "channels": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    SpoofPipeline(SpoofUNet(**UNET), StyleEncoder(["a-print", "a-replay"], **ENCODER)).save_pretrained(folder / "g")
    SpoofClassifier(["a-live", "a-print"], ["a-live"], backbone="test_resnet").save(folder / "c")
    return folder


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    """A whole generator, to be broken."""
    return shutil.copytree(whole / "g", tmp_path / "model")
