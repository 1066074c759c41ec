"""Pixels survive the way to tensors and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from factory.models.tensors import to_pixels, to_tensor


def test_pixels_survive_the_way_to_tensors_and_back() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    assert np.array_equal(to_pixels(to_tensor(pixels)), pixels)
    assert to_tensor(pixels).min() == -1
    assert to_tensor(pixels).max() == 1
    with pytest.raises(FloatingPointError, match="non-finite"):
        to_pixels(torch.full((1, 3, 2, 2), float("nan")))
