"""The released checkpoints load, and every recorded number of the release is reproduced from them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from difffas.guidance import Branches, Denoiser, guided
from difffas.objective import TrainingNoise, training_loss
from difffas.official import load_style_encoder, load_unet
from difffas.posterior import estimate
from difffas.samplers import ddim, ddpm
from difffas.schedule import q_sample, start_timesteps, timestep_table
from difffas.style_encoder import StyleEncoder
from difffas.unet import Features, SpoofUNet

NETWORK, SAMPLING, INSIDE = 2e-5, 1e-5, 1e-4  # tolerances as recorded with the numbers


class Recorded:
    """The recorded arrays as float32 or integer tensors, and both networks."""

    def __init__(self, folder: Path) -> None:
        arrays = {**np.load(folder / "A_weights.npz"), **np.load(folder / "A_io.npz")}
        self.names = [str(name) for name in arrays.pop("stfm_names")]
        self.grad_names = [str(name) for name in arrays.pop("grad_names")]
        assert len(arrays.pop("block_stats_names")) == 37
        self.arrays = {name: _tensor(array) for name, array in arrays.items() if array.dtype.kind in "fiub"}
        self.encoder = load_style_encoder(self.under("encoder/"))
        self.unet = load_unet(self.under("unet/"), mean_patch=3, variance_patch=2)
        with torch.no_grad():
            self.features: Features = self.encoder(self["guide"])[0]
            self.null: Features = self.encoder(torch.zeros(1, 3, 96, 96))[0]

    def __getitem__(self, name: str) -> Tensor:
        return self.arrays[name]

    def under(self, prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in self.arrays.items() if name.startswith(prefix)}

    def first(self, features: Features) -> Features:
        stride8, stride16, stride32 = (feature[:1] for feature in features)
        return stride8, stride16, stride32

    def guided(self, live: Tensor, scale: float) -> Denoiser:
        """The denoiser of the first sample at one w."""
        conditions = self.unet.encode_conditions(self.first(self.features))
        branches = Branches(self.unet, live, conditions, self.unet.encode_conditions(self.null))
        return guided(branches, torch.tensor([scale]))


def _tensor(array: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(np.array(array))
    return tensor.float() if tensor.is_floating_point() else tensor


def close(value: Tensor, recorded: Tensor, tolerance: float) -> None:
    assert value.shape == recorded.shape
    assert float((value.detach() - recorded).abs().max()) <= tolerance


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> Recorded:
    folder = shared_data.parent / "official"
    if not folder.is_dir():
        pytest.skip(f"no recorded numbers at {folder}")
    return Recorded(folder)


@torch.no_grad()
def test_encoder(recorded: Recorded) -> None:
    features, logits = recorded.encoder(recorded["guide"])
    for feature, null, stride in zip(features, recorded.null, (8, 16, 32), strict=True):
        close(feature, recorded[f"feat_s{stride}"], NETWORK)
        close(null, recorded[f"nullfeat_s{stride}"], NETWORK)
    close(logits, recorded["feat_logits"], NETWORK)


@torch.no_grad()
def test_time_embedding(recorded: Recorded) -> None:
    sinusoid = recorded.unet.time_projection(recorded["t"])
    close(sinusoid, recorded["temb_sin"], NETWORK)
    close(recorded.unet.time_embedding(sinusoid), recorded["temb"], NETWORK)


@torch.no_grad()
def test_network_outputs(recorded: Recorded) -> None:
    x_t = q_sample(recorded["spoof"], recorded["t"], recorded["noise"])
    close(x_t, recorded["x_t"], 1e-6)
    sample = torch.cat((x_t, recorded["live"]), dim=1)
    null = tuple(feature.expand(len(sample), -1, -1, -1) for feature in recorded.null)
    conditional = recorded.unet(sample, recorded["t"], recorded.features).sample
    unconditional = recorded.unet(sample, recorded["t"], null).sample
    close(conditional, recorded["out_cond"], NETWORK)
    close(unconditional, recorded["out_uncond"], NETWORK)
    both = unconditional + 2.0 * (conditional - unconditional)
    expected = recorded["out_cfg"]
    close(both[:1].reshape(expected.shape), expected, NETWORK)


@torch.no_grad()
def test_fusion_blocks(recorded: Recorded) -> None:
    checked = 0
    stfm: Any
    for name, (_, stfm) in zip(recorded.names, recorded.unet.fusions(), strict=True):
        key = next((f"stfm.{n}" for n in (name, name.replace(".", "_")) if f"stfm.{n}.x" in recorded.arrays), None)
        if key is None:
            continue
        x, condition = recorded[f"{key}.x"], recorded[f"{key}.cond"]
        queries, keys = stfm._tokens(x), stfm._tokens(stfm.condition_norm(condition))
        attended = (
            stfm.mean_attention(queries[0], stfm.encode_condition(condition).mean),
            stfm.variance_attention(queries[1], stfm.encode_condition(condition).variance),
        )
        for i, (kind, patch) in enumerate((("mean", 3), ("var", 2))):  # recorded as 1, C, 1 + g²
            close(queries[i].mT, recorded[f"{key}.tok_{kind}_x"], INSIDE)
            close(keys[i].mT, recorded[f"{key}.tok_{kind}_cond"], INSIDE)
            close(attended[i].mT, recorded[f"{key}.att_{kind}"], INSIDE)
            close(stfm._to_map(attended[i], patch, x), recorded[f"{key}.up_{kind}"], INSIDE)
        close(stfm(x, stfm.encode_condition(condition)), recorded[f"{key}.out"], INSIDE)
        checked += 1
    assert checked


@torch.no_grad()
def test_every_block(recorded: Recorded) -> None:
    """Mean and deviation of each block's output in the conditional pass, in the release's order of blocks."""
    unet, seen = recorded.unet, []
    blocks: list[torch.nn.Module] = [unet.conv_in]
    down: Any = unet.down_levels
    up: Any = unet.up_levels
    for level in down:
        blocks += [level.blocks[0], level.fusion or level.blocks[1], *([level.downsample] if level.downsample else [])]
    blocks.append(unet.middle_out)
    for level in up:
        last = level.upsample or level.blocks[2]
        blocks += [level.blocks[0], level.fusion or level.blocks[1], last]

    def note(_module: torch.nn.Module, _inputs: Any, output: Tensor) -> None:
        seen.append(torch.stack((output.mean(), output.std())))

    hooks = [block.register_forward_hook(note) for block in blocks]
    x_t = q_sample(recorded["spoof"], recorded["t"], recorded["noise"])
    unet(torch.cat((x_t, recorded["live"]), dim=1), recorded["t"], recorded.features)
    for hook in hooks:
        hook.remove()
    close(torch.stack(seen), recorded["block_stats"], INSIDE)


@torch.no_grad()
def test_posterior(recorded: Recorded) -> None:
    live, t = recorded["live"][:1], recorded["t"][:1]
    model = recorded.guided(live, 2.0)
    x_t = recorded["x_t"][:1]
    step = estimate(x_t, model(x_t, t), t, t - 1)
    close(step.mean, recorded["post_mean"], NETWORK)
    close(step.log_variance, recorded["post_log_variance"], NETWORK)
    close(step.clean, recorded["post_pred_xstart"], NETWORK)


@pytest.mark.parametrize(("name", "t0", "steps", "scale"), [("ddim", 250, 25, 2.0), ("ddim2", 200, 4, 3.5)])
@torch.no_grad()
def test_ddim_trajectories(recorded: Recorded, name: str, t0: int, steps: int, scale: float) -> None:
    table = timestep_table([t0], steps, "official")
    assert table[0].tolist() == recorded[f"{name}_timesteps"].tolist()
    live = recorded["live"][:1]
    model = recorded.guided(live, scale)
    path: dict[int, Tensor] = {}

    def watched(x: Tensor, t: Tensor) -> Tensor:
        path[int(t)] = x
        return model(x, t)

    x = q_sample(live, start_timesteps([t0], steps, "official"), recorded["noise"][:1])
    close(ddim(watched, x, table), recorded[f"{name}_final"], SAMPLING)
    rms = torch.stack([x.square().mean().sqrt() for x in path.values()])
    close(rms, recorded[f"{name}_rms"], SAMPLING)
    points = [key for key in recorded.arrays if key.startswith(f"{name}_x_at_t")]
    assert len(points) == (3 if name == "ddim" else 0)
    for key in points:
        close(path[int(key.rpartition("t")[2])], recorded[key], SAMPLING)


@torch.no_grad()
def test_ddpm(recorded: Recorded) -> None:
    live, noises = recorded["live"][:1], iter(recorded["ddpm_noise"])
    model = recorded.guided(live, 1.5)
    x = q_sample(live, torch.tensor([4]), recorded["noise"][:1])
    made = ddpm(model, x, torch.tensor([[3, 2, 1, 0]]), lambda: next(noises)[None])
    close(made.reshape(recorded["ddpm_final"].shape), recorded["ddpm_final"], SAMPLING)


@torch.no_grad()
def test_loss(recorded: Recorded) -> None:
    keep = recorded["keep_mask"].bool()
    draw = TrainingNoise(recorded["t"], recorded["noise"], keep, keep)  # the release drops the live face as well
    images = recorded["spoof"], recorded["live"], recorded["guide"]
    loss = training_loss(recorded.unet, recorded.encoder, *images, draw)
    close(loss.mse, recorded["loss_eval_mse"].reshape(()), 1e-6)
    close(loss.variational, recorded["loss_eval_vb"], 2e-3)
    close(loss.mse + loss.variational, recorded["loss_eval_total"], 2e-3)


def test_gradients_in_training(recorded: Recorded) -> None:
    """Batch statistics in the condition norms, dropout 0, both losses: the norm of every parameter's gradient."""
    from difffas.official import _renamed

    unet = copy.deepcopy(recorded.unet).train()
    for module in unet.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    keep = recorded["keep_mask"].bool()
    draw = TrainingNoise(recorded["t"], recorded["noise"], keep, keep)
    loss = training_loss(unet, recorded.encoder, recorded["spoof"], recorded["live"], recorded["guide"], draw)
    loss.total.backward()
    close(loss.mse, recorded["loss_train_mse"].reshape(()), 1e-6)
    close(loss.variational, recorded["loss_train_vb"], 2e-3)
    names = dict(_renamed(recorded.under("unet/")))
    parameters, compared = dict(unet.named_parameters()), 0
    for name, norm in zip(recorded.grad_names, recorded["grad_norms"].tolist(), strict=True):
        if math.isnan(norm):
            assert name not in names, f"{name} is dead in the release"
            continue
        gradient = parameters[names[name]].grad
        assert gradient is not None
        assert abs(float(gradient.norm()) - norm) <= 0.02 * norm + 1e-3, name
        compared += 1
    assert compared == len(parameters)
    close(unet.middle_fusion.condition_norm.running_mean, recorded["train_bn_mid_running_mean"], 1e-5)
    close(unet.middle_fusion.condition_norm.running_var, recorded["train_bn_mid_running_var"], 1e-4)


