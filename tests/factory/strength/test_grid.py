"""The picture of a study has every spoof in its place."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from factory.strength.grid import AISLE, CELL, GAP, LABEL, TITLE, Block, draw_grid, shown_faces


def test_the_picture_has_every_spoof_in_its_place() -> None:
    spoofs = np.stack([np.full((32, 32, 3), 10 * n + 40, np.uint8) for n in range(6)]).reshape(2, 3, 32, 32, 3)
    block = Block("cam-print", np.full((32, 32, 3), 1, np.uint8), np.full((32, 32, 3), 2, np.uint8), spoofs)
    with Image.open(io.BytesIO(draw_grid([block, block], [100, 250], [1.0, 2.0, 4.5]))) as image:
        pixels = np.asarray(image)
    height, middle = pixels.shape[0] // 2, CELL // 2
    for top in (TITLE, height + TITLE):
        for row in range(2):
            for column in range(3):
                x = CELL + AISLE + LABEL + column * (CELL + GAP) + middle
                shown = pixels[top + row * (CELL + GAP) + middle, x]
                assert shown.tolist() == [*spoofs[row, column, 0, 0], 255]
        assert pixels[top + middle, middle].tolist() == [1, 1, 1, 255]
        assert pixels[top + CELL + TITLE + middle, middle].tolist() == [2, 2, 2, 255]
        heads = pixels[top - TITLE : top, CELL + AISLE + LABEL :, 3].reshape(TITLE, 3, CELL + GAP)
        assert (heads.max(axis=(0, 2)) > 0).all()  # each column has a label above it
    assert pixels[0, 0, 3] == 0


def test_faces_shown_are_of_different_styles() -> None:
    assert shown_faces(["a", "b", "c", "d"] * 2, 3) == [0, 1, 2]
    assert shown_faces(["a", "b"] * 4, 3) == [0, 1, 5]
    assert shown_faces(["a"] * 16, 3) == [0, 6, 11]
    assert shown_faces(["a"] * 2, 3) == [0, 1]
