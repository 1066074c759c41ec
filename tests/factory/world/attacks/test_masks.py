from __future__ import annotations

import numpy as np
import pytest

from factory.world.attacks.masks import rigid_mask, silicone_mask
from factory.world.attacks.presentation import Attack
from factory.world.attacks.shell import head_surface
from factory.world.capture.cameras import PHONE
from factory.world.scene import Mesh
from tests.factory.world.attacks.stage import enrolment, impostor

MASKS = (rigid_mask, silicone_mask)


@pytest.mark.parametrize("mask", MASKS)
def test_the_impostors_eyes_look_through_holes(mask: Attack) -> None:
    attack = mask(impostor(), enrolment(), PHONE, np.random.default_rng(0))
    shell = attack.bodies[-1]
    assert isinstance(shell, Mesh)
    for eye in impostor().landmarks[:2]:
        around = shell.points[shell.points[:, 2] > 0] - eye
        nearest = np.hypot(around[:, 0], around[:, 1]).min()
        assert nearest > 0.003


@pytest.mark.parametrize("mask", MASKS)
def test_the_rest_of_the_face_is_behind_it(mask: Attack) -> None:
    attack = mask(impostor(), enrolment(), PHONE, np.random.default_rng(1))
    nose = impostor().points[head_surface().front][:, 2].max()
    assert attack.bodies[-1].points[..., 2].max() > nose + 0.002
    assert float(attack.parameters["clearance"]) >= 0.0025


def test_resin_is_hard_and_silicone_is_soft() -> None:
    rigid = rigid_mask(impostor(), enrolment(), PHONE, np.random.default_rng(0)).bodies[-1].material
    soft = silicone_mask(impostor(), enrolment(), PHONE, np.random.default_rng(0)).bodies[-1].material
    assert soft.sheen > rigid.sheen
    assert np.asarray(soft.colour).reshape(-1, 3).std(axis=0).max() < 0.25
