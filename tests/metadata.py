"""EC2's instance metadata service, on the loopback."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
    """The notice of a spot instance that goes in so long."""
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return f'{{"action": "terminate", "time": "{when:%Y-%m-%dT%H:%M:%SZ}"}}'
