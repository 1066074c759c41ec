"""Where things are on the texture, and the patterns that people share."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.face_map import face_map, grain, mottle, softened
from factory.world.people.head import BODY, base

SIDE = 128


def test_charts_lie_within_the_texture_without_overlap() -> None:
    mesh = base()
    corners = mesh.uv[mesh.quads_uv[mesh.part == BODY].astype(np.int64)].astype(np.float64)
    assert corners.min() >= 0
    assert corners.max() <= 1
    one, other = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
    areas = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    covered = float(face_map(256).covered.mean())
    assert covered == pytest.approx(areas.sum(), rel=0.05)


def test_places_are_those_of_the_texture_coordinates() -> None:
    where = face_map(256)
    mesh = base()
    quads, corners = mesh.quads[mesh.part == BODY], mesh.quads_uv[mesh.part == BODY]
    middles, uv = mesh.points[quads].mean(axis=1), mesh.uv[corners].mean(axis=1)
    found = where.places[((1 - uv[:, 1]) * 256).astype(int), (uv[:, 0] * 256).astype(int)]
    face = (middles[:, 2] > 0) & (np.abs(middles[:, 0]) < 0.05) & (np.abs(middles[:, 1] + 0.03) < 0.08)
    assert np.median(np.linalg.norm(found - middles, axis=1)[face]) < 0.001
    assert not where.covered.all() and np.isfinite(where.places).all()


def test_a_blob_is_highest_at_its_place_on_both_sides() -> None:
    where = face_map(SIDE)
    image = where.blob((0.043, -0.036, 0.012), (0.02, 0.02, 0.03)) * where.covered
    assert 0.8 < image.max() <= 1 and image.min() >= 0
    x = where.places[..., 0]
    assert image[x > 0].sum() == pytest.approx(image[x < 0].sum(), rel=0.03)
    assert np.abs(np.abs(x[image > 0.7]) - 0.043).max() < 0.02


def test_softening_keeps_the_mean_and_spreads_by_sigma() -> None:
    image = np.zeros((64, 64), np.float32)
    image[32, 32] = 1
    soft = softened(image, 3.0)
    assert soft.sum() == pytest.approx(1, abs=1e-4)
    assert (soft.sum(axis=0) * (np.arange(64) - 32) ** 2).sum() ** 0.5 == pytest.approx(3, rel=0.02)


def test_grain_has_its_strength_and_pores_only_go_in() -> None:
    made = grain(SIDE)
    for pattern in (made.fine, made.soft, made.creases):
        assert pattern.std() == pytest.approx(1, abs=0.01) and abs(pattern.mean()) < 0.2
    assert -1 <= made.pores.min() < made.pores.max() <= 0
    assert 0 <= made.bristles.min() < made.bristles.max() <= 1


def test_mottling_is_smooth_in_space_and_follows_the_generator() -> None:
    places = face_map(SIDE).places
    one, again, other = (mottle(places, 0.02, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert one.shape == (SIDE, SIDE) and 0.4 < one[face_map(SIDE).covered].std() < 1.6
    flat = mottle(np.full((SIDE, SIDE, 3), 0.01, np.float32), 0.02, np.random.default_rng(1))
    assert np.ptp(flat) < 1e-5  # one place, one value
