"""What every attack promises."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from factory.world.attacks import ATTACKS
from factory.world.attacks.presentation import Presentation
from factory.world.capture.cameras import PHONE
from factory.world.people.spectacles import Spectacles
from factory.world.render import render
from factory.world.scene import Mesh
from tests.factory.world.attacks.stage import FIELD, enrolment, impostor, seen

SEEDS = (0, 1, 2)
ROUND = Spectacles(True, (0.5, 0.5, 0.5), 0.048, 0.042, 2.2, 0.0009, True)


@functools.cache
def presented(name: str, seed: int) -> Presentation:
    return ATTACKS[name](impostor(), enrolment(), PHONE, np.random.default_rng(seed))


@pytest.mark.parametrize("name", list(ATTACKS))
def test_equal_seeds_give_equal_bytes(name: str) -> None:
    first, second, other = presented(name, 0), presented.__wrapped__(name, 0), presented(name, 1)
    assert first.parameters == second.parameters != other.parameters
    for one, two in zip(first.bodies, second.bodies, strict=True):
        assert one.points.tobytes() == two.points.tobytes()
        assert np.asarray(one.material.colour).tobytes() == np.asarray(two.material.colour).tobytes()


@pytest.mark.parametrize("name", list(ATTACKS))
def test_an_attack_changes_what_the_camera_sees(name: str) -> None:
    attack = presented(name, 1)
    live = render(seen(impostor().bodies, attack.landmarks), 24, 8, 0)
    spoof = render(seen(attack.bodies, attack.landmarks), 24, 8, 0)
    assert np.isfinite(spoof).all()
    assert np.abs(live - spoof)[6:18, 6:18].mean() > 0.02 * live.mean()


@pytest.mark.parametrize("name", list(ATTACKS))
def test_the_shown_face_has_the_proportions_of_the_enrolled_one(name: str) -> None:
    for seed in SEEDS:
        shown, parameters = presented(name, seed).landmarks, presented(name, seed).parameters
        assert shown.shape == (5, 3)
        right, left, nose, right_corner, left_corner = shown
        assert right[0] < left[0] and right_corner[0] < left_corner[0]
        assert right[1] > nose[1] > right_corner[1]
        enrolled = enrolment().landmarks * FIELD  # metres
        apart = np.linalg.norm(left - right) / np.linalg.norm(enrolled[1] - enrolled[0])
        high = np.linalg.norm(right_corner + left_corner - right - left)
        high /= np.linalg.norm(enrolled[3] + enrolled[4] - enrolled[1] - enrolled[0])
        assert float(apart) == pytest.approx(float(parameters.get("scale", 1.0)), rel=0.2)
        assert high == pytest.approx(apart, rel=0.2)


@pytest.mark.parametrize("name", list(ATTACKS))
def test_parameters_are_finite_numbers_and_names_and_the_same_ones_every_time(name: str) -> None:
    tables = [presented(name, seed).parameters for seed in SEEDS]
    assert len({tuple(table) for table in tables}) == 1
    for table in tables:
        assert all(isinstance(value, str) or np.isfinite(value) for value in table.values())


@pytest.mark.parametrize("name", list(ATTACKS))
def test_colours_are_reflectances_and_textures_are_small(name: str) -> None:
    for body in presented(name, 2).bodies:
        colour = np.asarray(body.material.colour)
        assert colour.min() >= 0 and colour.max() <= 1
        assert max(colour.shape) <= 1024
        if isinstance(body, Mesh):
            assert body.triangles.max() < len(body.points) == len(body.uv)


@pytest.mark.parametrize("name", ["rigid_mask", "silicone_mask", "paper_mask", "partial", "make_up"])
def test_spectacles_stay_on_and_are_over_what_is_worn(name: str) -> None:
    wearer = replace(impostor(), spectacles=ROUND)
    for seed in SEEDS:
        attack = ATTACKS[name](wearer, enrolment(), PHONE, np.random.default_rng(seed))
        glasses = [body.points for body in attack.bodies if body.material.glass]
        assert len(glasses) == 2
        parts = len(wearer.spectacled(wearer.points))
        cover = impostor().points if name == "make_up" else attack.bodies[-1 - parts].points
        for point in np.concatenate(glasses):
            near = np.hypot(*(cover[:, :2] - point[:2]).T) < 0.003
            assert not near.any() or cover[near, 2].max() < point[2]