# -- without the recorded numbers: our own network under the release's names ------------------------------------------


def released(network: SpoofUNet) -> dict[str, Tensor]:
    """Our weights under the release's keys, with two of its dead tensors."""
    from difffas.official import _renamed

    ours = network.state_dict()
    keys = dict(_renamed(_Everything()))
    made = {theirs: ours[name] for theirs, name in keys.items() if name in ours}
    made = {key: value[..., None] if ".to_" in key or ".proj_out" in key else value for key, value in made.items()}
    made = {key: value[..., 0] if key.endswith("bias") and value.ndim == 2 else value for key, value in made.items()}
    dead = {"input_blocks.1.0.cond_emb_layers.1.weight": torch.ones(1), "middle_block.1.qkv.bias": torch.ones(1)}
    return {**made, **dead}


class _Everything(dict[str, Any]):
    """A state dict that has every key, so that the key table lists them all."""

    def __contains__(self, key: object) -> bool:
        return True


@pytest.mark.parametrize(
    "shape",
    [
        {"base_channels": 8, "channel_multipliers": (1, 1, 2, 2, 3, 3), "embed_channels": 24, "out_channels": 6},
        {"base_channels": 16, "channel_multipliers": (1, 2, 1, 1, 1, 2), "embed_channels": 16, "out_channels": 3},
    ],
)
def test_other_widths_round_trip(shape: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = SpoofUNet(**shape, mean_patch=2, variance_patch=1, form="official", condition_norm="batch").eval()
    loaded = load_unet(released(network), mean_patch=2, variance_patch=1)
    for name, value in network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name
    assert tuple(loaded.config["channel_multipliers"]) == shape["channel_multipliers"]


WIDE = ("out_layers.3.bias", "out_layers.0.weight", "out_layers.0.bias")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda state: state.pop("middle_block.1.to_q1.weight"), "'middle_block.1.to_q1.weight' is missing"),
        (lambda state: state.update({"extra.weight": torch.ones(1)}), "'extra.weight' is unknown"),
        (lambda state: state.update({"out.2.bias": torch.ones(5)}), r"'out.2.bias' is \(5,\) in the checkpoint"),
        (
            lambda state: state.update({"middle_block.1.to_q1.weight": torch.ones(2, 2)}),
            "'middle_block.1.to_q1.weight'",
        ),
        (lambda state: state.update({"input_blocks.0.0.bias": torch.ones(())}), "'input_blocks.0.0.bias' is"),
        (lambda state: state.update({"extra.qkv.weight": torch.ones(1)}), "'extra.qkv.weight' is unknown"),
        (
            lambda state: state.update({"renamed": state.pop("out.0.bias")}),
            "'out.0.bias' is missing.*'renamed' is unknown",
        ),
        (lambda state: state.update({"out.0.bias": None}), "'out.0.bias' is a NoneType"),
        (
            lambda state: state.update(
                {f"middle_block.0.skip_connection.{part}": torch.ones(8) for part in ("weight", "bias")}
            ),
            "'middle_block.0.skip_connection.bias' is unknown",
        ),
        (
            lambda state: [state.pop(f"output_blocks.0.0.skip_connection.{part}") for part in ("weight", "bias")],
            "'output_blocks.0.0.skip_connection.bias' is missing",
        ),
        (lambda state: state["out.2.weight"].view(-1).fill_(float("nan")), "'out.2.weight' holds NaN or infinity"),
        (
            lambda state: state["middle_block.1.bn.running_var"].fill_(-1),
            "'middle_block.1.bn.running_var' holds variances below zero",
        ),
        (
            lambda state: state.update({"out.0.bias": torch.ones(8, dtype=torch.int64)}),
            "'out.0.bias' holds torch.int64",
        ),
        (lambda state: state.update({"out.0.bias": torch.ones(8).double()}), "'out.0.bias' holds torch.float64"),
        (
            lambda state: state.update({"out.2.weight": torch.ones(1).expand(3, 10**6, 10**4, 3)}),
            "'out.2.weight' is not a plain tensor with all of its numbers",
        ),
        (lambda state: state.update({"out.0.bias": torch.ones(8).to_sparse()}), "'out.0.bias' is not a plain tensor"),
        (
            lambda state: state.update({f"input_blocks.1.0.{part}": torch.ones(8 * 10**5) for part in WIDE}),
            r"'input_blocks\.1\.0\.",
        ),
    ],
)
def test_what_is_no_checkpoint_is_named(spoil: Callable[[dict[str, Tensor]], Any], message: str) -> None:
    shape = {"base_channels": 8, "channel_multipliers": (1,) * 6, "embed_channels": 8}
    state = released(SpoofUNet(**shape, form="official", condition_norm="batch"))
    spoil(state)
    with pytest.raises(ValueError, match=message):
        load_unet(state)


def test_style_encoder_widths_and_depths_come_from_the_shapes() -> None:
    own = StyleEncoder(["a", "b", "c"], stem_channels=8, channels=(8, 16, 16, 24), depths=(2, 1, 3, 1)).eval()
    state = {**own.state_dict(), "norm.weight": torch.ones(18)}
    loaded = load_style_encoder(state)
    images = torch.rand(1, 3, 32, 32)
    assert torch.equal(own(images)[1], loaded(images)[1])
    assert loaded.config["depths"] == [2, 1, 3, 1]
    with pytest.raises(ValueError, match="'fc.weight' is missing"):
        load_style_encoder({key: value for key, value in state.items() if key != "fc.weight"})
    with pytest.raises(ValueError, match="'fc2.weight' is unknown"):
        load_style_encoder({**state, "fc2.weight": torch.ones(1)})
    with pytest.raises(ValueError, match=r"'norm\.other' is unknown"):
        load_style_encoder({**state, "norm.other": torch.ones(1)})
    with pytest.raises(ValueError, match=r"'conv1\.weight' is \(\) in"):
        load_style_encoder({**state, "conv1.weight": torch.ones(())})
