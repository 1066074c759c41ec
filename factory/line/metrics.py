"""Metrics of the line for Prometheus, through `ray.util.metrics`; docs/metrics.md is the table for people.

The figures serve for watching, not for counting: they leave a process every ten seconds, so a dying process takes its
last ones with it, and a shard that is made twice counts twice. The ledger has the exact counts.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from factory.corpus.encode import ImageRecord
    from factory.corpus.row import Row


class Metric(NamedTuple):
    """One metric; Ray prefixes its name with `ray_`."""

    kind: Literal["counter", "gauge", "histogram"]
    says: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()  # upper bounds of a histogram's buckets


METRICS = {
    "factory_images_total": Metric("counter", "Images of finished shards.", ("station", "style", "status")),
    "factory_rejects_total": Metric("counter", "Images left out, by reason.", ("station", "reason")),
    "factory_shards_total": Metric("counter", "Shards that came out of the line.", ("station", "status")),
    "factory_shards_in_flight": Metric("gauge", "Shards that Ray has and has not given back.", ("station",)),
    "factory_shards_queued": Metric("gauge", "Unfinished shards that Ray has not been given.", ("station",)),
    "factory_stage_seconds_total": Metric("counter", "Time spent at shards, by stage.", ("stage",)),
    "factory_faults_total": Metric("counter", "Errors that cost a shard its attempt, by stage.", ("stage",)),
    "factory_generator_seconds_total": Metric("counter", "Time of the generators, by what they did.", ("state",)),
    "factory_brisque": Metric(
        "histogram", "BRISQUE of the written images.", ("station",), (5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100)
    ),
}


def record(name: str, value: float, **labels: str) -> None:
    """Add to a counter, set a gauge, or observe in a histogram; does nothing without Ray, as in a notebook."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return
    kind = METRICS[name].kind
    if kind == "gauge":
        _hold(name, value, labels)
    elif kind == "histogram":
        _metric(name).observe(value, labels)
    elif value > 0:  # Ray refuses zero
        _metric(name).inc(value, labels)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Count the time spent inside the context, and an error that leaves it."""
    began = time.perf_counter()
    try:
        yield
    except Exception:
        record("factory_faults_total", 1, stage=name)
        raise
    finally:
        record("factory_stage_seconds_total", time.perf_counter() - began, stage=name)


def shard_done(station: str, rows: Sequence[Row], records: Sequence[ImageRecord]) -> None:
    """Record a committed shard: its rows, and the rejects among the `records` of its images."""
    for style, count in Counter(row.style for row in rows).items():
        record("factory_images_total", count, station=station, style=style, status="written")
    left_out = [item for item in records if item["reject"]]
    for style, count in Counter(str(item["row"].get("style") or "unknown") for item in left_out).items():
        record("factory_images_total", count, station=station, style=style, status="rejected")
    for reason, count in Counter(str(item["reject"]) for item in left_out).items():
        record("factory_rejects_total", count, station=station, reason=reason)
    for row in rows:
        if row.brisque is not None:
            record("factory_brisque", row.brisque, station=station)


class Busy:
    """How one generator spends its time: it works on a shard, or waits for the next one."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Measure the work on one shard within the context."""
        began = time.perf_counter()
        record("factory_generator_seconds_total", began - self._since, state="waiting")
        try:
            yield
        finally:
            self._since = time.perf_counter()
            record("factory_generator_seconds_total", self._since - began, state="busy")


_held: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}


def _hold(name: str, value: float, labels: dict[str, str]) -> None:
    """Set a gauge, and again every second: Ray forgets a gauge that was not set in its last two reports."""
    if not _held:
        threading.Thread(target=_keep_holding, daemon=True, name="metrics").start()
    _held[name, tuple(labels.items())] = value
    _metric(name).set(value, labels)


def _keep_holding() -> None:
    import ray

    never = threading.Event()
    while not never.wait(1.0):
        if ray.is_initialized():
            for (name, labels), value in list(_held.items()):
                _metric(name).set(value, dict(labels))


@functools.cache
def _metric(name: str) -> Any:
    from ray.util import metrics

    kind, says, labels, buckets = METRICS[name]
    if kind == "histogram":
        return metrics.Histogram(name, says, boundaries=list(buckets), tag_keys=labels)
    return (metrics.Counter if kind == "counter" else metrics.Gauge)(name, says, tag_keys=labels)
