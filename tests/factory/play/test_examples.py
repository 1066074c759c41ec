"""The playground without settings: drawn people and guides to click, and settings that spoof at once."""

from __future__ import annotations

import numpy as np
import pytest

from factory.core.config import build
from factory.play.examples import drawn
from factory.play.playground import PlayConfig, Playground
from tests.factory.play.uploads import file_of


@pytest.fixture(scope="module")
def unset() -> Playground:
    return Playground(build(PlayConfig, {"threads": 1}))


def test_the_generator_that_ships_begins_alike_by_its_other_name(unset: Playground) -> None:
    named = Playground(build(PlayConfig, {"generator": "portrait-64", "threads": 1}))
    assert named.settings(None) == unset.settings(None) and named.presets == unset.presets
    assert [one.style for one in named.examples] == [one.style for one in unset.examples] != []


@pytest.mark.slow
def test_every_example_of_a_guide_is_reached_with_the_settings_to_begin_with(unset: Playground) -> None:
    live = unset.lives[0]
    assert unset.face is live.pixels and unset.presets[0] == "student"
    assert [one.style for one in unset.examples] == unset.styles
    for guide in unset.examples:
        t0, w = unset.settings(guide.style)
        files = file_of(live.pixels), file_of(guide.pixels)
        made, _, facts = unset.spoof(*files, guide.style, t0, w, 0, unset.presets[0], live.domain)
        likeliest = next(iter(facts["scores"]["styles seen by the encoder"]))
        assert likeliest == guide.style
        assert np.abs(made.astype(int) - live.pixels).mean() > 5, "a visible change"


def test_a_style_alone_takes_its_example_as_guide(unset: Playground) -> None:
    live, guide = unset.lives[0], unset.examples[2]
    _, shown, facts = unset.spoof(file_of(live.pixels), None, guide.style, 420, 5.0, 0, "student", live.domain)
    assert np.array_equal(shown, guide.pixels)
    assert facts["recipe"]["guide"] == f"drawn {guide.style}"


def test_the_drawn_people_are_the_same_every_time_and_of_all_domains() -> None:
    styles = ("phone-live", "phone-print", "webcam-live", "webcam-print")
    lives, guides = drawn(styles, 64)
    again, _ = drawn(styles, 64)
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(lives, again, strict=True))
    assert {one.domain for one in lives} == {"phone", "webcam"}
    assert [one.style for one in guides] == ["phone-print", "webcam-print"]


def test_settings_of_the_user_are_kept() -> None:
    given = Playground(build(PlayConfig, {"threads": 1, "sampler": {"preset": "balanced", "t0": [100, 100]}}))
    assert not given.lives and given.settings(None)[0] == 100
