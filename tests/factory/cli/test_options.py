"""Options as settings: whatever is given comes back from YAML as it was."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from factory.cli.options import names, settings


@given(st.dictionaries(st.sampled_from("abc"), st.one_of(st.text(), st.integers(), st.booleans())))
def test_settings_are_yaml(given_: dict[str, str | int | bool]) -> None:
    read = dict(line.split("=", 1) for line in settings(dict(given_)))
    assert {key: yaml.safe_load(value) for key, value in read.items()} == given_


def test_what_is_left_out_is_no_setting() -> None:
    assert settings({"a": None, "b": 0}) == ["b=0"]


def test_names() -> None:
    assert names(" a, b ,,c") == ["a", "b", "c"]
