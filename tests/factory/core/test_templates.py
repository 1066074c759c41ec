"""Names in the values of a YAML file."""

from __future__ import annotations

from factory.core.templates import substituted


def test_names_are_replaced_in_all_text_and_a_name_alone_becomes_the_value() -> None:
    put = {"margin": 0.3, "name": "rq"}
    given = {"loss": {"name": "$name", "margin": "$margin"}, "note": ["${name} at $margin", "$other", 7]}
    wanted = {"loss": {"name": "rq", "margin": 0.3}, "note": ["rq at 0.3", "$other", 7]}
    assert substituted(given, put) == wanted


def test_without_names_text_stays_as_it_is() -> None:
    assert substituted(["$$", "$name"], {}) == ["$$", "$name"]
