"""Patches: every pixel is one of the image's, at its own size."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difffas.patches import Patches, cut, grid_of


def numbered(size: int, height: int, width: int) -> torch.Tensor:
    """Images B,1,H,W in which every pixel has a number of its own."""
    return torch.arange(size * height * width).view(size, 1, height, width)


@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 12), st.integers(0, 12))
def test_a_grid_reaches_from_border_to_border_and_copies_pixels(side: int, grid: int, down: int, across: int) -> None:
    images = numbered(2, side + down, side + across)
    found = grid_of(images, Patches(side, grid))
    assert found.shape == (2, grid * grid, 1, side, side)
    corners = [divmod(int(patch[0, 0, 0]), side + across) for patch in found[0]]
    rows, columns = [row for row, _ in corners[::grid]], [column for _, column in corners[:grid]]
    assert corners == [(row, column) for row in rows for column in columns]
    for starts, room in ((rows, down), (columns, across)):
        if grid == 1:
            assert starts == [room // 2]
        else:
            assert (starts[0], starts[-1]) == (0, room)
            assert all(abs(start - place * room / (grid - 1)) <= 0.5 for place, start in enumerate(starts))
    for number, (row, column) in enumerate(corners):
        assert torch.equal(found[:, number], images[:, :, row : row + side, column : column + side])


def test_the_grid_of_a_patch_as_large_as_the_image_is_the_image() -> None:
    images = numbered(3, 8, 8)
    assert torch.equal(grid_of(images, Patches(8)), images[:, None].expand(3, 9, 1, 8, 8))


def test_an_image_smaller_than_a_patch_is_refused() -> None:
    with pytest.raises(ValueError, match="images of 8 × 9: the classifier looks at patches of 9 pixels"):
        grid_of(numbered(1, 8, 9), Patches(9))


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 5), st.integers(0, 2**31))
def test_a_cut_is_a_slice_of_each_image(size: int, side: int, room: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 3, side + room, side + room, generator=generator)
    top, left = torch.randint(0, room + 1, (2, size), generator=generator)
    found = cut(images, top, left, side)
    for number, (row, column) in enumerate(zip(top.tolist(), left.tolist(), strict=True)):
        assert torch.equal(found[number], images[number, :, row : row + side, column : column + side])
