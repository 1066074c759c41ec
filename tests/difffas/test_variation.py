"""Moves bring mirrored pixels in, covers take the mean colour, and no image touches another."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from difffas.variation import covered, moved


@given(
    height=st.integers(3, 12),
    width=st.integers(3, 12),
    moves=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=4),
)
def test_a_move_is_a_crop_of_the_mirrored_image(height: int, width: int, moves: list[tuple[int, int]]) -> None:
    images = torch.randn(len(moves), 3, height, width, generator=torch.Generator().manual_seed(0))
    down, across = torch.tensor(moves).T
    wide = torch.nn.functional.pad(images, (2, 2, 2, 2), mode="reflect")
    expected = [
        image[:, 2 - y : 2 - y + height, 2 - x : 2 - x + width] for image, (y, x) in zip(wide, moves, strict=True)
    ]
    assert torch.equal(moved(images, down, across), torch.stack(expected))


@given(top=st.integers(0, 5), left=st.integers(0, 5), side=st.integers(0, 4))
def test_a_cover_is_a_square_of_the_mean_colour(top: int, left: int, side: int) -> None:
    images = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    found = covered(images, torch.tensor([top, 0]), torch.tensor([left, 0]), torch.tensor([side, 0]))
    assert torch.equal(found[1], images[1])
    expected = images[0].clone()
    expected[:, top : top + side, left : left + side] = images[0].mean(dim=(1, 2))[:, None, None]
    torch.testing.assert_close(found[0], expected)
