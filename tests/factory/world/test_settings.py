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


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({}, 96),
        ({"size": 32, "samples": 1}, 96),
        ({"samples": 64}, 60),
        ({"size": 256}, 26),
        ({"size": 512}, 6),
        ({"size": 1024, "samples": 64}, 1),
        ({"size": 512, "output": {"codec": "webp"}}, 6),
        ({"size": 512, "output": {"rows_per_shard": 96}}, 96),  # an explicit number is kept
    ],
)
def test_a_shard_takes_some_minutes_whatever_its_pictures_take(given: dict[str, Any], rows: int) -> None:
    config = build(WorldConfig, {"out": "x", **given})
    assert config.output.rows_per_shard == rows
    assert build(WorldConfig, config.model_dump(mode="json")) == config


def test_a_shard_that_the_run_would_not_wait_for_is_refused() -> None:
    slow = {"out": "x", "size": 512, "samples": 64, "output": {"rows_per_shard": 96}}
    with pytest.raises(ValueError, match="rows_per_shard 96.* takes about 6,144 s.*: lower output.rows_per_sh"):
        build(WorldConfig, slow)
    assert build(WorldConfig, {**slow, "resources": {"num_cpus": 2}})
    assert build(WorldConfig, {**slow, "resources": {"stall_seconds": 7200}})
    with pytest.raises(ValueError, match="rows_per_shard 1, .*: lower size or samples, or raise resources.num"):
        build(WorldConfig, {"out": "x", "size": 1024, "samples": 4096})
