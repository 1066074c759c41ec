from __future__ import annotations

import json
import shutil
from collections.abc import Callable
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
from tests.broken_models import CONFIGS, WEIGHTS, Spoil, weights_of, with_config

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


def refused(load: Callable[[], Any], message: str, folder: Path) -> None:
    """It says so in one line that names the place."""
    with pytest.raises(ValueError, match=message) as caught:
        load()
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value)) < 800


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
        ("unet", {"base_channels": 10**6}, "asks for a larger network than its weights are"),
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
        ("unet", {"dropout": 2}, "describes no network"),
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


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"architecture": "resnet1"}, "describes no network"),
        ({"architecture": "local-dir:/tmp"}, "architecture must be a name of timm's, no folder"),
        ({"architecture": "hf-hub:some/where"}, "describes no network"),
        ({"architecture": ["test_resnet"]}, "architecture must be a name"),
        ({"backbone_args": []}, "backbone_args must be an object"),
        ({"backbone_args": {"checkpoint_path": "/tmp/evil.pth"}}, "checkpoint_path is not an argument of a network"),
        ({"backbone_args": {"pretrained": True}}, "pretrained is not an argument"),
        ({"backbone_args": {"pretrained_cfg": {"file": "/tmp/evil.pth"}}}, "pretrained_cfg is not an argument"),
        ({"backbone_args": {"channels": [10**6] * 4}}, "asks for a larger network"),
        ({"backbone_args": {"layers": [10**9, 1, 1, 1]}}, "asks for a larger network"),
        ({"backbone_args": {"nonsense": 1}}, "describes no network"),
        ({"styles": "abc"}, "styles must be a list of names"),
        ({"styles": ["a-live", "a-print", "b-print"]}, "misshapen: head.weight"),
        ({"live_styles": ["b-live"]}, "describes no network: live_styles"),
        ({"scale": "30"}, "scale 30 must be a number"),
        ({"scale": float("inf")}, "scale inf must be a number"),
        ({"image_size": -1}, "image_size -1 must be"),
    ],
)
def test_a_classifiers_configuration_is_checked(
    whole: Path, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    folder = shutil.copytree(whole / "c", tmp_path / "model")
    with_config(**changed)(folder)
    refused(lambda: SpoofClassifier.load(folder), message, folder)


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
        (scheduler_with(trained_betas=["x"] * 1000), "describes no DDIMScheduler"),
        (scheduler_with(beta_start="0.1"), "describes no DDIMScheduler"),
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
