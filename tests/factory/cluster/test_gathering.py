"""Waiting for the machines of a cluster."""

from __future__ import annotations

import pytest

from difffas.errors import UserError
from factory.cluster import gathering
from factory.core.errors import Stalled


def counts(monkeypatch: pytest.MonkeyPatch, *found: int | None) -> list[int]:
    """A cluster that has so many nodes at each look; None: its head is not up yet."""
    left, looks = list(found), []

    def connect() -> None:
        looks.append(1)
        if left[0] is None:
            left.pop(0)
            raise UserError("no cluster to join")

    monkeypatch.setattr("factory.cluster.connect", connect)
    monkeypatch.setattr("factory.cluster.nodes", lambda: dict.fromkeys(range(left.pop(0) or 0)))
    monkeypatch.setattr(gathering, "PAUSE", 0.0)
    return looks


def test_it_waits_for_the_head_and_for_every_node(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = counts(monkeypatch, None, None, 1, 1, 3)
    gathering.gather(3)
    assert len(looks) == 5
    assert "3 of 3 nodes have joined" in capsys.readouterr().err


def test_too_few_nodes_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counts(monkeypatch, *[1] * 1_000_000)
    with pytest.raises(Stalled, match="1 of 2 nodes have joined after 0.05 s"):
        gathering.gather(2, seconds=0.05)
    counts(monkeypatch, *[None] * 1_000_000)
    with pytest.raises(Stalled, match="no cluster to join"):
        gathering.gather(2, seconds=0.05)
