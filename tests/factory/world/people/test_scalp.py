"""Where hair grows."""

from __future__ import annotations

import numpy as np

from factory.world.people.head import base
from factory.world.people.roots import sprinkled
from factory.world.people.scalp import picture, places_on_picture, scalp


def test_scalp_hair_leaves_face_and_ears_free() -> None:
    roots = sprinkled(scalp(0.0, 0.0, 0.003, 1), 2000, np.random.default_rng(0)).at(base().points)
    ahead = roots[:, 2] > -0.02
    assert len(roots) == 2000
    assert roots[ahead, 1].min() > 0.05
    assert roots[:, 1].min() > -0.09
    assert np.abs(roots[roots[:, 1] < 0][:, 0]).max() < 0.08


def test_receding_hair_bares_the_forehead_first() -> None:
    young, old = (
        sprinkled(scalp(receding, 0.0, 0.0, 1), 1500, np.random.default_rng(0)).at(base().points)
        for receding in (0.0, 1.0)
    )
    assert (old[:, 2] > -0.05).mean() < 0.3 * (young[:, 2] > -0.05).mean()


def test_a_density_is_a_share_and_thinning_takes_the_crowns() -> None:
    full, thin = (scalp(0.2, share, 0.004, 1)(base().points) for share in (0.0, 0.9))
    assert thin.min() >= 0 and full.max() == 1 and (thin <= full).all()
    lost = base().points[full - thin > 0.3]
    assert len(lost) > 10 and lost[:, 1].min() > 0.02 and lost[:, 2].max() < -0.03


def test_a_widows_peak_lowers_the_middle_of_the_hairline() -> None:
    line = np.array([[0.0, height, 0.03] for height in np.linspace(0.05, 0.09, 60)], np.float32)
    plain, peaked = (scalp(0.0, 0.0, peak, 1)(line).sum() for peak in (0.0, 0.006))
    assert peaked > plain + 3


def test_a_picture_shows_the_density_where_the_head_is() -> None:
    density = scalp(0.0, 0.0, 0.0, 1)
    image = picture(density, 64)
    pixel, places = places_on_picture(64)
    assert image.shape == (64, 64)
    assert np.array_equal(image.ravel()[pixel], density(places))
    assert 100 < (image > 0).sum() == (image.ravel()[pixel] > 0).sum()
