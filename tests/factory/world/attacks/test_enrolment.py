from __future__ import annotations

from dataclasses import replace

import numpy as np

from factory.world.attacks.enrolment import developed, enrolled, spread
from factory.world.render import render
from factory.world.scene import Material, Mesh
from tests.factory.world.attacks.stage import impostor


def test_a_picture_in_linear_values_that_shows_the_landmarks_where_it_says() -> None:
    picture = enrolled(impostor(), np.random.default_rng(0), 32, 4)
    again = enrolled(impostor(), np.random.default_rng(0), 32, 4)
    assert picture.picture.shape == (32, 32, 3) and picture.picture.dtype == np.float32
    assert picture.picture.tobytes() == again.picture.tobytes()
    assert picture.picture.min() >= 0 and picture.picture.max() <= 1
    assert np.abs(picture.middle - 0.5).max() < 0.1
    assert picture.landmarks[0, 0] < picture.landmarks[1, 0]


def test_a_posted_picture_is_a_smaller_copy_in_the_same_places() -> None:
    picture = enrolled(impostor(), np.random.default_rng(0), 32, 4)
    copy = picture.posted(20)
    assert copy.picture.shape == (20, 20, 3) and copy.side == 20
    assert np.array_equal(copy.landmarks, picture.landmarks)
    assert np.abs(copy.crop((0, 0, 1, 1), 8, 8) - picture.crop((0, 0, 1, 1), 8, 8)).mean() < 0.05


def test_what_is_as_fine_as_pores_stays_when_a_picture_is_developed() -> None:
    pores = np.full((64, 64, 3), 0.3, np.float32)
    pores[::3, ::3] *= 0.7
    kept = developed(pores, 1.0, np.ones((64, 64), bool))
    assert kept[::3, ::3].mean() < 0.85 * kept[1::3, 1::3].mean()


def test_pictures_are_taken_from_several_sides_and_show_each_landmark_where_they_say() -> None:
    sides = []
    for seed in range(12):
        made = enrolled(impostor(), np.random.default_rng(seed), 32, 4)
        camera = made.scene.camera
        away = np.subtract(camera.position, camera.target)
        sides.append((*np.degrees(np.arctan2(away[:2], away[2])), np.linalg.norm(away), made.scene.panels[0].width))
    low, high = np.min(sides, axis=0), np.max(sides, axis=0)
    assert (low[:2] < (-5, -3)).all() and (high[:2] > (5, 3)).all() and (np.abs(sides)[:, :2] < 12.1).all()
    assert high[2] > 1.5 * low[2] and high[3] > 2 * low[3]


def test_a_landmark_is_where_the_picture_shows_it() -> None:
    made = enrolled(impostor(), np.random.default_rng(3))
    for landmark, (across, down) in zip(impostor().landmarks, made.landmarks, strict=True):
        x, y, z = (float(value) for value in landmark)
        corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32) * 0.01 + (x, y, z)
        uv, halves = np.zeros((4, 2), np.float32), np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
        spot = Mesh(corners.astype(np.float32), halves, uv, Material(glow=(1.0, 1.0, 1.0)))
        seen = render(replace(made.scene, bodies=(spot,), panels=(), surroundings=(0.0, 0.0, 0.0)), 128, 4, 0)
        rows, columns = np.nonzero(seen[..., 0] > 0.5)
        assert abs(columns.mean() + 0.5 - 128 * across) < 1 and abs(rows.mean() + 0.5 - 128 * down) < 1


def test_the_size_of_a_picture_makes_its_face_as_large_as_another() -> None:
    picture = enrolled(impostor(), np.random.default_rng(0), 8, 1)
    assert np.isclose(spread(picture.landmarks) * picture.size(impostor()), spread(impostor().landmarks[:, :2]))


def test_a_crop_beyond_no_edge_is_the_picture() -> None:
    picture = enrolled(impostor(), np.random.default_rng(0), 16, 2)
    assert np.allclose(picture.crop((0, 0, 1, 1), 16, 16), picture.picture, atol=1e-5)
