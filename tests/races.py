"""Writers that all commit the same name at the same moment."""

from __future__ import annotations

import threading

from factory.storage import Storage

WRITERS = 8


def race(storage: Storage, name: str, size: int = 100_000) -> None:
    """Exactly one of the writers commits, and what it wrote is there whole."""
    payloads = [bytes([writer]) * size for writer in range(WRITERS)]
    winners: list[int] = []
    barrier = threading.Barrier(WRITERS)

    def write(writer: int) -> None:
        barrier.wait()
        if storage.create(name, payloads[writer]):
            winners.append(writer)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1
    assert storage.read(name) == payloads[winners[0]]
