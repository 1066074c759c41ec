"""The notice of a spot instance, from a metadata service of the test's own."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from factory.cluster import spot
from tests.metadata import in_seconds, metadata_service


def test_no_notice_is_none() -> None:
    with metadata_service([None]) as url:
        assert spot.notice(url) is None


def test_a_notice_says_how_long_is_left() -> None:
    with metadata_service([in_seconds(100)]) as url:
        assert spot.notice(url) == pytest.approx(100, abs=2)
    with metadata_service([in_seconds(-5)]) as url:
        assert spot.notice(url) == 0
    with metadata_service(['{"action": "terminate"}']) as url:
        assert spot.notice(url) == spot.NOTICE


def test_the_node_is_drained_once_there_is_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    drained: list[tuple[str, float, str | None]] = []
    monkeypatch.setattr(spot, "drain", lambda *given: drained.append(given))
    with metadata_service([None, None, in_seconds(60)]) as url:
        assert spot.main([f"--metadata={url}", "--every=0.01", "--address=head:6379"]) == 0
    ((address, left, node),) = drained
    assert (address, node) == ("head:6379", None)
    assert left == pytest.approx(60, abs=2)


def test_now_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    drained: list[float] = []
    monkeypatch.setattr(spot, "notice", lambda *_: pytest.fail("nobody is to be asked"))
    monkeypatch.setattr(spot, "drain", lambda address, left, node: drained.append(left))
    assert spot.main(["--now", "90"]) == 0
    assert drained == [90.0]


@pytest.mark.parametrize(("asked", "node"), [("auto", None), ("auto", "ab"), ("head:6379", None)])
def test_without_an_address_it_is_this_node_s_cluster(
    asked: str, node: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a shutdown script calls it; `auto` means something to `ray.init` alone."""
    drained = []

    class Cluster:
        def __init__(self, address: str) -> None:
            self.address = address

        def drain_node(self, node_id: str, *more: object) -> tuple[bool, str]:
            drained.append((self.address, node_id))
            return node_id != "ab", "it is gone"

    here = SimpleNamespace(gcs_address="head:6379", get_node_id=lambda: "cd")
    monkeypatch.setattr("ray.init", lambda address, **_: None)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    monkeypatch.setattr("ray.get_runtime_context", lambda: here)
    monkeypatch.setattr("ray._raylet.GcsClient", Cluster)
    given = [f"--address={asked}", *([f"--node-id={node}"] if node else [])]
    assert spot.main(["--now", "90", *given]) == (1 if node else 0)
    assert drained == [("head:6379", node or "cd")]


def test_where_there_is_no_such_service_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with metadata_service([None]) as url:
        pass
    assert spot.main([f"--metadata={url}", "--every=0"]) == 1
    assert "no metadata service" in capsys.readouterr().err
