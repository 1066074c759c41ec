"""A small generator, which several tests load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet


@pytest.fixture(scope="module")
def model(tmp_path_factory: Any) -> Path:
    """A small generator whose output depends on live face, guide and noise."""
    folder = tmp_path_factory.mktemp("model") / "generator"
    torch.manual_seed(0)
    # Twelve channels: PyTorch normalises no group of a single value, which eight would leave of one image of 32².
    unet = SpoofUNet(base_channels=12, channel_multipliers=(1, 1, 1, 1, 1, 1), embed_channels=16)
    encoder = StyleEncoder(["a-print", "a-live"], stem_channels=8, channels=(8, 12, 12, 12), depths=(1, 1, 1, 1))
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    SpoofPipeline(unet, encoder).save_pretrained(folder)
    return folder
