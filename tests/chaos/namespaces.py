"""Machines of one's own: network namespaces on a switch, any of which can be cut off. Needs root on Linux."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Network:
    """Namespaces with one address each; the machine's own network is not touched."""

    prefix: str
    addresses: tuple[str, ...]

    def inside(self, number: int) -> tuple[str, ...]:
        """What precedes a command that shall run in namespace `number`."""
        return ("ip", "netns", "exec", f"{self.prefix}-{number}")

    def cut_off(self, number: int) -> None:
        """Unplug a namespace at the switch: nobody is told, packets just vanish."""
        _ip("-n", f"{self.prefix}-hub", "link", "set", f"port{number}", "down")


@contextmanager
def network(count: int) -> Iterator[Network]:
    """`count` namespaces on one switch, which is in a namespace itself; skips where that is not permitted."""
    if shutil.which("ip") is None:
        pytest.skip("no `ip` here: install iproute2")
    made = Network(f"difffas-{secrets.token_hex(3)}", tuple(f"10.77.0.{number + 1}" for number in range(count)))
    hub = f"{made.prefix}-hub"
    names = [hub, *(f"{made.prefix}-{number}" for number in range(count))]
    try:
        try:
            _connect(made, hub)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not permitted here: {error.stderr.strip()}")
        yield made
    finally:
        for name in names:
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", name)  # and with it all that is in it


def _connect(made: Network, hub: str) -> None:
    _ip("netns", "add", hub)
    _ip("-n", hub, "link", "add", "switch", "type", "bridge")
    _ip("-n", hub, "link", "set", "switch", "up")
    for number, address in enumerate(made.addresses):
        name, port = f"{made.prefix}-{number}", f"port{number}"
        _ip("netns", "add", name)
        _ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", port, "netns", hub)
        _ip("-n", hub, "link", "set", port, "master", "switch", "up")
        _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "route", "add", "default", "dev", "eth0")  # Ray asks which address leads outside


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
