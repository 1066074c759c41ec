"""A room while it is built."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.capture.room_builder import RoomBuilder
from factory.world.scene import Panel

KINDS = ("sofa", "shelf", "picture", "plant", "door", "lamp", "window")


def built(seed: int = 0) -> RoomBuilder:
    return RoomBuilder(np.random.default_rng(seed), eye_height=1.3, behind=2.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_person_is_within_the_walls(seed: int) -> None:
    interior = built(seed).interior()
    assert np.less(interior.lower, -0.9).all() and np.greater(interior.upper, 0.9).all()
    assert interior.lower[1] == -1.3 and interior.lower[2] == -2.0
    assert 2.4 < interior.upper[1] - interior.lower[1] < 2.9
    for wall in interior.walls:
        assert wall.min() > 0 and wall.max() < 1


@pytest.mark.parametrize("seed", range(5))
def test_furniture_stands_along_the_wall_behind_and_lights_what_it_shines_on(seed: int) -> None:
    builder = built(seed)
    builder.furnish(KINDS)
    assert len(KINDS) - 3 <= len(builder.blocks) <= len(KINDS)
    assert all(block.lower[2] >= -2.0 and block.upper[2] < -0.3 for block in builder.blocks)
    assert len(builder.lights) == sum(block.shines for block in builder.blocks)
    for light in builder.lights:
        assert any(0 < light.centre[2] - block.upper[2] < 0.1 for block in builder.blocks if block.shines)
        assert light.area > 0 and light.normal == (0.0, 0.0, 1.0) and min(light.radiance) >= 0


def test_ceiling_lamps_hang_from_the_ceiling_and_shine_down() -> None:
    builder = built()
    builder.ceiling_lamp(10.0, 3000.0)
    (block,), (light,) = builder.blocks, builder.lights
    assert block.shines and block.lower[1] < builder.upper[1] < block.upper[1]
    assert light.normal == (0.0, -1.0, 0.0) and light.area == pytest.approx(0.16)
    assert light.radiance[0] > light.radiance[1] > light.radiance[2]  # 3000 K is warm
    assert np.allclose(block.surface[0, 0], light.radiance)


def test_panels_count_as_one_lamp_of_their_area() -> None:
    builder = built()
    builder.lit_by(tuple(Panel((x, 0.0, 1.0), (0.0, 0.0, 0.0), 0.2, 0.3, (2.0, 2.0, 2.0)) for x in (-0.5, 0.5)))
    (light,) = builder.lights
    assert light.area == pytest.approx(0.12) and light.centre == (0.0, 0.0, 1.0)
    assert np.allclose(light.normal, (0, 0, -1)) and light.radiance == (2.0, 2.0, 2.0)


def test_a_strip_gives_a_colour_and_equal_generators_build_equal_rooms() -> None:
    builder = built()
    builder.coloured_strip()
    assert builder.lights and max(builder.lights[0].radiance) > 1.5 * min(builder.lights[0].radiance)
    one, again, other = (built(seed).interior() for seed in (1, 1, 2))
    assert one.upper == again.upper != other.upper
    assert all(np.array_equal(a, b) for a, b in zip(one.walls, again.walls, strict=True))
