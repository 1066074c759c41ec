"""Hair tied to a knot."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.roots import sprinkled
from factory.world.people.scalp import scalp
from factory.world.people.tied import KNOTS, drawn_back, hanging
from tests.factory.world.people.heads import around, mixed

EVERY = pytest.mark.parametrize("name", KNOTS)


@EVERY
def test_hair_runs_over_the_skull_to_its_knot(name: str) -> None:
    roots = sprinkled(scalp(0.0, 0.0, 0.0, 1), 300, np.random.default_rng(0))
    paths, again = (drawn_back(KNOTS[name], roots, mixed(), around(), np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(paths, again) and np.isfinite(paths).all()
    assert np.linalg.norm(paths[:, 0] - roots.at(mixed()), axis=1).max() < 0.003
    tips = paths[:, -1]
    assert np.linalg.norm(tips - np.median(tips, axis=0), axis=1).max() < 0.015
    to = np.array(KNOTS[name].direction)
    assert ((tips - around().middle) @ to).min() > 0.05
    depth = around().depth(paths[:, 1:].reshape(-1, 3))
    assert depth.max() < 0.001 and depth.min() > -0.02  # close to the skull


@EVERY
def test_what_hangs_hangs_at_the_knot(name: str) -> None:
    knot = KNOTS[name]
    paths = hanging(knot, around(), 200, np.random.default_rng(1))
    assert len(paths) == 200 and np.isfinite(paths).all()
    assert np.array_equal(paths, hanging(knot, around(), 200, np.random.default_rng(1)))
    if knot.bun is not None:
        away = np.linalg.norm(paths - np.median(paths.reshape(-1, 3), axis=0), axis=2)
        assert np.quantile(away, 0.95) < 1.6 * knot.bun
        assert around().depth(paths.reshape(-1, 3)).max() < 0.0005
    else:
        fall = paths[:, 0, 1] - paths[:, -1, 1]
        assert 0.5 * knot.tail < fall.min() and fall.max() < 1.05 * knot.tail
        assert paths[:, 0, 2].max() < around().middle[2]  # behind
