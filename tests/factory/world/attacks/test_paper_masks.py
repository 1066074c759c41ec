from __future__ import annotations

import numpy as np

from factory.world.attacks.paper_masks import paper_mask
from factory.world.attacks.shell import head_surface
from factory.world.capture.cameras import PHONE
from factory.world.scene import Mesh
from tests.factory.world.attacks.stage import enrolment, impostor


def test_facets_lie_before_the_face_and_have_holes_for_the_eyes() -> None:
    attack = paper_mask(impostor(), enrolment(), PHONE, np.random.default_rng(0))
    mask = attack.bodies[-1]
    assert isinstance(mask, Mesh) and not mask.smooth
    assert len(mask.triangles) < 200
    holes = np.asarray(mask.material.opacity)
    assert set(np.unique(holes)) == {0.0, 1.0}
    assert 0.25 < holes.mean() < 0.75
    face = impostor().points[head_surface().front]
    assert mask.points[:, 2].max() > face[:, 2].max()
    assert np.abs(attack.landmarks - impostor().landmarks).max() < 0.04
