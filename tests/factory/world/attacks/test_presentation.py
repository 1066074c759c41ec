from __future__ import annotations

import numpy as np

from factory.world.attacks.presentation import skin_of
from tests.factory.world.attacks.stage import impostor


def test_the_skin_is_a_figures_first_body_and_reaches_over_its_face() -> None:
    skin = skin_of(impostor())
    for landmark in impostor().landmarks[2:]:
        assert np.linalg.norm(skin.points - landmark, axis=1).min() < 0.003
