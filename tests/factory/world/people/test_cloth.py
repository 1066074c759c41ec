"""Cloth over the shoulders."""

from __future__ import annotations

from functools import cache

import numpy as np

from factory.world.people.cloth import HIGHEST, Cloth, bare, draped
from factory.world.people.head import BODY, base
from factory.world.people.pose import SLOPE
from tests.factory.world.people.heads import rested


@cache
def worn(drop: float = 0.0, point: float = 0.0, thickness: float = 0.006, folds: float = 0.0, seed: int = 1) -> Cloth:
    return draped(rested(1), drop, point, thickness, folds, seed)


def test_cloth_is_finite_and_hangs_below_its_neckline() -> None:
    cloth = worn(folds=0.003)
    used = np.unique(cloth.triangles)
    assert np.isfinite(cloth.points).all() and used.max() < len(cloth.points)
    assert np.isin(cloth.neckline, used).all()
    edge = cloth.points[cloth.neckline]
    assert (edge[:, 1] + SLOPE * edge[:, 2]).max() < HIGHEST + 0.02
    assert cloth.points[used, 1].min() < -0.4  # it goes on below the picture


def test_the_neckline_goes_once_around_the_neck() -> None:
    edge = worn().points[worn().neckline]
    turn = np.arctan2(edge[:, 0], edge[:, 2] - edge[:, 2].mean()) % (2 * np.pi)
    assert (np.diff(turn) >= 0).all() and turn[0] < 0.3 and turn[-1] > 2 * np.pi - 0.3
    assert np.diff(turn).max() < 0.5


def test_a_deeper_neckline_bares_more_and_a_point_at_the_throat() -> None:
    def throat(cloth: Cloth) -> float:
        edge = cloth.points[cloth.neckline]
        return float(edge[edge[:, 2].argmax(), 1])

    assert throat(worn(point=0.05)) < throat(worn()) - 0.015
    middles = base().points[base().quads[base().part == BODY]].mean(axis=1)
    tight, wide = bare(0.0, 0.0), bare(0.02, 0.04)
    assert (wide >= tight).all() and wide.sum() > tight.sum()
    assert tight[middles[:, 1] > -0.13].all() and not wide[np.abs(middles[:, 0]) > 0.17].any()


def test_thicker_cloth_lies_further_out_and_folds_follow_the_seed() -> None:
    thin, thick = (worn(thickness=thickness).points for thickness in (0.002, 0.012))
    apart = np.linalg.norm(thick - thin, axis=1)[: len(thin) // 2]
    assert 0.005 < np.median(apart) < 0.015
    assert np.ptp(thick[:, 0]) > np.ptp(thin[:, 0]) + 0.008
    one, again, other = (draped(rested(1), 0, 0, 0.006, 0.003, seed).points for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
