"""People from seeds: balanced, different, the same again."""

from __future__ import annotations

import numpy as np
import pytest

from factory.world.people.head import base
from factory.world.people.person import Moment, Person
from factory.world.people.pigments import colour, individual_typology_angle

PEOPLE = [Person.from_seed(seed) for seed in range(96)]


def test_a_seed_is_a_person() -> None:
    assert Person.from_seed(5) == Person.from_seed(5)
    assert Person.from_seed(5) != Person.from_seed(6)
    assert Person.from_seed(2**62).age >= 18
    assert Moment.from_seed(5) == Moment.from_seed(5)


@pytest.mark.parametrize("first", [0, 48])
def test_every_run_of_seeds_is_balanced(first: int) -> None:
    people = PEOPLE[first : first + 48]
    assert abs(sum(person.sex == "female" for person in people) - 24) <= 3
    decades = np.histogram([person.age for person in people], bins=4, range=(18, 80))[0]
    assert decades.min() >= 9
    for shares in zip(*(person.ancestry for person in people), strict=True):
        assert 11 <= sum(share > 0.5 for share in shares) <= 21
    cells = {(person.sex, person.age > 49, int(np.argmax(person.ancestry))) for person in people}
    assert len(cells) == 12


def test_skin_tones_reach_evenly_from_dark_to_light() -> None:
    pigments = np.array([(person.skin.melanin, person.skin.blood) for person in PEOPLE], np.float32)
    angles = individual_typology_angle(colour(pigments[:, 0], pigments[:, 1]))
    shares = np.histogram(angles, bins=(-90, -30, 10, 28, 41, 90))[0] / len(PEOPLE)  # dark to light
    assert shares.min() > 0.12 and shares.max() < 0.3, shares


def test_freckles_follow_the_tone_that_is_seen() -> None:
    people = [Person.from_seed(seed) for seed in range(400)]
    pigments = np.array([(person.skin.melanin, person.skin.blood) for person in people], np.float32)
    angles = individual_typology_angle(colour(pigments[:, 0], pigments[:, 1]))
    freckled = np.array([person.skin.freckles > 0 for person in people])
    assert 2 * freckled[angles < 0].mean() < freckled[angles > 45].mean()


def test_no_two_people_have_the_same_face() -> None:
    names = sorted(base().targets)
    faces = np.array([[person.weights.get(name, 0.0) for name in names] for person in PEOPLE])
    apart = np.linalg.norm(faces[:, None] - faces[None], axis=2)
    assert apart[~np.eye(len(faces), dtype=bool)].min() > 1.5
