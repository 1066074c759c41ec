from __future__ import annotations

import numpy as np

from factory.world.attacks.paint import SIDE, brows, complexion, laid, lash_lines, lids, texture_of
from factory.world.people.face_map import face_map
from tests.factory.world.attacks.stage import impostor

WHERE = face_map(SIDE)


def test_paint_lies_where_its_name_says() -> None:
    height = WHERE.places[..., 1]
    brow, lid, line = brows(WHERE, 0.017, 0.004, 0.002), lids(WHERE), lash_lines(WHERE)
    for mark in (brow, lid, line):
        assert mark.min() > -0.1 and 0.5 < mark.max() < 1.1
        assert (mark > 0.3).mean() < 0.05
    middle = [float((mark * height).sum() / mark.sum()) for mark in (brow, lid, line)]
    assert 0.012 < middle[0] < 0.022
    assert middle[2] < middle[1] < middle[0]


def test_lips_are_redder_than_cheeks() -> None:
    cheeks, lips = complexion(impostor())
    assert lips[1] / lips[0] < cheeks[1] / cheeks[0]
    assert texture_of(impostor()).shape == (SIDE, SIDE, 3)


def test_full_cover_is_the_colour_and_none_is_the_image() -> None:
    image = np.random.default_rng(0).random((4, 4, 3), np.float32)
    assert np.allclose(laid(image, np.ones(3), np.ones((4, 4), np.float32)), 1)
    assert np.array_equal(laid(image, np.ones(3), np.zeros((4, 4), np.float32)), image)
