"""A generator's folder is whole: its index, its scheduler, networks that belong together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from difffas.model_files import LocalFiles
from difffas.model_folder import check_pipeline
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from tests.broken_models import Spoil, refused

ENCODER: dict[str, Any] = {"stem_channels": 8, "channels": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}


def index_with(**changed: Any) -> Spoil:
    def spoil(model: Path) -> None:
        path = model / "model_index.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return spoil


def scheduler_with(**changed: Any) -> Spoil:
    def spoil(model: Path) -> None:
        path = model / "scheduler" / "scheduler_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda model: (model / "model_index.json").write_text("[]"), "holds a list"),
        (index_with(unet=["antigravity", "SpoofUNet"]), r"unet must be \['difffas.unet', 'SpoofUNet'\]"),
        (index_with(style_encoder=None), "style_encoder must be"),
        (index_with(safety=["transformers", "CLIPModel"]), "part 'safety' is unknown"),
        (index_with(_class_name=["evil.py", "Pipeline"]), "not of a SpoofPipeline"),
        (index_with(scheduler=["antigravity", "DDIMScheduler"]), "is not one of diffusers'"),
        (index_with(scheduler=["diffusers", "UNet2DModel"]), "is not one of diffusers'"),
        (index_with(scheduler="DDIMScheduler"), "is not one of diffusers'"),
        (scheduler_with(num_train_timesteps=10**12), "num_train_timesteps is 1000000000000"),
        (scheduler_with(num_train_timesteps="1000"), "num_train_timesteps is 1000"),
        (scheduler_with(trained_betas=[0.1] * 10**5), "trained_betas must be a list of 1000"),
        (scheduler_with(trained_betas=["x"] * 1000), "does not describe a DDIMScheduler"),
        (scheduler_with(beta_start="0.1"), "does not describe a DDIMScheduler"),
        (scheduler_with(beta_end=0.5), "is set for another process"),
        (lambda model: (model / "scheduler" / "scheduler_config.json").write_text("[]"), "holds a list"),
        (lambda model: (model / "scheduler" / "scheduler_config.json").write_text("[" * 10**5), "nested too deeply"),
        (lambda model: (model / "scheduler" / "scheduler_config.json").unlink(), "does not exist"),
    ],
)
def test_the_index_names_our_parts_alone_and_the_scheduler_is_of_the_process(
    model: Path, spoil: Spoil, message: str
) -> None:
    spoil(model)
    refused(lambda: check_pipeline(LocalFiles(model)), message, model)
    refused(lambda: SpoofPipeline.from_pretrained(model), message, model)


def test_networks_that_do_not_belong_together_are_named(model: Path) -> None:
    shutil.rmtree(model / "style_encoder")
    StyleEncoder(["a"], **{**ENCODER, "channels": (8, 8, 8, 16)}).save_pretrained(model / "style_encoder")
    refused(lambda: check_pipeline(LocalFiles(model)), "bring back the encoder that it was fitted with", model)
