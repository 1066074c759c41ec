"""Rooms as pictures all around: what is before what, and how it is lit."""

from __future__ import annotations

import numpy as np

from factory.world.capture.interiors import Block, Interior, Light, directions, seen, surroundings
from factory.world.scene import Floats

WHITE = np.full((2, 2, 3), 0.5, np.float32)
LAMP = Light((0.0, 0.9, 0.5), (0.0, -1.0, 0.0), 0.1, (20.0, 20.0, 20.0))
AHEAD = np.array([[[0, 0, 1], [0, 0, -1], [0, -1, 0], [0.02, 0, -1]]], np.float32)


def box(*blocks: Block, lights: tuple[Light, ...] = (LAMP,)) -> Interior:
    return Interior((-2, -1.2, -2), (2, 1.2, 3), (WHITE, WHITE, WHITE, WHITE), blocks, lights, 0.2)


def board(depth: float, value: float, shines: bool = False) -> Block:
    return Block((-0.5, -0.5, depth), (0.5, 0.5, depth + 0.02), np.full((2, 2, 3), value, np.float32), shines)


def look(interior: Interior) -> Floats:
    rays = AHEAD / np.linalg.norm(AHEAD, axis=2, keepdims=True)
    return seen(interior, rays)[0]


def test_directions_follow_the_scenes_layout() -> None:
    rays = directions(np.array([0.0, 0.5]), np.array([0.0, 0.25, 0.5]))
    assert np.allclose(rays[0], (0, 1, 0), atol=1e-6)
    assert np.allclose(rays[1], [(0, 0, -1), (1, 0, 0), (0, 0, 1)], atol=1e-6)


def test_walls_send_back_their_share_of_the_light() -> None:
    once = look(box())
    twice = look(box(lights=(LAMP, LAMP)))
    assert (once > 0).all() and np.allclose(twice, 2 * once, rtol=1e-4)
    assert once[2].mean() > once[1].mean()  # the floor lies below the lamp


def test_a_block_hides_what_is_behind_it() -> None:
    near, far = board(-1.0, 0.1), board(-1.5, 0.9)
    assert np.array_equal(look(box(near, far)), look(box(far, near)))
    assert np.array_equal(look(box(near, far))[1], look(box(near))[1])
    assert look(box(near))[1].mean() < look(box())[1].mean() < look(box(far))[1].mean()
    assert np.array_equal(look(box(near))[0], look(box())[0])


def test_what_shines_shows_its_own_radiance_and_holes_what_is_behind() -> None:
    assert np.allclose(look(box(board(-1.0, 7.0, shines=True)))[1], 7.0)
    holed = Block((-0.5, -0.5, -1.0), (0.5, 0.5, -0.9), np.zeros((2, 2, 4), np.float32))
    assert np.array_equal(look(box(holed)), look(box()))


def test_surroundings_are_finer_and_soft_behind_the_person() -> None:
    image = surroundings(box(board(-1.0, 7.0, shines=True)))
    height, width = image.shape[:2]
    assert width == 2 * height and np.isfinite(image).all() and image.min() >= 0
    assert np.allclose(image[height // 2, [0, -1]], 7.0, atol=1e-3)  # behind is where the columns end
    edge = image[height // 2, :, 0]
    assert ((edge > 1.5) & (edge < 6.5)).sum() >= 2  # no hard step
