"""Configuration of a search: its trials write below its own folder."""

from __future__ import annotations

from typing import Any

import pytest

from factory.core.config import build
from factory.tune.settings import TuneConfig

GIVEN: dict[str, Any] = {"out": "/search", "search": {"scale": [10, 20]}}


def config(**fit: Any) -> TuneConfig:
    return build(TuneConfig, {**GIVEN, "fit": {"corpus": "/real", **fit}})


def test_the_folder_of_trials_follows_from_that_of_the_search() -> None:
    assert config().fit.out == "/search/trials"
    assert build(TuneConfig, config().model_dump(mode="json")) == config()  # its own record is read again
    with pytest.raises(ValueError, match=r"fit\.out follows from out: leave it out"):
        config(out="/elsewhere")


@pytest.mark.parametrize(
    ("given", "key"), [({"trials": 0}, "trials"), ({"reduction": 1}, "reduction"), ({"fit": "fit.yaml"}, "fit")]
)
def test_what_makes_no_search_is_named(given: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=key):
        build(TuneConfig, {**GIVEN, "fit": {"corpus": "/real"}, **given})
