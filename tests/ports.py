"""Free ports for the servers of tests."""

from __future__ import annotations

import random
import socket

ABOVE_THE_WORKERS_OF_RAY = 20_000
BELOW_OUTGOING = 32_000  # from 32,768 the kernel takes ports for outgoing connections: those come and go at any moment


def free_ports(count: int, neighbour: int = 0, host: str = "127.0.0.1") -> list[int]:
    """Different free ports; the port `neighbour` above each is free too."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(ABOVE_THE_WORKERS_OF_RAY, BELOW_OUTGOING - neighbour)
        if port not in ports and _is_free(port, host) and _is_free(port + neighbour, host):
            ports.append(port)
    return ports


def free_port(host: str = "127.0.0.1") -> int:
    return free_ports(1, host=host)[0]


def _is_free(port: int, host: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
