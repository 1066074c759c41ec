"""A photograph follows from its arguments; a pair shares room and person; what an attack tells has a column."""

from __future__ import annotations

import numpy as np
import pytest

from factory.corpus.scenes import SCHEMA
from factory.world.attacks import ATTACKS
from factory.world.attacks.enrolment import SIDE, enrolled_side
from factory.world.photograph import FLAT, STRANGERS, WORN, Photograph, _enrolment, _found, photograph, unattacked
from factory.world.settings import MOST_PEOPLE, MOST_SEED

SHARED = ("sex", "age", "tone", "room")
HEAD = ("head_yaw", "head_pitch", "head_roll")


def taken(attack: str, person: int = 3, seed: int = 5, camera: str = "webcam") -> Photograph:
    return photograph(person, 4, "office", camera, attack, 32, 1, seed)


@pytest.fixture(scope="module")
def live() -> Photograph:
    return taken("live")


def test_equal_arguments_give_equal_pictures_and_others_do_not(live: Photograph) -> None:
    assert live.pixels.shape == (32, 32, 3) and live.pixels.dtype == np.uint8
    again = taken("live")
    assert np.array_equal(again.pixels, live.pixels) and again.parameters == live.parameters
    for other in (taken("live", person=6), taken("live", seed=6), taken("live", camera="cctv")):
        assert not np.array_equal(other.pixels, live.pixels)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_shows_the_person_of_the_live_picture_in_the_same_room(attack: str, live: Photograph) -> None:
    spoof = taken(attack)
    assert {name: spoof.parameters[name] for name in SHARED} == {name: live.parameters[name] for name in SHARED}
    assert spoof.parameters.keys() - live.parameters.keys()
    assert spoof.parameters.keys() <= set(SCHEMA.names)
    pose, theirs = [spoof.parameters.get(name) for name in HEAD], [live.parameters[name] for name in HEAD]
    assert (pose == theirs) == (attack in WORN)  # a mask turns with its wearer
    assert (None in pose) == (attack in FLAT)
    assert spoof.pixels.std() > 5 and not np.array_equal(spoof.pixels, live.pixels)


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["print", "replay", "rigid_mask", "make_up"])
def test_without_its_attack_a_spoof_is_the_person_at_the_same_place(attack: str) -> None:
    """The head's outline is where the spoof has it: the picture resembles its own spoof more than a shifted one."""
    spoof = photograph(3, 4, "office", "phone", attack, 64, 4, 5, paired=True)
    live = unattacked(3, 4, "office", "phone", attack, 64, 4, 5)
    assert live.parameters.keys() <= {"sex", "age", "tone", "room", "distance", "light", *HEAD}
    assert live.parameters["distance"] == spoof.parameters["distance"]
    assert [live.parameters.get(name) for name in HEAD] == [spoof.parameters.get(name) for name in HEAD]
    assert np.array_equal(live.pixels, unattacked(3, 4, "office", "phone", attack, 64, 4, 5).pixels)
    shown, bare = edges(spoof.pixels), edges(live.pixels)
    alike = {move: np.corrcoef(shown.ravel(), np.roll(bare, move, (0, 1)).ravel())[0, 1] for move in MOVES}
    assert max(alike, key=lambda move: alike[move]) == (0, 0)


MOVES = [(down, across) for down in (-6, -3, 0, 3, 6) for across in (-6, -3, 0, 3, 6)]


def edges(pixels: np.ndarray) -> np.ndarray:
    """H, W: how steep the picture is, a little blurred."""
    grey = pixels.mean(axis=2)
    grey = sum(np.roll(grey, move, (0, 1)) for move in ((0, 0), (0, 1), (1, 0), (1, 1))) / 4
    down, across = np.gradient(grey)
    return np.asarray(np.hypot(down, across))


@pytest.mark.parametrize(("size", "side"), [(64, 192), (128, SIDE), (512, SIDE)])
def test_an_enrolment_is_finer_than_small_pictures_and_as_fine_for_all_others(size: int, side: int) -> None:
    enrolment = _enrolment(3, 4, enrolled_side(size), False)
    sides = {_found(enrolment, np.random.default_rng(seed)).side for seed in range(20)}
    assert max(sides) == side and 0.4 * side <= min(sides) < 0.6 * side


def test_what_is_printed_for_a_pair_was_taken_in_a_room_as_live_pictures_are() -> None:
    plain, paired = _enrolment(3, 4, 96, False), _enrolment(3, 4, 96, True)
    assert np.array_equal(plain.landmarks, paired.landmarks), "only light and background differ"
    assert isinstance(plain.scene.surroundings, tuple) and isinstance(paired.scene.surroundings, np.ndarray)
    assert paired.scene.surroundings.std(axis=(0, 1)).min() > 0
    assert 0.02 < paired.white < 50


def test_strangers_are_nobody_of_any_corpus() -> None:
    assert (MOST_SEED << 32) + MOST_PEOPLE < STRANGERS
    assert {*WORN, *FLAT} < set(ATTACKS)
