from __future__ import annotations

from dataclasses import replace

import numpy as np

from factory.world.people.ancestry import Ancestry
from factory.world.people.face_map import face_map
from factory.world.people.pigments import colour, individual_typology_angle
from factory.world.people.skin import Skin, skin
from factory.world.scene import Floats, Material

SIDE = 128
EUROPEAN = Ancestry(0.0, 0.0, 1.0)


def drawn(seed: int, age: float = 40.0, angle: float = 45.0) -> Skin:
    return Skin.drawn(np.random.default_rng(seed), age, "male", EUROPEAN, angle)


def _one(value: float) -> Floats:
    return np.array([value], np.float32)


def images(material: Material) -> tuple[Floats, Floats, Floats]:
    assert isinstance(material.colour, np.ndarray)
    assert isinstance(material.roughness, np.ndarray)
    assert material.height is not None
    return material.colour, material.roughness, material.height


def face_angle(somebody: Skin) -> float:
    image, _, _ = images(skin(somebody, SIDE))
    return float(individual_typology_angle(image[face_map(SIDE).covered].mean(axis=0)))


def test_more_melanin_is_a_darker_face() -> None:
    angles = [face_angle(replace(drawn(1), melanin=melanin)) for melanin in (0.005, 0.03, 0.08, 0.2, 0.4)]
    assert angles == sorted(angles, reverse=True)
    assert angles[0] > 35
    assert angles[-1] < -30


def test_skin_has_the_tone_asked_for() -> None:
    for angle in (-50.0, -20.0, 20.0, 35.0, 50.0):
        somebody = drawn(2, angle=angle)
        rgb = colour(_one(somebody.melanin), _one(somebody.blood))
        assert abs(float(individual_typology_angle(rgb)[0]) - angle) < 2


def test_dark_skin_has_fewer_freckles_than_fair_skin_of_the_same_ancestry() -> None:
    dark, fair = ([drawn(seed, angle=angle) for seed in range(200)] for angle in (-45.0, 58.0))
    freckled = [sum(somebody.freckles > 0 for somebody in people) for people in (dark, fair)]
    assert freckled[0] < 40 and freckled[1] > 80
    assert np.mean([somebody.blood for somebody in dark]) > np.mean([somebody.blood for somebody in fair]) + 0.003


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_skin() -> None:
    first, again, other = (images(skin(drawn(seed), SIDE)) for seed in (3, 3, 4))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_values_are_those_of_a_material() -> None:
    image, roughness, height = images(skin(drawn(5, age=75.0), SIDE))
    assert image.shape == (SIDE, SIDE, 3)
    assert roughness.shape == height.shape == (SIDE, SIDE)
    for array in (image, roughness, height):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
    assert 0 < image.min() < image.max() <= 1
    assert 0 < roughness.min() < roughness.max() <= 1
    assert np.abs(height).max() < 2e-3


def test_lips_are_redder_than_the_face_and_within_it() -> None:
    where = face_map(SIDE)
    lips = (where.lips > 0.9) & where.covered
    chin = where.blob((0.0, -0.098, 0.022), (0.02, 0.013, 0.03)) > 0.5
    assert 20 < lips.sum() < 0.05 * where.covered.sum()
    image, _, _ = images(skin(replace(drawn(6), stubble=0.0), SIDE))
    ratio = image[..., 0] / image[..., 1]
    assert ratio[lips].mean() > 1.15 * ratio[chin].mean()


def test_age_deepens_relief() -> None:
    somebody = replace(drawn(7), moles=0)
    young, old = (images(skin(replace(somebody, lines=lines), 256))[2] for lines in (0.0, 1.0))
    assert np.abs(old).mean() > 1.5 * np.abs(young).mean()
