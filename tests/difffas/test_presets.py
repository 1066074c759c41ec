"""Presets: what they compute, in which precision, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from difffas import presets
from difffas.pipeline import SpoofPipeline
from difffas.presets import PRESETS, network_dtype
from difffas.student import SpoofStudent
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet

UNET: dict[str, Any] = {"base_channels": 8, "channel_multipliers": (1, 1, 1, 1, 1, 1), "embed_channels": 16}
ENCODER: dict[str, Any] = {"stem_channels": 8, "channels": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}


class Counting(SpoofUNet):  # type: ignore[misc]
    """Notes every forward: batch size and precision, also of copies of itself."""

    seen: list[tuple[int, torch.dtype]] = []

    def forward(self, sample: Tensor, timestep: Tensor, features: Any, *more: Any) -> Any:
        Counting.seen.append((sample.shape[0], sample.dtype))
        return super().forward(sample, timestep, features, *more)


@pytest.fixture(scope="module")
def pipeline() -> SpoofPipeline:
    torch.manual_seed(0)
    unet = Counting(**UNET)
    for module in unet.modules():
        if isinstance(module, torch.nn.Conv2d) and not module.weight.any():
            torch.nn.init.normal_(module.weight, std=0.05)
    return SpoofPipeline(unet, StyleEncoder(["a"], **ENCODER))


def images(seed: int, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("name", ["balanced", "fast"])
def test_a_preset_costs_what_it_says(pipeline: SpoofPipeline, name: str) -> None:
    preset = PRESETS[name]
    Counting.seen = []
    pipeline(images(1), images(2), cfg_scale=[2.0, 1.0], preset=name)
    assert sum(batch for batch, _ in Counting.seen) == 2 * preset.forwards  # type: ignore[operator]
    assert {dtype for _, dtype in Counting.seen} == {network_dtype(preset, torch.device("cpu"))}
    Counting.seen = []
    pipeline(images(1), images(2), cfg_scale=1.0, preset=name)
    assert [batch for batch, _ in Counting.seen] == [2] * preset.steps  # type: ignore[operator]


def test_forwards_fall_from_preset_to_preset() -> None:
    assert PRESETS["exact"].forwards is None
    assert (PRESETS["balanced"].forwards, PRESETS["fast"].forwards) == (8, 5)  # of 50 of the plain run
    assert (PRESETS["student-2"].forwards, PRESETS["student"].forwards) == (2, 1)


def test_exact_is_the_run_without_a_preset(pipeline: SpoofPipeline) -> None:
    plain = pipeline(images(1), images(2), steps=4)
    assert torch.equal(pipeline(images(1), images(2), steps=4, preset="exact"), plain)
    assert not torch.allclose(pipeline(images(1), images(2), preset="fast"), plain, atol=1e-4)


def test_the_weights_stay_as_they_are(pipeline: SpoofPipeline) -> None:
    before = pipeline(images(1), images(2), steps=3)
    fast = pipeline(images(1), images(2), preset="fast")
    assert pipeline.unet.dtype == torch.float32
    assert torch.equal(pipeline(images(1), images(2), steps=3), before)
    assert torch.equal(pipeline(images(1), images(2), preset="fast"), fast)


def test_a_device_without_bfloat16_computes_in_float32(
    pipeline: SpoofPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presets, "_computes_bfloat16", lambda device: False)
    Counting.seen = []
    pipeline(images(1), images(2), preset="balanced")
    assert {dtype for _, dtype in Counting.seen} == {torch.float32}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "quick"}, "preset 'quick' is unknown: use one of exact, balanced, fast"),
        ({"preset": "fast", "steps": 25}, "steps 25 with preset 'fast': leave them out"),
        ({"preset": "fast", "sampler": "ddim"}, "sampler 'ddim' with preset 'fast': leave it out"),
        ({"preset": "fast", "offset": "official"}, "spacing"),
    ],
)
def test_what_a_preset_does_not_take(pipeline: SpoofPipeline, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pipeline(images(1), images(2), **given)


def test_compiling_is_for_the_network_of_the_presets_alone(pipeline: SpoofPipeline) -> None:
    """That the whole network compiles as one graph is tested with it; the compiler itself takes minutes."""
    arguments = {**UNET, "channel_multipliers": list(UNET["channel_multipliers"])}
    student = SpoofStudent(arguments, teacher="", t0=[1, 2], cfg_scale=[1.0, 2.0], styles=["a"])
    compiled = SpoofPipeline(pipeline.unet, pipeline.style_encoder, student=student)
    compiled.compile()
    for name, network in ((name, compiled.network(preset)) for name, preset in PRESETS.items()):
        half = network.dtype == torch.bfloat16
        assert half == (name != "exact" and network_dtype(PRESETS[name], torch.device("cpu")) == torch.bfloat16)
        assert (network._compiled_call_impl is not None) == half
    assert pipeline.network(PRESETS["fast"])._compiled_call_impl is None
