from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.attacks.make_up import make_up
from factory.world.attacks.paint import complexion
from factory.world.attacks.presentation import skin_of
from factory.world.capture.cameras import PHONE
from factory.world.people.face_map import face_map
from tests.factory.world.attacks.stage import enrolment, impostor

WHERE = face_map(len(np.asarray(skin_of(impostor()).material.colour)))


def test_pigment_lies_on_the_face_and_not_on_the_neck() -> None:
    attack = make_up(impostor(), enrolment(), PHONE, np.random.default_rng(0))
    before, after = np.asarray(skin_of(impostor()).material.colour), np.asarray(attack.bodies[0].material.colour)
    change = np.abs(after - before).mean(axis=2)
    assert change[WHERE.lips > 0.8].mean() > 0.02
    assert change[(WHERE.places[..., 1] < -0.16) & WHERE.covered].max() < 1e-3
    assert np.array_equal(attack.bodies[0].points, impostor().bodies[0].points)


@pytest.mark.slow
def test_an_impersonation_comes_nearer_to_the_other_complexion() -> None:
    skin = skin_of(enrolment().figure)
    dark = replace(skin, material=replace(skin.material, colour=(0.08, 0.04, 0.03)))
    other = replace(enrolment(), figure=replace(enrolment().figure, bodies=(dark,)))
    attacks = [make_up(impostor(), other, PHONE, np.random.default_rng(seed)) for seed in range(12)]
    assert {attack.parameters["form"] for attack in attacks} == {"impersonation", "glamour", "disguise"}
    theirs, own = complexion(other.figure)[0], complexion(impostor())[0]
    forehead = WHERE.blob((0.0, 0.04, 0.02), (0.02, 0.01, 0.03)) > 0.5
    for attack in attacks:
        if attack.parameters["form"] == "impersonation":
            shown = np.asarray(attack.bodies[0].material.colour)[forehead].mean(axis=0)
            assert np.linalg.norm(shown - theirs) < np.linalg.norm(own - theirs)
