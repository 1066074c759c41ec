"""The drawn people: even skin tones, known colours, seeds within their range."""

from __future__ import annotations

import numpy as np
import pytest

from difffas.errors import UserError
from factory.drawn.portrait import Capture, Subject
from factory.drawn.portrait.people import CUTS, HAIR, IRIS


def test_skin_tones_are_spread_evenly_and_colours_are_known() -> None:
    people = [Subject.from_seed(i) for i in range(600)]
    shares = np.histogram([person.skin for person in people], 5, (0, 1))[0] / len(people)
    assert shares.min() > 0.14
    assert shares.max() < 0.26
    assert {person.hair for person in people} == set(HAIR)
    assert {person.iris for person in people} == set(IRIS)
    assert {person.cut for person in people} == set(CUTS)
    assert 0.4 < np.mean([person.strong > 0.5 for person in people]) < 0.6


def test_a_seed_is_a_person_for_ever() -> None:
    assert Subject.from_seed(5) == Subject.from_seed(5) != Subject.from_seed(6)
    assert Capture.from_seed(5) == Capture.from_seed(5) != Capture.from_seed(6)


@pytest.mark.parametrize("seed", [-1, -(2**63)])
def test_seeds_below_zero_are_refused(seed: int) -> None:
    with pytest.raises(UserError, match=f"subject seed {seed}"):
        Subject.from_seed(seed)
    with pytest.raises(UserError, match=f"capture seed {seed}"):
        Capture.from_seed(seed)
