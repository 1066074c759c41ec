"""Beards: where they grow, how long, and whose."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.ancestry import Ancestry
from factory.world.people.beard import Beard, Kind, beard_density, beard_strands
from factory.world.people.head import base


@pytest.mark.parametrize("kind", ["moustache", "goatee", "full"])
def test_beards_leave_lips_and_cheeks_free(kind: Kind) -> None:
    beard = Beard(kind, 0.008, 3000, 0.2)
    root = beard_strands(beard, base().points, np.random.default_rng(0))[:, 0]
    assert root[:, 1].max() < 0.01 and len(root) > 300
    lips = (np.abs(root[:, 0]) < 0.02) & (np.abs(root[:, 1] + 0.0655) < 0.005)
    assert not lips.any()


def test_a_density_is_a_share_and_the_same_on_both_sides() -> None:
    full, goatee, moustache = (beard_density(kind)(base().points) for kind in ("full", "goatee", "moustache"))
    assert full.min() == 0 and full.max() == 1
    assert (goatee <= full).all() and (moustache <= full).all()
    assert 0 < moustache.sum() < goatee.sum() < full.sum()
    for kind in ("full", "goatee", "moustache"):
        other = beard_density(kind)(np.asarray(base().points * [-1, 1, 1], np.float32))
        assert np.array_equal(other, beard_density(kind)(base().points))


def test_a_longer_beard_reaches_further_and_equal_generators_grow_equal_ones() -> None:
    short, again, long = (
        beard_strands(Beard("full", length, 1500, 0.2), base().points, np.random.default_rng(1))
        for length in (0.006, 0.006, 0.03)
    )
    assert np.array_equal(short, again) and np.isfinite(long).all()
    assert long[..., 1].min() < short[..., 1].min() - 0.008
    reach = np.linalg.norm(np.diff(short, axis=1), axis=2).sum(axis=1)
    assert np.median(reach) < 0.012


def test_drawn_beards_are_of_every_kind_and_within_their_ranges() -> None:
    drawn = [Beard.drawn(np.random.default_rng(seed), Ancestry(0.3, 0.3, 0.4)) for seed in range(60)]
    assert {beard.kind for beard in drawn} == {"moustache", "goatee", "full"}
    assert all(0.005 <= beard.length <= 0.035 and 0 <= beard.curl <= 1 for beard in drawn)
    assert all(2500 < beard.hairs < 8000 for beard in drawn)
