"""An HTTP proxy that fails on purpose, between an S3 client and its server.

It speaks plain HTTP/1.1 and passes the head of a request on as it came, so that its signature stays valid.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

Fault = Literal[
    "slow_down",  # 503, not carried out
    "internal_error",  # 500, not carried out
    "reset",  # connection reset, not carried out
    "late_error",  # 500, carried out
    "lost_answer",  # connection reset, carried out
    "cut_answer",  # connection reset in the middle of the answer, carried out
    "latency",  # a late answer
]
LATENCY_SECONDS = 0.1
ERRORS = {
    "slow_down": (503, "Slow Down", "SlowDown"),
    "internal_error": (500, "Internal Server Error", "InternalError"),
    "late_error": (500, "Internal Server Error", "InternalError"),
}


class FaultProxy:
    """Runs in a thread while its context lasts.

    Args:
        port: of the server on the loopback.
        rates: probability of each fault; together at most 1.
        seed: of the generator that draws the faults, one draw per request.

    Attributes:
        counts: requests by fault; those without one under "none".
        script: faults (None: none) for the next requests, used up before any is drawn.
    """

    def __init__(self, port: int, rates: Mapping[Fault, float] | None = None, seed: int = 0) -> None:
        self._server_port = port
        self.rates: dict[Fault, float] = dict(rates or {})
        assert sum(self.rates.values()) <= 1
        self.counts: Counter[str] = Counter()
        self.script: deque[Fault | None] = deque()
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """URL of the proxy."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = started.result(10)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @contextmanager
    def after(self, *script: Fault | None) -> Iterator[None]:
        """Count from here on, with these faults first; all of them must have come by the end."""
        self.counts.clear()
        self.script.extend(script)
        yield
        assert not self.script

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _draw(self) -> Fault | None:
        if self.script:
            return self.script.popleft()
        value = self._random.random()
        for fault, rate in self.rates.items():
            value -= rate
            if value < 0:
                return fault
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All requests of one connection, one after the other."""
        try:
            while (head := await _read_head(reader)) is not None:
                if not await self._answer(head, reader, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the proxy is closed
        finally:
            writer.transport.abort()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection lives on."""
        if _header(head, "expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _read_body(head, reader)
        fault = self._draw()
        self.counts[fault or "none"] += 1
        if fault == "latency":
            await asyncio.sleep(LATENCY_SECONDS)
        without_expect = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:"))
        carried_out = fault not in ("slow_down", "internal_error", "reset")
        answer = await self._forward(without_expect, body) if carried_out else b""
        if fault in ("reset", "lost_answer"):
            _reset(writer)
            return False
        if fault == "cut_answer":
            writer.write(answer[: max(1, len(answer) * 2 // 3)])
            await writer.drain()
            await asyncio.sleep(0.02)  # a reset takes along what is still in the buffers
            _reset(writer)
            return False
        writer.write(_error(fault, head) if fault in ERRORS else answer)
        await writer.drain()
        return True

    async def _forward(self, head: bytes, body: bytes) -> bytes:
        """The server's whole answer, as it came."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            writer.write(head + body)
            await writer.drain()
            answer = await _read_head(reader)
            while answer is not None and answer.split(b" ", 2)[1] == b"100":
                answer = await _read_head(reader)
            assert answer is not None, "the server closed the connection"
            bodyless = head.startswith(b"HEAD ") or answer.split(b" ", 2)[1] in (b"204", b"304")
            return answer + (b"" if bodyless else await _read_body(answer, reader))
        finally:
            writer.close()


async def _read_head(reader: asyncio.StreamReader) -> bytes | None:
    """Start line and headers with the empty line; None at the end of the connection."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None


async def _read_body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """The body that a head announces, chunks left as they are."""
    if b"chunked" in _header(head, "transfer-encoding"):
        body = b""
        while True:
            size = await reader.readuntil(b"\r\n")
            body += size + await reader.readexactly(int(size.split(b";")[0], 16) + 2)
            if int(size.split(b";")[0], 16) == 0:
                return body
    return await reader.readexactly(int(_header(head, "content-length") or 0))


def _header(head: bytes, name: str) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.encode():
            return value.strip().lower()
    return b""


def _error(fault: str, head: bytes) -> bytes:
    status, reason, code = ERRORS[fault]
    body = f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>On purpose</Message></Error>"
    lines = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return lines.encode() + (b"" if head.startswith(b"HEAD ") else body.encode())


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, not FIN, so that nothing looks like a regular end."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
