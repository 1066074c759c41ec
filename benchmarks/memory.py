"""Peak memory of a Ray program and of everything that it started. Linux only."""

from __future__ import annotations

import os
import threading
from pathlib import Path


class Watch:
    """Peak memory while it is open, sampled twice a second: proportional set sizes, so that nothing counts twice."""

    def __enter__(self) -> Watch:
        self.driver = self.everything = self.store = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.5):
            self.driver = max(self.driver, _pss(os.getpid()))
            self.everything = max(self.everything, sum(_pss(pid) for pid in _descendants()) + self.driver)
            self.store = max(self.store, _store_megabytes())


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    kept = [line for line in lines if line.startswith(("Pss_Anon", "Pss_File"))]  # the store is counted by itself
    return sum(float(line.split()[1]) for line in kept) / 1024


def _descendants() -> list[int]:
    """Processes that this one started, and theirs: the raylet and its workers among them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    found, fresh = set[int](), {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return sorted(found)


def _store_megabytes() -> float:
    import ray

    total = ray.cluster_resources().get("object_store_memory", 0.0)
    free = ray.available_resources().get("object_store_memory", 0.0)
    return float(total - free) / 2**20
