"""The same weights and images give the same pixels wherever they lie in memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from difffas.alignment import ALIGNMENT, align, aligned


def moved(values: Tensor, offset: int) -> Tensor:
    """The same values `offset` bytes behind a multiple of ALIGNMENT."""
    memory = torch.empty(values.numel() + 2 * ALIGNMENT, dtype=values.dtype)
    start = (-memory.data_ptr() % ALIGNMENT + offset) // values.element_size()
    there = memory[start : start + values.numel()].view(values.shape)
    there.copy_(values)
    assert there.data_ptr() % ALIGNMENT == offset
    return there


def test_only_what_begins_elsewhere_is_copied() -> None:
    values = torch.arange(6.0)
    assert aligned(values) is values
    away = moved(values, 4)
    assert aligned(away).data_ptr() % ALIGNMENT == 0
    assert torch.equal(aligned(away), values)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 3, 8, 8), (1, 1, 8, 8), (2, 5, 1, 1)])
def test_images_have_one_order_in_memory(shape: tuple[int, ...]) -> None:
    values = torch.rand(shape)
    rows_first, wide = values.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), torch.zeros(*shape[:3], 99)
    wide[..., 7 : 7 + shape[3]] = values
    strides = aligned(values).stride()
    for same in (rows_first, wide[..., 7 : 7 + shape[3]], values.flip(3).flip(3), values.contiguous()):
        assert aligned(same).stride() == strides
        assert torch.equal(aligned(same), values)
    once = aligned(values.clone())
    assert aligned(once) is once


def test_a_network_is_moved_in_place() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    before, weight = {name: value.clone() for name, value in network.state_dict().items()}, network[0].weight
    for value in (*network.parameters(), *network.buffers()):
        if value.is_floating_point():
            value.data = moved(value.data, 28)
    align(network)
    assert all(value.data_ptr() % ALIGNMENT == 0 for value in network.state_dict().values())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network[0].weight is weight, "an optimiser holds on to it"


SCRIPT = """
import torch
from tests.difffas.test_alignment import moved
from tests.difffas.test_pipeline import images, pipeline as fixture

pipeline = fixture.__wrapped__() if hasattr(fixture, "__wrapped__") else fixture.__pytest_wrapped__.obj()
live, guide = images(1), images(2)
expected = pipeline(live, guide, steps=2)
for offset in (4, 8, 28, 60):
    for network in (pipeline.unet, pipeline.style_encoder):
        for value in (*network.parameters(), *network.buffers()):
            if value.is_floating_point():
                value.data = moved(value.data, offset)
    pipeline._null_conditions.clear()
    assert torch.equal(pipeline(moved(live, offset), moved(guide, offset), steps=2), expected), offset
for name in ("exact", "balanced"):
    steps = 2 if name == "exact" else None
    expected = pipeline(live, guide, steps=steps, preset=name)
    features, conditions = pipeline.encode_guides(guide), pipeline.encode_conditions(guide)
    orders = {
        "channels last": [each.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) for each in (live, guide)],
        "a part": [torch.nn.functional.pad(each, (3, 2, 1, 0))[:, :, 1:, 3:-2] for each in (live, guide)],
        "float64": [live.double(), guide.double()],
        "features": [live, features],
        "other features": [live, tuple(moved(each, 4) for each in features)],
        "plain features": [live, tuple(each.contiguous() for each in features)],
        "conditions": [live, tuple(type(each)(*(moved(part, 4) for part in each)) for each in conditions)],
    }
    for order, given in orders.items():
        assert torch.equal(pipeline(*given, steps=steps, preset=name), expected), (name, order)
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize("reproducible", [{}, {"MKL_CBWR": "AUTO,STRICT"}])
def test_the_same_weights_at_another_address_give_the_same_pixels(reproducible: dict[str, str]) -> None:
    """In a process of its own: MKL reads its setting once. Without the setting, alignment alone has to do."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MKL_")}
    command = [sys.executable, "-c", SCRIPT]
    ended = subprocess.run(command, env=environment | reproducible, capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "equal", ended.stderr[-2000:]
