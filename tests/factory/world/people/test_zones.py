"""Zones of the face: shares, the same on both sides, each at its place."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from factory.world.people.face_map import face_map
from factory.world.people.zones import Zones, step, zones
from factory.world.scene import Point

SIDE = 128


def middle(name: str) -> Point:
    """Where a zone lies in the mean: metres to either side, up and forwards."""
    where = face_map(SIDE)
    share = (getattr(zones(SIDE), name) * where.covered)[..., None]
    places = np.concatenate([np.abs(where.places[..., :1]), where.places[..., 1:]], axis=2)
    x, y, z = ((share * places).sum(axis=(0, 1)) / share.sum()).tolist()
    return x, y, z


@pytest.mark.parametrize("name", [field.name for field in fields(Zones)])
def test_a_zone_is_a_share_and_lies_on_both_sides(name: str) -> None:
    image, where = getattr(zones(SIDE), name), face_map(SIDE)
    assert image.shape == (SIDE, SIDE) and image.min() >= 0 and image.max() <= 1
    shown = image * where.covered
    assert shown.max() > 0.3 and shown.mean() < 0.4
    x = where.places[..., 0]
    assert shown[x > 0].sum() == pytest.approx(shown[x < 0].sum(), rel=0.15)


def test_zones_lie_in_the_order_of_a_face() -> None:
    order = ("forehead", "brows", "lids", "under_eyes", "nose", "lower_lip", "chin")
    heights = [middle(name)[1] for name in order]
    assert heights == sorted(heights, reverse=True)
    assert middle("ears")[0] > middle("cheeks")[0] > middle("nostrils")[0]
    assert middle("nose")[2] > middle("ears")[2] + 0.05


def test_no_beard_grows_on_the_lips_or_in_the_mouth() -> None:
    where = face_map(SIDE)
    assert zones(SIDE).beard[where.lips > 0.9].max() < 0.01
    assert zones(SIDE).beard[where.mouth > 0.99].max() < 0.01


def test_a_step_rises_from_nothing_to_all() -> None:
    values = step(np.linspace(-1, 1, 21, dtype=np.float32), 0.5)
    assert (np.diff(values) >= 0).all() and values[10] == 0.5
    assert values[0] < 0.01 and values[-1] > 0.99
