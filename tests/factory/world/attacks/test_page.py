from __future__ import annotations

import numpy as np

from factory.world.attacks.page import Page
from factory.world.attacks.sheet import Sheet
from tests.factory.world.attacks.stage import enrolment


def test_each_landmark_lies_where_the_texture_is_red() -> None:
    page = Page(enrolment(), Sheet(0.2, 0.28, (0.004, -0.01)), 0.36, 300)
    texture = page.texture(0.0, 1.0)
    assert texture.shape == (*page.shape, 3)
    texels = page.texels_places()
    for place in page.places(enrolment().landmarks):
        row, column = np.unravel_index(np.hypot(*(texels - place).transpose(2, 0, 1)).argmin(), page.shape)
        assert texture[row, column, 0] > 0.9 and texture[row, column, 1] < 0.1


def test_borders_and_what_lies_beyond_the_picture_are_bare() -> None:
    page = Page(enrolment(), Sheet(0.2, 0.28), 0.36, 280)
    texture = page.texture(0.01, 1.0)
    assert (
        (texture[:10] == 1).all() and (texture[:, -10:] == 1).all() and (texture[12:-12, 12:-12] < 1).any(axis=2).all()
    )
    small = Page(enrolment(), Sheet(0.5, 0.3), 0.2, 100).texture(0.0, 0.0)
    assert (small[:, :20] == 0).all() and (small[30, 50] > 0).any()
