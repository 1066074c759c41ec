"""Restrict access to the playground: only its own pages may call it, and only under one of its own names.

A page of any site can make a browser send requests to `localhost`. If the site's name points to 127.0.0.1 (DNS
rebinding), the browser even shows the site the answers, faces included; the `Host` of such a request is the site's
name. A request that another page caused names that page in its `Origin`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@/?#\s]+)(:\d*)?", re.IGNORECASE)
ANYWHERE = ("0.0.0.0", "::", "")


class Guard:
    """Answers requests, uploads, event streams and web sockets with 403 unless host and origin are the playground's.

    The playground's names are those of the loopback, the address it listens on, and `hosts`. If it listens on other
    interfaces, numeric addresses are accepted as well: no site can have one as its name.
    """

    def __init__(self, app: App, listens: str, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._numbers = not _is_loopback(_name(listens))
        self._names = {_name(name) for name in (*hosts, listens) if name not in ANYWHERE}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        fault = self._fault(scope["headers"]) if scope["type"] in ("http", "websocket") else None
        if fault is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": fault[:120]})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": f"{fault}\n".encode()})

    def _fault(self, headers: list[tuple[bytes, bytes]]) -> str | None:
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
        if len(hosts) != 1 or not self._is_ours(_name(hosts[0])):
            return "this name is not the playground's: open the address that it printed, or start it with hosts=[NAME]"
        if any(not _is_same(origin, hosts[0]) for origin in origins):
            return "the playground answers its own page only, not one of another origin"
        return None

    def _is_ours(self, name: str) -> bool:
        return name in self._names or _is_loopback(name) or (self._numbers and _address(name) is not None)


def _is_same(origin: str, host: str) -> bool:
    """Whether an origin is the page that `host` names: with its port, which the scheme may imply."""
    try:
        parts = urlsplit(origin)
        implied = {"http": 80, "https": 443}[parts.scheme]
        asked = urlsplit(f"//{host}")
        return (_name(parts.netloc), parts.port or implied) == (_name(host), asked.port or implied)
    except (KeyError, ValueError):  # `null`, another scheme, or no port
        return False


def _name(host: str) -> str:
    """The name or address of a host in lower case, without port, brackets or a final dot; empty if invalid."""
    if _address(host) is not None:  # an IPv6 address as written in a configuration
        return host.lower()
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower().removesuffix(".") if found else ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _is_loopback(name: str) -> bool:
    address = _address(name)
    return name == "localhost" or (address is not None and address.is_loopback)
