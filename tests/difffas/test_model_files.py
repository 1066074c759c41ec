"""Weights of a model folder: one set, in shards or not, of its own folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from difffas.model_files import LocalFiles
from difffas.model_folder import check_pipeline
from difffas.pipeline import SpoofPipeline
from difffas.unet import SpoofUNet
from tests.broken_models import refused, weights_of


def sharded(model: Path) -> Path:
    unet = SpoofUNet.from_pretrained(model / "unet")
    shutil.rmtree(model / "unet")
    unet.save_pretrained(model / "unet", max_shard_size="200KB")
    assert len(list((model / "unet").glob("*-of-*.safetensors"))) > 1
    return model / "unet" / "diffusion_pytorch_model.safetensors.index.json"


def test_shards_are_one_network_and_lie_in_its_folder(model: Path, tmp_path: Path) -> None:
    before = SpoofUNet.from_pretrained(model / "unet").state_dict()
    index = sharded(model)
    check_pipeline(LocalFiles(model))
    after = SpoofPipeline.from_pretrained(model).unet.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    known = json.loads(index.read_text())
    first, *_, last = sorted(known["weight_map"])
    shutil.copy(index.parent / known["weight_map"][first], tmp_path / "outside.safetensors")
    cases: list[tuple[Any, str]] = [
        ({"weight_map": known["weight_map"] | {first: "../../outside.safetensors"}}, "not a safetensors file of its"),
        (
            {"weight_map": known["weight_map"] | {first: f"{tmp_path}/outside.safetensors"}},
            "not a safetensors file of",
        ),
        ({"weight_map": known["weight_map"] | {first: "config.json"}}, "not a safetensors file of its folder"),
        ({"weight_map": known["weight_map"] | {first: known["weight_map"][last]}}, f"'{first}' is in .*, not in "),
        ({"weight_map": known["weight_map"] | {"extra": known["weight_map"][first]}}, "'extra' is in the index"),
        ({"weight_map": {first: known["weight_map"][first]}}, "is not one of the network's weights|not in the index"),
        ({"weight_map": {}}, "has no weight_map"),
        ({"weight_map": {first: 1}}, "has no weight_map"),
        ([], "holds a list"),
    ]
    for broken, message in cases:
        index.write_text(json.dumps(broken))
        refused(lambda: check_pipeline(LocalFiles(model)), message, model)
        refused(lambda: SpoofPipeline.from_pretrained(model), message, model)
    index.write_text(json.dumps(known))
    (index.parent / known["weight_map"][first]).unlink()
    refused(lambda: SpoofPipeline.from_pretrained(model), "which is not a safetensors file of its folder", model)


def test_two_sets_of_weights_are_refused_and_other_variants_are_let_be(model: Path, tmp_path: Path) -> None:
    single = shutil.copy(weights_of(model / "unet"), tmp_path)
    shutil.copy(single, model / "unet" / "diffusion_pytorch_model.half.safetensors")
    SpoofPipeline.from_pretrained(model)
    shutil.copytree(model, tmp_path / "other")
    (tmp_path / "other" / "unet" / "diffusion_pytorch_model.half.safetensors").unlink()
    sharded(tmp_path / "other")
    shutil.copy(single, tmp_path / "other" / "unet")
    refused(lambda: SpoofPipeline.from_pretrained(tmp_path / "other"), "are two sets of weights", tmp_path)
