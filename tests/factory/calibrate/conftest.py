"""Two splits of small faces, a generator that depends on everything, and a judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.style_statistics import write_statistics
from difffas.unet import SpoofUNet
from factory.calibrate import CalibrateConfig
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.style_statistics import statistics_by_style

STYLES = [f"{domain}-{attack}" for domain in ("cam", "phone") for attack in ("live", "print", "replay")]
SMALL = {
    "sampler": {"steps": 2, "t0": [10, 60], "cfg_scale": [1.0, 2.0], "batch_size": 4},
    "grid": {"match": ["none", "style"], "t0": [10, 60], "cfg_scale": [1.0, 4.0]},
    "identity": "structure",
    "faces": 2,
    "resources": {"threads": 1},
}
Settings = Callable[..., CalibrateConfig]


@pytest.fixture(scope="session")
def calibration_inputs(tmp_path_factory: Any) -> dict[str, str]:
    root: Path = tmp_path_factory.mktemp("calibration")
    # Subjects take turns with the splits and every second lacks an attack: both splits have people of either kind.
    corpus = write_corpus(root / "real", small_rows(subjects=8, splits=("dev", "dev", "test", "test")))
    torch.manual_seed(0)
    unet = SpoofUNet(base_channels=8, channel_multipliers=(1,) * 6, embed_channels=16, timesteps=300)
    encoder = StyleEncoder(STYLES, stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    SpoofPipeline(unet, encoder).save_pretrained(root / "model")
    write_statistics(root / "model", statistics_by_style(corpus, ["dev", "test"]))
    SpoofClassifier(tuple(STYLES), ("cam-live", "phone-live"), backbone="test_convnext").save(root / "judge")
    real = corpus.storage.url
    return {"live": real, "guides": real, "generator": f"{root}/model", "judge": f"{root}/judge"}


@pytest.fixture(scope="session")
def calibration_corpus(calibration_inputs: dict[str, str]) -> Corpus:
    return Corpus(calibration_inputs["live"])


@pytest.fixture
def settings(calibration_inputs: dict[str, str], tmp_path: Path) -> Settings:
    def of(**given: Any) -> CalibrateConfig:
        return build(CalibrateConfig, {"inputs": calibration_inputs, "out": str(tmp_path / "out"), **SMALL, **given})

    return of
