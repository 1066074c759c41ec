from __future__ import annotations

import numpy as np

from factory.world.attacks.enrolment import enrolled, spread
from tests.factory.world.attacks.stage import impostor


def test_a_picture_in_linear_values_that_shows_the_landmarks_where_it_says() -> None:
    picture = enrolled(impostor(), np.random.default_rng(0), 32, 4)
    again = enrolled(impostor(), np.random.default_rng(0), 32, 4)
    assert picture.picture.shape == (32, 32, 3) and picture.picture.dtype == np.float32
    assert picture.picture.tobytes() == again.picture.tobytes()
    assert picture.picture.min() >= 0 and picture.picture.max() <= 1
    assert np.abs(picture.middle - 0.5).max() < 0.1
    assert picture.landmarks[0, 0] < picture.landmarks[1, 0]


def test_the_size_of_a_picture_makes_its_face_as_large_as_another() -> None:
    picture = enrolled(impostor(), np.random.default_rng(0), 8, 1)
    assert np.isclose(spread(picture.landmarks) * picture.size(impostor()), spread(impostor().landmarks[:, :2]))


def test_a_crop_beyond_no_edge_is_the_picture() -> None:
    picture = enrolled(impostor(), np.random.default_rng(0), 16, 2)
    assert np.allclose(picture.crop((0, 0, 1, 1), 16, 16), picture.picture, atol=1e-5)
