from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from difffas.unet import SMALL_UNET, Features, SpoofUNet

TINY: dict[str, Any] = {
    "base_channels": 8,
    "channel_multipliers": (1, 1, 1, 2, 2, 2),
    "embed_channels": 16,
    "mean_patch": 3,
}


def filled(unet: SpoofUNet) -> SpoofUNet:
    """Weights from a formula: no zero layers, no dependence on torch's initialisation."""
    with torch.no_grad():
        for index, parameter in enumerate(unet.parameters()):
            values = torch.sin(torch.arange(parameter.numel(), dtype=torch.float64).square() * 0.37 + index)
            scale = 0.5 if parameter.ndim == 1 else (2.0 / parameter[0].numel()) ** 0.5
            parameter.copy_((scale * values).reshape(parameter.shape))
    return unet.eval()


def inputs(batch: int = 2, side: int = 64, channels: int = 16) -> tuple[Tensor, Tensor, Features]:
    generator = torch.Generator().manual_seed(1)
    sample = torch.rand(batch, 6, side, side, generator=generator) * 2 - 1
    timestep = torch.tensor([0, 617, 33, 999])[:batch]
    a, b, c = (torch.randn(batch, channels, side // s, side // s, generator=generator) for s in (8, 16, 32))
    return sample, timestep, (a, b, c)


def test_full_size_network_is_the_released_one() -> None:
    """Parameters (less the 9,410,176 that the release never uses) and multiply-adds of the released network."""
    with torch.device("meta"):
        unet = SpoofUNet(out_channels=6, form="official", mean_patch=5, variance_patch=3).eval()
        assert sum(parameter.numel() for parameter in unet.parameters()) == 159_367_430 - 9_410_176
        features = tuple(torch.empty(1, c, s, s) for c, s in ((256, 32), (512, 16), (512, 8)))
        with FlopCounterMode(display=False) as counter:
            output = unet(torch.empty(1, 6, 256, 256), torch.empty(1, dtype=torch.long), features)
    assert output.sample.shape == (1, 6, 256, 256)
    assert counter.get_total_flops() / 2e9 == pytest.approx(278.97, rel=2e-3)


def test_seven_stfms_at_strides_8_16_32() -> None:
    unet = SpoofUNet(**TINY)
    assert [index for index, _ in unet.fusions()] == [0, 1, 2, 2, 2, 1, 0]
    assert len({id(stfm) for _, stfm in unet.fusions()}) == 7
    assert unet.style_channels == (16, 16, 16)


def test_output_starts_at_zero_and_has_the_asked_channels() -> None:
    for channels in (3, 6):
        output = SpoofUNet(**TINY, out_channels=channels)(*inputs()).sample
        assert output.shape == (2, channels, 64, 64)
        assert (output == 0).all()


GOLDEN = [0.345666, 0.138686, -0.478997]


def test_golden() -> None:
    """Numbers of this implementation, to notice a change."""
    unet = filled(SpoofUNet(**TINY))
    grid = torch.arange(6 * 64 * 64, dtype=torch.float32).reshape(1, 6, 64, 64)
    maps = [torch.cos(torch.arange(16 * s * s, dtype=torch.float32).reshape(1, 16, s, s) * 0.21) for s in (8, 4, 2)]
    output = unet(torch.sin(grid * 0.013), torch.tensor([321]), (maps[0], maps[1], maps[2])).sample
    torch.testing.assert_close(output[0, :, 20, 40], torch.tensor(GOLDEN), atol=2e-5, rtol=0)


def test_timestep_live_and_every_feature_matter() -> None:
    unet = filled(SpoofUNet(**TINY))
    sample, timestep, features = inputs()
    reference = unet(sample, timestep, features).sample
    changed_live = torch.cat((sample[:, :3], -sample[:, 3:]), dim=1)
    variants = [(changed_live, timestep, features), (sample, timestep + 1, features)]
    for index in range(3):
        maps = [feature * 2 if index == place else feature for place, feature in enumerate(features)]
        variants.append((sample, timestep, (maps[0], maps[1], maps[2])))
    for changed in variants:
        assert (unet(*changed).sample - reference).abs().max() > 1e-4


def test_rows_are_independent() -> None:
    unet = filled(SpoofUNet(**TINY))
    sample, timestep, features = inputs()
    first = unet(sample, timestep, features).sample[0]
    sample[1], timestep[1] = 0.3, 5
    for feature in features:
        feature[1] = -1.0
    assert torch.equal(unet(sample, timestep, features).sample[0], first)


def test_conditions_may_be_encoded_once() -> None:
    unet = filled(SpoofUNet(**TINY))
    sample, timestep, features = inputs()
    conditions = unet.encode_conditions(features)
    assert torch.equal(unet(sample, timestep, conditions).sample, unet(sample, timestep, features).sample)


def test_condition_statistics_reach_every_stfm() -> None:
    unet = SpoofUNet(**TINY)
    unet.set_condition_statistics([torch.full((16,), float(i)) for i in range(3)], [torch.ones(16)] * 3)
    for index, stfm in unet.fusions():
        assert stfm.condition_norm.running_mean is not None
        assert (stfm.condition_norm.running_mean == index).all()


def test_save_and_load_are_bit_equal(tmp_path: Path) -> None:
    unet = filled(SpoofUNet(**TINY))
    unet.set_condition_statistics([torch.ones(16)] * 3, [torch.full((16,), 2.0)] * 3)
    unet.save_pretrained(tmp_path)
    loaded = SpoofUNet.from_pretrained(tmp_path, use_safetensors=True)
    assert torch.equal(loaded(*inputs()).sample, unet(*inputs()).sample)


def test_bad_shapes_are_explained() -> None:
    unet = SpoofUNet(**TINY)
    sample, timestep, features = inputs()
    cases: list[tuple[Any, Any, Any, str]] = [
        (sample[:, :3], timestep, features, r"give \(B, 6, H, W\)"),
        (sample[:, :, :48], timestep, features, "multiples of 32"),
        (sample, timestep[:1], features, "one per sample"),
        (sample, timestep, inputs(side=96)[2], "resize the guides"),
        (sample, timestep, inputs(channels=8)[2], "style encoder's widths"),
    ]
    for bad_sample, bad_timestep, bad_features, message in cases:
        with pytest.raises(ValueError, match=message):
            unet(bad_sample, bad_timestep, bad_features)
    with pytest.raises(ValueError, match="three"):
        unet.encode_conditions(features[:2])  # type: ignore[arg-type]


def test_bad_configuration_is_explained() -> None:
    with pytest.raises(ValueError, match="channel_multipliers has 4"):
        SpoofUNet(channel_multipliers=(1, 1, 2, 2))
    with pytest.raises(ValueError, match="out_channels is 4"):
        SpoofUNet(**TINY, out_channels=4)


def test_small_network_is_small_and_its_norms_let_a_style_pass() -> None:
    unet = SpoofUNet(**SMALL_UNET)
    assert 2_000_000 < sum(parameter.numel() for parameter in unet.parameters()) < 4_000_000
    for channels in unet.style_channels:
        assert channels // math.gcd(32, channels) >= 3  # one channel a group would be an instance norm


@pytest.mark.slow
def test_compiles_in_one_graph() -> None:
    unet = filled(SpoofUNet(**TINY))
    compiled = torch.compile(unet, fullgraph=True, backend="eager")
    sample, timestep, features = inputs()
    expected = unet(sample, timestep, features).sample
    torch.testing.assert_close(compiled(sample, timestep, features).sample, expected)


def test_gradient_checkpointing_runs_every_level_twice_and_changes_nothing() -> None:
    sample, timestep, features = inputs()
    gradients, runs = [], []
    for checkpointing in (False, True):
        unet = filled(SpoofUNet(**TINY)).train()
        if checkpointing:
            unet.enable_gradient_checkpointing()
        count = [0]
        for level in (*unet.down_levels, *unet.up_levels):
            level.register_forward_pre_hook(lambda *_, count=count: count.__setitem__(0, count[0] + 1))
        torch.manual_seed(3)  # dropout
        unet(sample, timestep, features).sample.square().mean().backward()
        gradients.append([parameter.grad for parameter in unet.parameters()])
        runs.append(count[0])
    assert runs == [12, 24]
    for plain, twice in zip(*gradients, strict=True):
        assert plain is not None
        torch.testing.assert_close(twice, plain, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("timesteps", [0, 1001])
def test_timesteps_outside_the_schedule_are_refused(timesteps: int) -> None:
    with pytest.raises(ValueError, match=f"timesteps {timesteps}"):
        SpoofUNet(**TINY, timesteps=timesteps)


@pytest.mark.parametrize("form", ["paper", "official"])
def test_norms_have_the_groups_of_their_form(form: Any) -> None:
    """gcd(32, C), or min(32, C) as the release: at 8 + 16 = 24 channels, on the way up, 8 or 24."""
    unet = SpoofUNet(8, (1, 1, 1, 1, 2, 2), 16, form=form)
    norms = [module for module in unet.modules() if isinstance(module, torch.nn.GroupNorm)]
    assert {24} == {norm.num_channels for norm in norms if norm.num_channels not in (8, 16, 32)}
    for norm in norms:
        expected = math.gcd(32, norm.num_channels) if form == "paper" else min(32, norm.num_channels)
        assert norm.num_groups == expected
