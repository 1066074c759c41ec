"""The notice of a spot instance, from a metadata service of the test's own."""

from __future__ import annotations

import pytest

from factory import spot
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


def test_where_there_is_no_such_service_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with metadata_service([None]) as url:
        pass
    assert spot.main([f"--metadata={url}", "--every=0"]) == 1
    assert "no metadata service" in capsys.readouterr().err
