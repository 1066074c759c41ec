"""Rooms: their light at the face, their background, and that they are drawn anew by each generator."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from factory.world.capture.interiors import directions
from factory.world.capture.rooms import ROOMS, Room, room
from factory.world.scene import Floats, Panel

SEEDS = (0, 1)
EVERY = pytest.mark.parametrize("name", ROOMS)


@cache
def made(name: str, seed: int) -> Room:
    return room(name, np.random.default_rng(seed))


def irradiance(place: Room) -> Floats:
    """3: what falls on the front of the face, facing the camera."""
    image = place.surroundings[::4, ::4]
    height, width = image.shape[:2]
    rays = directions((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width)
    area = (np.pi / height) * (2 * np.pi / width) * np.sin((np.arange(height) + 0.5) / height * np.pi)
    total = (image * np.maximum(rays[..., 2:], 0) * area[:, None, None]).sum(axis=(0, 1))
    for panel in place.panels:
        centre = np.array(panel.centre)
        away = float(np.linalg.norm(centre))
        total = total + np.array(panel.radiance) * panel.width * panel.height * max(centre[2], 0) / away**3
    return np.asarray(total, np.float32)


@EVERY
def test_a_room_lights_the_face_as_rooms_do(name: str) -> None:
    for seed in SEEDS:
        light = irradiance(made(name, seed))
        assert 0.6 < light[1] < 60  # 60 to 6000 lux
        assert light[0] / light[2] < 12  # warm, but not a fire


@EVERY
def test_what_is_behind_a_person_is_lit_and_not_flat(name: str) -> None:
    for seed in SEEDS:
        image = made(name, seed).surroundings
        assert np.isfinite(image).all() and image.min() >= 0
        height, width = image.shape[:2]
        behind = np.roll(image, width // 2, axis=1)[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5]
        assert behind.mean() > 0.003
        assert behind.std() > 0.08 * behind.mean()


@EVERY
def test_equal_generators_give_equal_rooms_and_others_do_not(name: str) -> None:
    again = room(name, np.random.default_rng(0))
    assert np.array_equal(again.surroundings, made(name, 0).surroundings) and again.panels == made(name, 0).panels
    assert not np.array_equal(again.surroundings, made(name, 1).surroundings)


def test_a_white_sheet_is_as_bright_as_the_light_on_it() -> None:
    even = np.full((64, 128, 3), 0.3, np.float32)
    lamp = Panel((0.0, 0.0, 2.0), (0.0, 0.0, 0.0), 0.2, 0.1, (50.0, 50.0, 50.0))
    behind = Panel((0.0, 0.0, -2.0), (0.0, 0.0, 0.0), 0.2, 0.1, (50.0, 50.0, 50.0))
    assert Room((), even).white == pytest.approx(0.3, rel=1e-5)
    assert Room((lamp, behind), even).white == pytest.approx(0.3 + 50 * 0.02 / 2**2 / np.pi, rel=1e-5)
    above = np.zeros_like(even)
    above[:32] = 1.0  # half of the light that a sheet receives
    assert Room((), above).white == pytest.approx(0.5, rel=1e-5)
