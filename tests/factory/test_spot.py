"""The notice of a spot instance, from a metadata service of the test's own."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from factory import spot


@contextmanager
def metadata_service(answers: list[str | None]) -> Iterator[str]:
    """Answers one after the other, the last for ever; None is a 404. Like EC2's second version it wants its token."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.path == "/latest/api/token"
            assert self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
            self._answer(200, "the token")

        def do_GET(self) -> None:
            assert self.path == "/latest/meta-data/spot/instance-action"
            if self.headers["X-aws-ec2-metadata-token"] != "the token":
                return self._answer(401, "")
            said = answers.pop(0) if len(answers) > 1 else answers[0]
            self._answer(404 if said is None else 200, said or "")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def in_seconds(seconds: float) -> str:
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return f'{{"action": "terminate", "time": "{when:%Y-%m-%dT%H:%M:%SZ}"}}'


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
