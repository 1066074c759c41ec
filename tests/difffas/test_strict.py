from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from difffas.classifier import SpoofClassifier
from difffas.model_files import LocalFiles
from difffas.model_folder import check_pipeline
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from tests.broken_models import CONFIGS, WEIGHTS, Spoil, refused, with_config


@pytest.mark.parametrize("part", ["unet", "style_encoder"])
@pytest.mark.parametrize(("spoil", "message"), [*WEIGHTS.values(), *CONFIGS.values()], ids=[*WEIGHTS, *CONFIGS])
def test_every_load_of_a_generator_names_what_is_wrong(model: Path, part: str, spoil: Spoil, message: str) -> None:
    spoil(model / part)
    network: Any = {"unet": SpoofUNet, "style_encoder": StyleEncoder}[part]
    refused(lambda: check_pipeline(LocalFiles(model)), message, model)
    refused(lambda: SpoofPipeline.from_pretrained(model), message, model)
    refused(lambda: network.from_pretrained(model / part), message, model)
    refused(lambda: network.from_pretrained(model, subfolder=part), message, model)


@pytest.mark.parametrize(("spoil", "message"), [*WEIGHTS.values(), *CONFIGS.values()], ids=[*WEIGHTS, *CONFIGS])
def test_every_load_of_a_classifier_names_what_is_wrong(
    whole: Path, tmp_path: Path, spoil: Spoil, message: str
) -> None:
    folder = shutil.copytree(whole / "c", tmp_path / "model")
    spoil(folder)
    refused(lambda: SpoofClassifier.load(folder), message, folder)


@pytest.mark.parametrize(
    ("part", "changed", "message"),
    [
        ("unet", {"base_channels": 10**6}, "asks for a larger network than its weights fill"),
        ("unet", {"embed_channels": 10**18}, "embed_channels is 1000"),
        ("unet", {"channel_multipliers": [10**6] * 6}, "asks for a larger network"),
        ("unet", {"channel_multipliers": [1] * 10**5}, "channel_multipliers has 100000 entries"),
        ("unet", {"channel_multipliers": "111111"}, "channel_multipliers is '111111'"),
        ("unet", {"base_channels": 16}, "asks for a larger network|misshapen"),
        ("unet", {"base_channels": 0}, "base_channels is 0"),
        ("unet", {"base_channels": -8}, "base_channels is -8"),
        ("unet", {"base_channels": True}, "base_channels is True"),
        ("unet", {"base_channels": "8"}, "base_channels is '8'"),
        ("unet", {"base_channels": -(10**400)}, "more than 30 digits"),
        ("unet", {"base_channels": 8.0}, "base_channels is 8.0"),
        ("unet", {"base_channels": 10**400}, "more than 30 digits"),
        ("unet", {"mean_patch": 1 << 31}, "mean_patch is 2147483648"),
        ("unet", {"timesteps": 10**9}, "timesteps 1000000000 must lie within"),
        ("unet", {"dropout": float("nan")}, "dropout is nan"),
        ("unet", {"dropout": 2}, "does not describe a network"),
        ("unet", {"form": "other"}, "form is 'other'"),
        ("unet", {"form": ["paper"]}, "form is "),
        ("unet", {"_class_name": "StyleEncoder"}, "is that of a StyleEncoder"),
        ("style_encoder", {"styles": None}, "has no key 'styles'"),
        ("style_encoder", {"styles": []}, "must be one or more distinct names"),
        ("style_encoder", {"styles": [1, 2]}, r"styles is \[1, 2\]"),
        ("style_encoder", {"styles": [f"s{n}" for n in range(10**5)]}, "asks for a larger network"),
        ("style_encoder", {"depths": [10**9, 1, 1, 1]}, "asks for more layers than its weights"),
        ("style_encoder", {"depths": [2, 1, 1, 1]}, "missing: layer1.1"),
        ("style_encoder", {"channels": [8, 8, 8, 10**6]}, "asks for a larger network"),
    ],
)
def test_a_configuration_is_bounded_by_its_weights(
    model: Path, part: str, changed: dict[str, Any], message: str
) -> None:
    with_config(**changed)(model / part)
    refused(lambda: check_pipeline(LocalFiles(model)), message, model)
    refused(lambda: SpoofPipeline.from_pretrained(model), message, model)


def test_neither_pickles_nor_other_shapes_are_let_in_by_an_option(model: Path) -> None:
    for options in ({"use_safetensors": False}, {"ignore_mismatched_sizes": True}):
        with pytest.raises(ValueError, match="would load other weights"):
            SpoofUNet.from_pretrained(model / "unet", **options)
    _, info = StyleEncoder.from_pretrained(model / "style_encoder", output_loading_info=True)
    assert not any(info.values())


def test_half_precision_is_taken_as_before(model: Path) -> None:
    pipeline = SpoofPipeline.from_pretrained(model)
    pipeline.unet.to(torch.bfloat16)
    pipeline.save_pretrained(model)
    check_pipeline(LocalFiles(model))
    assert SpoofPipeline.from_pretrained(model).unet.dtype in (torch.float32, torch.bfloat16)
