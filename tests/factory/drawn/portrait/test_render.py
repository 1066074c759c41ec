"""One picture of one subject: its shape, type and range, and the look that was approved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.drawn.portrait import Capture, Subject, render
from factory.drawn.portrait.people import CUTS

FRONTAL = Capture(seed=1)


@pytest.mark.parametrize("size", [16, 33, 64, 96, 130])
def test_shape_type_and_range(size: int) -> None:
    picture = render(Subject.from_seed(3), FRONTAL, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20
    assert (picture == 255).mean() < 0.02


@pytest.mark.parametrize("cut", CUTS)
def test_every_cut_is_drawn(cut: str) -> None:
    bald = render(replace(Subject.from_seed(9), cut="bald", hair="black"), FRONTAL, 48).astype(int)
    picture = render(replace(Subject.from_seed(9), cut=cut, hair="black"), FRONTAL, 48).astype(int)
    darker = ((bald - picture).sum(-1) > 60).mean()
    assert (darker > 0.03) == (cut != "bald")


# Mean colours of the ninths of one portrait, rows from the top; red, green and blue in turn.
GOLDEN = [
    170.2,
    177.2,
    167.7,
    196.6,
    174.8,
    140.0,
    180.9,
    181.1,
    179.0,
    155.9,
    151.5,
    139.3,
    198.5,
    160.4,
    137.2,
    171.5,
    168.0,
    158.8,
    130.5,
    140.3,
    133.9,
    139.6,
    113.7,
    96.0,
    150.3,
    159.8,
    154.6,
]


def test_look_is_the_one_that_was_approved() -> None:
    picture = render(Subject.from_seed(3), Capture.from_seed(5), 96).astype(float)
    assert picture.reshape(3, 32, 3, 32, 3).mean((1, 3)).ravel() == pytest.approx(np.array(GOLDEN), abs=2)
