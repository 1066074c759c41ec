"""Brows and lashes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from factory.world.people.ancestry import Ancestry
from factory.world.people.brows import Brows, brow_strands, lash_strands, lids
from factory.world.people.head import base
from factory.world.people.roots import skin_normals
from tests.factory.world.people.heads import mixed

BROWS = Brows(1.0, 0.0, 200, 0.3, 0.008)


def test_brows_lie_above_the_eyes_and_lids_around_them() -> None:
    path = brow_strands(BROWS, base().points, np.random.default_rng(0))
    assert path[..., 1].min() > 0.005 and path[..., 1].max() < 0.04
    for side in (1, -1):
        upper, lower = (base().points[lid] for lid in lids(side))
        assert (np.sign(upper[:, 0]) == side).all()
        assert upper[:, 1].mean() > lower[:, 1].mean() + 0.003


def test_brows_lie_along_the_skin_on_both_sides() -> None:
    path = brow_strands(BROWS, mixed(), np.random.default_rng(1))
    assert len(path) == 2 * BROWS.hairs and np.isfinite(path).all()
    left = (path[:, 0, 0] > mixed()[:, 0].mean()).mean()
    assert 0.4 < left < 0.6
    apart = np.linalg.norm(path[::7, :, None] - mixed()[None, None], axis=3)
    near = apart.argmin(axis=2)
    above = ((path[::7] - mixed()[near]) * skin_normals(mixed())[near]).sum(axis=2)
    assert np.quantile(above[:, 1:], 0.05) > -0.001 and above.max() < 0.006


def test_an_arched_brow_is_higher() -> None:
    flat, arched = (
        brow_strands(replace(BROWS, arch=arch), base().points, np.random.default_rng(2))[..., 1].mean()
        for arch in (-0.001, 0.003)
    )
    assert arched > flat + 0.0015


def test_lashes_start_on_the_lids_and_point_forwards() -> None:
    path = lash_strands(BROWS, base().points, np.random.default_rng(0))
    edges = base().points[np.concatenate([lid for side in (1, -1) for lid in lids(side)])]
    assert np.linalg.norm(path[:, :1] - edges[None], axis=2).min(axis=1).max() < 0.004
    assert (path[:, -1, 2] > path[:, 0, 2]).all()
    reach = np.linalg.norm(path[:, -1] - path[:, 0], axis=1)
    assert reach.min() > 0.001 and reach.max() < 0.009


def test_equal_generators_draw_equal_brows() -> None:
    family = Ancestry(0.2, 0.3, 0.5)
    one, other = (Brows.drawn(np.random.default_rng(4), 60.0, "male", family) for _ in range(2))
    assert one == other
    one_path, other_path = (brow_strands(one, base().points, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one_path, other_path)
