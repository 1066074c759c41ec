from __future__ import annotations

import numpy as np

from factory.world.attacks.partial import partial_attack
from factory.world.capture.cameras import PHONE
from factory.world.scene import Mesh
from tests.factory.world.attacks.stage import enrolment, impostor


def test_a_part_is_covered_and_the_rest_is_live() -> None:
    attacks = [partial_attack(impostor(), enrolment(), PHONE, np.random.default_rng(seed)) for seed in range(14)]
    assert {attack.parameters["form"] for attack in attacks} == {"eyes", "spectacles", "lower"}
    eyes, mouth = impostor().landmarks[:2, 1].mean(), impostor().landmarks[3:, 1].mean()
    for attack in attacks:
        sheet = attack.bodies[-1]
        assert isinstance(sheet, Mesh)
        low, high = sheet.points[:, 1].min(), sheet.points[:, 1].max()
        covers_mouth = attack.parameters["form"] == "lower"
        assert (low < mouth < high) == covers_mouth
        assert (low < eyes < high) != covers_mouth
        assert np.array_equal(attack.landmarks, impostor().landmarks)
