from __future__ import annotations

import numpy as np
import pytest

from factory.world.attacks.prints import print_attack
from factory.world.capture.cameras import PHONE
from factory.world.render import render
from factory.world.scene import Camera, Mesh, Scene
from tests.factory.world.attacks.stage import enrolment, impostor

SEEDS = range(12)


@pytest.mark.slow
def test_forms_sheets_and_tilts() -> None:
    tables = [print_attack(impostor(), enrolment(), PHONE, np.random.default_rng(seed)).parameters for seed in SEEDS]
    assert {table["form"] for table in tables} == {"flat", "warped", "cut"}
    for table in tables:
        assert all(abs(float(table[name])) <= 18.5 for name in ("yaw", "pitch", "roll"))
        assert 0.4 <= float(table["scale"]) <= 1.1
        assert 0 <= float(table["border"]) <= 0.012


@pytest.mark.slow
def test_cut_eyes_are_holes_of_a_life_sized_face() -> None:
    cuts = [print_attack(impostor(), enrolment(), PHONE, np.random.default_rng(seed)) for seed in SEEDS]
    cut = next(attack for attack in cuts if attack.parameters["form"] == "cut")
    assert cut.parameters["scale"] == 1
    added = cut.bodies[len(impostor().bodies) :]
    holes = [body.material.opacity for body in added if isinstance(body.material.opacity, np.ndarray)]
    assert len(holes) == 1
    assert 0.002 < 1 - holes[0].mean() < 0.05


def test_the_printed_face_is_where_the_landmarks_say() -> None:
    attack = next(
        attack
        for attack in (print_attack(impostor(), enrolment(), PHONE, np.random.default_rng(seed)) for seed in SEEDS)
        if attack.parameters["form"] == "flat"
    )
    sheet = attack.bodies[len(impostor().bodies)]
    for landmark in attack.landmarks:
        x, y, z = (float(value) for value in landmark)
        scene = Scene(Camera((x, y, z + 0.4), (x, y, z), 1.0), (sheet,), (), (1.0, 1.0, 1.0))
        red, green, _ = render(scene, 2, 64, 0).mean(axis=(0, 1))
        assert red > 1.3 * green


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_of_the_impostor_comes_through_a_flat_sheet(seed: int) -> None:
    attack = print_attack(impostor(), enrolment(), PHONE, np.random.default_rng(seed))
    if attack.parameters["form"] == "flat":
        sheet = attack.bodies[len(impostor().bodies)]
        assert isinstance(sheet, Mesh)
        covered = np.abs(impostor().points[:, :2] - attack.landmarks.mean(axis=0)[:2]).max(axis=1) < 0.04
        assert impostor().points[covered, 2].max() < sheet.points[:, 2].max()
