from __future__ import annotations

import numpy as np

from factory.world.attacks.hand import holding, skin_colour
from factory.world.attacks.sheet import Sheet
from tests.factory.world.attacks.stage import impostor


def test_thumbs_hold_the_rim_and_have_the_impostors_colour() -> None:
    sheet = Sheet(0.07, 0.14)
    colour = skin_colour(impostor())
    for seed in range(4):
        thumbs = holding(sheet, colour, np.random.default_rng(seed))
        assert 1 <= len(thumbs) <= 2
        for thumb in thumbs:
            assert thumb.material.colour == colour
            tips = np.abs(thumb.points[:, 0])
            assert tips.min() < 0.035 < tips.max()
            assert tips.min() > 0.01
