"""The typology angle of known colours, where it is measured, and how it moves."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from difffas.skin_tone import lab, typology_angle, typology_drift

# Published L*, a*, b* of sRGB colours under D65.
GOLDEN = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (128, 128, 128): (53.585, 0.0, 0.0),
    (255, 0, 0): (53.241, 80.092, 67.203),
    (0, 255, 0): (87.735, -86.183, 83.179),
    (0, 0, 255): (32.297, 79.188, -107.860),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (1, 1, 1): (0.274, 0.0, 0.0),
}


def flat(colour: tuple[int, int, int], side: int = 64) -> Tensor:
    return (torch.tensor(colour).double() / 127.5 - 1.0)[None, :, None, None].expand(1, 3, side, side)


@pytest.mark.parametrize("colour", GOLDEN)
def test_golden_colours(colour: tuple[int, int, int]) -> None:
    expected = GOLDEN[colour]
    found = lab(flat(colour, 2))[0, :, 0, 0]
    assert found.tolist() == pytest.approx(expected, abs=0.01)
    if abs(expected[2]) > 1:
        angle = math.degrees(math.atan2(expected[0] - 50.0, expected[2]))
        assert typology_angle(flat(colour)).item() == pytest.approx(angle, abs=0.01)


# A fair, an intermediate and a deep tone: the angle falls through the classes of Chardon et al.
SKIN = {(246, 214, 194): 69.7, (211, 158, 122): 36.0, (84, 53, 38): -58.3}


@pytest.mark.parametrize(("colour", "angle"), SKIN.items())
def test_golden_skin(colour: tuple[int, int, int], angle: float) -> None:
    assert typology_angle(flat(colour)).item() == pytest.approx(angle, abs=0.1)


def test_only_the_cheeks_count() -> None:
    face = flat((211, 158, 122), 64).clone()
    expected = typology_angle(face)
    face[:, :, :30] = -1.0  # hair, forehead, eyes
    face[:, :, 44:] = 1.0  # mouth, chin
    face[:, :, :, 28:36] = -0.5  # nose
    face[:, :, 35, 20] = 1.0  # a highlight
    torch.testing.assert_close(typology_angle(face), expected)


@given(st.floats(-180, 180), st.floats(-179, 179))
def test_the_drift_is_the_shorter_way(before: float, by: float) -> None:
    start = torch.tensor([before], dtype=torch.float64)
    assert typology_drift(start, start + by).item() == pytest.approx(by, abs=1e-6)
    assert typology_drift(start, start + by + 360.0).item() == pytest.approx(by, abs=1e-6)


def test_a_batch_is_its_images() -> None:
    faces = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = typology_angle(faces)
    assert whole.dtype == torch.float64
    torch.testing.assert_close(whole, torch.cat([typology_angle(face[None]) for face in faces]))
