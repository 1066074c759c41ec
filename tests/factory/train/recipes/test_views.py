"""Two views of every face: patches whose places follow from the counters."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from factory.train.recipes.views import patch_side, two_views

HEIGHT, SIDE = 12, 7


def faces(size: int) -> torch.Tensor:
    """Images B,3,H,W: number of the image, of the row and of the column."""
    place = torch.arange(HEIGHT).float()
    rows, columns = torch.meshgrid(place, place, indexing="ij")
    return torch.stack([torch.stack([torch.full_like(rows, n), rows, columns]) for n in range(size)])


def test_views_are_unresized_patches_of_their_own_face() -> None:
    found = two_views(faces(40), np.arange(40), 0, SIDE)
    assert found.shape == (80, 3, SIDE, SIDE)
    corners, mirrored = [], []
    for number, patch in enumerate(found):
        assert (patch[0] == number % 40).all()
        row, column = int(patch[1, 0, 0]), int(patch[2, 0].min())
        across = torch.arange(column, column + SIDE).float()
        turned = bool(patch[2, 0, 0] != column)
        assert torch.equal(patch[1], torch.arange(row, row + SIDE).float()[:, None].expand(SIDE, SIDE))
        assert torch.equal(patch[2], (across.flip(0) if turned else across).expand(SIDE, SIDE))
        corners.append((row, column))
        mirrored.append(turned)
    assert {place for corner in corners for place in corner} == set(range(HEIGHT - SIDE + 1))
    assert corners[:40] != corners[40:]  # the two views are drawn apart
    assert mirrored[:40] != mirrored[40:]
    assert 20 < sum(mirrored) < 60


@given(st.integers(0, 2**40), st.integers(0, 99), st.integers(1, 5))
def test_a_sample_does_not_depend_on_its_neighbours(first: int, seed: int, parts: int) -> None:
    counters, images = first + np.arange(10), faces(10)
    whole = two_views(images, counters, seed, SIDE)
    rows = slice(2 * parts - 2, 2 * parts)
    part = two_views(images[rows], counters[rows], seed, SIDE)
    assert torch.equal(part, torch.cat([half[rows] for half in whole.chunk(2)]))


def test_a_patch_is_a_part_of_the_side() -> None:
    assert [patch_side(0.625, size) for size in (256, 64, 32)] == [160, 40, 20]
    assert patch_side(1.0, 64) == 64
    assert patch_side(1e-9, 64) == 1
