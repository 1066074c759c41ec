"""Scalp hair by style."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from factory.world.people.head import base
from factory.world.people.roots import Roots, sprinkled
from factory.world.people.scalp import scalp
from factory.world.people.styles import CUTS, strands
from factory.world.scene import Floats
from tests.factory.world.people.heads import around, mixed

COUNT = 300


@cache
def roots() -> Roots:
    return sprinkled(scalp(0.0, 0.0, 0.0, 1), COUNT, np.random.default_rng(0))


@cache
def grown(style: str, parting: float = 0.0, seed: int = 1) -> Floats:
    return strands(CUTS[style], roots(), mixed(), around(), parting, np.random.default_rng(seed))


def lengths(paths: Floats) -> Floats:
    return np.asarray(np.linalg.norm(np.diff(paths, axis=1), axis=2).sum(axis=1), np.float32)


@pytest.mark.parametrize("style", CUTS)
def test_every_style_grows_from_its_roots_and_stays_out_of_the_head(style: str) -> None:
    paths = grown(style)
    assert paths.shape == (COUNT, CUTS[style].points, 3) and np.isfinite(paths).all()
    assert np.linalg.norm(paths[:, 0] - roots().at(mixed()), axis=1).max() < 0.003
    assert np.quantile(around().depth(paths[:, 1:].reshape(-1, 3)), 0.99) < 0.001
    if CUTS[style].level is None and CUTS[style].curl == 0:
        assert np.median(lengths(paths)) < 1.6 * max(CUTS[style].top, CUTS[style].side)


@pytest.mark.parametrize("style", [style for style, cut in CUTS.items() if cut.level is not None])
def test_long_hair_ends_at_its_level_and_leaves_the_face_free(style: str) -> None:
    paths = grown(style)
    cut = CUTS[style].level
    assert cut is not None
    eyes = around().middle[1] - 0.01
    assert eyes - cut - 0.05 < paths[..., 1].min() < eyes - cut + 0.03
    away = paths[:, 3:].reshape(-1, 3) - around().middle
    low = (away[:, 1] < 0.0) & (away[:, 1] > -0.1)
    assert (np.abs(np.arctan2(away[low, 0], away[low, 2])) < 0.5).mean() < 0.01


def test_hair_falls_to_both_sides_of_its_parting() -> None:
    paths = grown("parted", 0.02)
    root = roots().at(base().points)
    top = root[:, 1] > 0.09
    moved = paths[:, -1, 0] - paths[:, 0, 0]
    assert moved[top & (root[:, 0] > 0.03)].mean() > 0.01
    assert moved[top & (root[:, 0] < 0.01)].mean() < -0.01


def test_swept_hair_runs_backwards() -> None:
    paths = grown("swept")
    front = roots().at(base().points)[:, 2] > -0.04
    assert (paths[front, -1, 2] - paths[front, 0, 2]).mean() < -0.02


def test_curls_wind_and_equal_generators_grow_equal_hair() -> None:
    plain = replace(CUTS["curly"], curl=0.0)
    straight = strands(plain, roots(), mixed(), around(), 0.0, np.random.default_rng(1))
    assert np.median(lengths(grown("curly"))) > 1.15 * np.median(lengths(straight))
    again = strands(plain, roots(), mixed(), around(), 0.0, np.random.default_rng(1))
    assert np.array_equal(straight, again)
    assert not np.array_equal(grown("buzz", seed=1), grown("buzz", seed=2))
