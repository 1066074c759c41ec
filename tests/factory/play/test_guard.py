"""The playground answers its own page only: by name (DNS rebinding) and by origin."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from factory.play.guard import Guard


def ask(kind: str, listens: str, hosts: tuple[str, ...], *headers: tuple[str, str]) -> int:
    """The status of a request, or the code that a web socket is closed with; 200 if it went on."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def receive() -> Any:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "headers": [(name.encode(), value.encode()) for name, value in headers]}
    asyncio.run(Guard(app, listens, hosts)(scope, receive, send))
    return int(sent[0].get("status") or sent[0]["code"])


GOOD = [
    "localhost",
    "localhost:7860",
    "LOCALHOST:1",
    "127.0.0.1:7860",
    "127.9.9.9",
    "[::1]:7860",
    "[::1]",
    "localhost.",
]
BAD = [
    *("evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.nip.io:7860", "notlocalhost", ""),
    *(
        "192.168.1.7:7860",
        "0.0.0.0:7860",
        "[::]:7860",
        "user@localhost",
        "localhost@evil.example",
        "localhost/x",
        "[::1",
    ),
    *("127.1.evil", "2130706433", "[::1].evil.example"),
]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", GOOD)
def test_names_of_the_loopback_are_answered(host: str, kind: str) -> None:
    assert ask(kind, "127.0.0.1", (), ("host", host)) == 200


@pytest.mark.parametrize(("kind", "status"), [("http", 403), ("websocket", 1008)])
@pytest.mark.parametrize("host", BAD)
def test_other_names_are_not(host: str, kind: str, status: int) -> None:
    assert ask(kind, "127.0.0.1", (), ("host", host)) == status


def test_no_host_and_two_hosts_are_not() -> None:
    assert ask("http", "127.0.0.1", ()) == 403
    assert ask("http", "127.0.0.1", (), ("host", "localhost"), ("host", "evil.example")) == 403


@pytest.mark.parametrize(
    ("listens", "hosts", "host", "status"),
    [
        *(("0.0.0.0", (), "192.168.1.7:7860", 200), ("0.0.0.0", (), "evil.example", 403)),
        *(("::", (), "[fd00::7]:7860", 200), ("0.0.0.0", ("gpu1.lab",), "GPU1.lab:7860", 200)),
        *(("192.168.1.7", (), "192.168.1.7", 200), ("gpu1", (), "gpu1:7860", 200), ("gpu1", (), "gpu2", 403)),
        *(("127.0.0.1", ("play.lab",), "play.lab", 200), ("127.0.0.1", ("play.lab",), "x.play.lab", 403)),
        *(("localhost", (), "127.0.0.1:7860", 200), ("localhost", (), "10.0.0.1", 403)),
    ],
)
def test_what_the_user_configured(listens: str, hosts: tuple[str, ...], host: str, status: int) -> None:
    assert ask("http", listens, hosts, ("host", host)) == status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        *(("localhost:7860", "http://localhost:7860", 200), ("localhost", "http://localhost", 200)),
        *(("localhost:80", "http://localhost", 200), ("localhost", "https://localhost:443", 200)),
        *(("[::1]:7860", "http://[::1]:7860", 200), ("127.0.0.1:7860", "http://localhost:7860", 403)),
        *(("localhost:7860", "http://localhost:3000", 403), ("localhost:7860", "http://localhost", 403)),
        *(("localhost:7860", "null", 403), ("localhost:7860", "", 403), ("localhost:7860", "file://", 403)),
        *(("localhost:7860", "http://evil.example", 403), ("localhost:7860", "http://evil.example:7860", 403)),
        *(
            ("localhost:7860", "http://localhost:7860.evil.example", 403),
            ("localhost:7860", "http://localhost:x", 403),
        ),
    ],
)
def test_origins(host: str, origin: str, status: int) -> None:
    assert ask("http", "127.0.0.1", (), ("host", host), ("origin", origin)) == status


def test_two_origins_and_the_server_s_own_messages() -> None:
    ours = ("origin", "http://localhost:7860")
    assert ask("http", "127.0.0.1", (), ("host", "localhost:7860"), ours, ("origin", "http://evil.example")) == 403
    assert ask("lifespan", "127.0.0.1", ()) == 200


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    """A page of Gradio's, served as `difffas play` serves it."""
    gr = pytest.importorskip("gradio", reason="gradio is not installed")
    from factory.play import launch

    with gr.Blocks(analytics_enabled=False) as built:
        image, text = gr.Image(type="filepath"), gr.Textbox()
        gr.Button("go").click(lambda image: "made", image, text, api_name="spoof")
    launch(built, "127.0.0.1", 0, ())
    yield built.server_port
    built.close()


def request(port: int, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, headers={"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    return answer.status, answer.read(4096)


PATHS = [
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/gradio_api/info"),
    ("POST", "/gradio_api/call/spoof"),
    ("POST", "/gradio_api/queue/join"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("POST", "/gradio_api/upload"),
    ("GET", "/gradio_api/file=/etc/hostname"),
    ("OPTIONS", "/gradio_api/upload"),
    ("HEAD", "/"),
    ("GET", "/nowhere"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_path_of_the_page_refuses_other_names_and_origins(served: int, method: str, path: str) -> None:
    here = f"127.0.0.1:{served}"
    asking = {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{served}", "Origin": f"http://evil.example:{served}"},
        {"Host": here, "Origin": "http://evil.example"},
        {"Host": here, "Origin": "null"},
    ):
        status, body = request(served, method, path, "{}" if method == "POST" else None, **headers, **asking)
        assert status == 403, headers
        assert b"evil.example" not in body


def test_the_page_itself_works(served: int) -> None:
    here = f"127.0.0.1:{served}"
    assert request(served, "GET", "/", Host=here)[0] == 200
    assert request(served, "GET", "/config", Host=f"localhost:{served}")[0] == 200
    own = {"Host": here, "Origin": f"http://{here}"}
    status, body = request(served, "POST", "/gradio_api/call/spoof", json.dumps({"data": [None]}), **own)
    assert (status, b"event_id" in body) == (200, True)
