"""A mistake in the settings of a rendered corpus is one line that names it."""

from __future__ import annotations

from typing import Any

import pytest

from factory.core.config import build
from factory.world.attacks import ATTACKS
from factory.world.capture.cameras import CAMERAS
from factory.world.settings import WorldConfig

DOMAINS = tuple(CAMERAS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 100}, "size 100 must be a multiple of 32: take 96 or 128"),
        ({"attacks": ["hologram"]}, "unknown attack 'hologram': choose from print"),
        ({"domains": ["telescope"]}, f"unknown domain 'telescope': choose from {DOMAINS[0]}, "),
        ({"domains": [DOMAINS[0], DOMAINS[0]]}, f"domains {DOMAINS[0]}, {DOMAINS[0]}: give each once"),
        ({"domains": []}, "domains"),
        ({"people": 0}, "people"),
        ({"split": {"train": 0.5}}, "sum to 1"),
        ({"split": {"hold-out": 1.0}}, "must be of"),
        ({"peple": 3}, "did you mean 'people'"),
        ({"seed": -1}, "seed"),
    ],
)
def test_mistakes_are_named_in_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        build(WorldConfig, {"out": "x", **given})
    assert "\n" not in str(caught.value)


def test_all_is_rendered_unless_told_otherwise() -> None:
    config = build(WorldConfig, {"out": "x"})
    assert config.domains == DOMAINS and config.attacks == tuple(ATTACKS)
    assert not build(WorldConfig, {"out": "x", "attacks": []}).attacks
