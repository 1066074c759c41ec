"""A classifier's configuration, and timm networks from folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from difffas.backbones import check_arguments, load_local, local_config
from difffas.classifier import SpoofClassifier
from difffas.errors import UserError
from tests.broken_models import refused, with_config


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"architecture": "resnet1"}, "does not describe a network"),
        ({"architecture": "local-dir:/tmp"}, "architecture must be a name of timm's, no folder"),
        ({"architecture": "hf-hub:some/where"}, "does not describe a network"),
        ({"architecture": ["test_resnet"]}, "architecture must be a name"),
        ({"backbone_args": []}, "backbone_args must be an object"),
        ({"backbone_args": {"checkpoint_path": "/tmp/evil.pth"}}, "checkpoint_path is not an argument of a network"),
        ({"backbone_args": {"pretrained": True}}, "pretrained is not an argument"),
        ({"backbone_args": {"pretrained_cfg": {"file": "/tmp/evil.pth"}}}, "pretrained_cfg is not an argument"),
        ({"backbone_args": {"channels": [10**6] * 4}}, "asks for a larger network"),
        ({"backbone_args": {"layers": [10**9, 1, 1, 1]}}, "asks for a larger network"),
        ({"backbone_args": {"nonsense": 1}}, "does not describe a network"),
        ({"styles": "abc"}, "styles must be a list of names"),
        ({"styles": ["a-live", "a-print", "b-print"]}, "misshapen: head.weight"),
        ({"live_styles": ["b-live"]}, "does not describe a network: live_styles"),
        ({"scale": "30"}, "scale 30 must be a number"),
        ({"scale": float("inf")}, "scale inf must be a number"),
        ({"image_size": -1}, "image_size -1 must be"),
        ({"patches": 5}, "patches 5 must be whole numbers side and grid"),
        ({"patches": {"side": 5}}, "patches .* must be whole numbers side and grid"),
        ({"patches": {"side": 5.0, "grid": 3}}, "patches .* must be whole numbers side and grid"),
        ({"patches": {"side": 0, "grid": 3}}, "side must be 1 to 65536, grid 1 to 32"),
        ({"patches": {"side": 8, "grid": 33}}, "side must be 1 to 65536, grid 1 to 32"),
        ({"patches": {"side": 99, "grid": 3}, "image_size": 98}, "patches of 99 pixels do not fit into images of 98"),
    ],
)
def test_a_classifiers_configuration_is_checked(
    whole: Path, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    folder = shutil.copytree(whole / "c", tmp_path / "model")
    with_config(**changed)(folder)
    refused(lambda: SpoofClassifier.load(folder), message, folder)


def test_arguments_that_load_further_files_are_refused() -> None:
    assert check_arguments({"drop_rate": 0.1}, "here") == {"drop_rate": 0.1}
    for given, message in (
        ({"checkpoint_path": "/tmp/evil.pth"}, "here: checkpoint_path is not an argument of a network"),
        ({"num_classes": 3}, "here: num_classes is not an argument of a network"),
        ([], "here must be an object of arguments, not a list"),
    ):
        with pytest.raises(UserError, match=message):
            check_arguments(given, "here")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "has no config.json: give a folder"),
        ({"architecture": "no_such_network"}, "'no_such_network' is not known to timm"),
        ({"architecture": "test_resnet", "pretrained_cfg": []}, None),
        ({"architecture": "test_resnet", "pretrained_cfg": "x"}, "pretrained_cfg must be an object"),
        ({"architecture": "test_resnet", "pretrained_cfg": {"std": [0.2, 0.2, 0.0]}}, "std is .* does not write"),
        ({"architecture": "test_resnet", "pretrained_cfg": {"mean": [0.5, 0.5]}}, "mean is .* does not write"),
        ({"architecture": "test_resnet", "model_args": {"pretrained": True}}, "model_args: pretrained is not an"),
    ],
)
def test_a_folder_s_configuration_is_as_timm_writes_it(tmp_path: Path, config: Any, message: str | None) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    if message is None:
        assert local_config(tmp_path)["architecture"] == config["architecture"]
        return
    with pytest.raises(UserError, match=message):
        local_config(tmp_path)


def test_weights_are_loaded_whole_or_not_at_all(tmp_path: Path) -> None:
    network = timm.create_model("test_resnet", num_classes=0)
    weights = {name: tensor.contiguous() + 1 for name, tensor in network.state_dict().items()}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "test_resnet"}))
    save_file(weights, tmp_path / "model.safetensors")
    load_local(network, tmp_path)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())
    missing = next(iter(weights))
    save_file({name: tensor for name, tensor in weights.items() if name != missing}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=missing):
        load_local(network, tmp_path)
