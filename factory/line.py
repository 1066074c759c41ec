"""The line: Ray Data carries shards through stages of actors and tasks to the ledger.

A Ray row *is* a shard here: `{"shard", "records" (JSON), "pixels" (N, H, W, 3), …}`. Blocks can therefore be merged,
split or reordered by Ray without a sample ever changing its shard, and the last stage publishes one whole shard.
Publishing is a map stage, not a Datasink, so that finished records stream back to the driver: that is where the
progress in images comes from, and the faults that were met.
"""

from __future__ import annotations

import json
import platform
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, Literal

from factory import cluster, metrics
from factory.cards import write_corpus_card
from factory.corpus import totals, write_index
from factory.encode import encode, encode_and_score
from factory.events import Events
from factory.faults import DIED, Quarantine, Quarantined, Stalled, carry
from factory.ledger import Ledger
from factory.progress import Progress, say
from factory.provenance import size_auc
from factory.row import LIVE, SPOOF, Row
from factory.run import Run, software
from factory.shards import OutputConfig, publish
from factory.storage import Storage

if TYPE_CHECKING:
    from ray.data import Dataset

WINDOW = 2000  # shards handed to Ray at a time: bounds the driver's memory
ATTEMPTS = 3  # rounds in which a shard is tried before it is quarantined
ALL_FAIL = 20  # so many faults in a row, in the first round: the fault is not the shards'
# Ray Data's default is endless: an input that kills its process would start it again for ever.
BOUNDED = {"max_retries": 2}
STALL_SECONDS = 3600.0
LEAVE_SECONDS = 20.0  # for the last rows under way when a run is stopped

# From a dataset of `{"shard"}` to one of `{"shard", "records", "pixels"}` or fault rows. The second argument is true
# from the second round on: then no shard may share a process with another, which it might take along.
Stages = Callable[["Dataset", bool], "Dataset"]


def run_line(
    run: Run,
    name: str,
    shards: Iterable[str],
    images: int,
    stages: Stages,
    prefix: str,
    output: OutputConfig,
    keys: Callable[[str], list[str]],
    failed: Literal["skip", "retry", "reject"] = "skip",
    stall_seconds: float = STALL_SECONDS,
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Make every unfinished shard of a run, write the index, close the run; returns its summary.

    Args:
        run: the claimed output folder.
        name: what the progress line calls this run.
        shards: all shard names of the plan, finished ones included.
        images: planned images over all shards.
        stages: see `Stages`.
        prefix: begins the file names in `data/`.
        output: formats, codec and shard size.
        keys: the keys of a shard's images, to say which are rejected with it.
        failed: what to do with shards that were quarantined before.
        stall_seconds: without one more shard in so long, the run is given up as stalled.
        labels: of the nodes that the last stage may run on; any by default.

    Raises:
        Quarantined: at the end, if shards failed at every attempt; all others are done.
        Stalled: if nothing moves any more.
        ValueError: if many shards in a row fail, or one meets what all would meet, such as a full disk.
    """
    names = list(shards)
    if (finished := finished_run(run, names)) is not None:
        return finished
    cluster.connect()
    ledger, quarantine = Ledger(run.storage), Quarantine(run.storage)
    done, given_up = ledger.done(), quarantine.shards()
    if failed == "reject":
        for shard in sorted(given_up.keys() - done):
            _reject(run.storage, prefix, shard, keys(shard), output)
    skipped = given_up.keys() if failed == "skip" else set()
    done = ledger.done()
    todo = [shard for shard in names if shard not in done and shard not in skipped]
    progress = Progress(name, len(names), images, len(done))
    last = {"num_cpus": 1, **cluster.placed(labels or {}), **BOUNDED}
    settings = {"station": name, "url": run.storage.url, "prefix": prefix, "output": output.model_dump(mode="json")}

    with Events(run.storage, station=name, todo=len(todo), shards=len(names)) as events:
        faults: dict[str, str] = {}
        for attempt in range(1, ATTEMPTS + 1):
            faults = {}
            for first in range(0, len(todo), WINDOW):
                window, later = todo[first : first + WINDOW], len(todo) - first - WINDOW
                metrics.record("factory_shards_queued", max(later, 0), station=name)
                faults |= _make(window, stages, attempt, settings, last, progress, events, stall_seconds)
            if not faults:
                break
            shard, fault = next(iter(faults.items()))
            say(f"{name}: {len(faults)} shards failed at attempt {attempt} of {ATTEMPTS}, such as {shard}: {fault}")
            todo = list(faults)
        for shard, fault in faults.items():
            quarantine.add(shard, fault, ATTEMPTS)
            metrics.record("factory_shards_total", 1, station=name, status="quarantined")
            events.add("quarantined", shard=shard, fault=fault)
        return _close(run, names, images, progress)


def finished_run(run: Run, shards: Iterable[str]) -> dict[str, Any] | None:
    """The summary of a finished run; None if anything is to do, such as a ledger record that went missing since."""
    summary = run.summary()
    if summary is None or set(shards) - Ledger(run.storage).done():
        return None
    write_corpus_card(run.storage)  # a corpus from before there were cards
    return summary


def _make(
    window: list[str],
    stages: Stages,
    attempt: int,
    settings: dict[str, Any],
    last: dict[str, Any],
    progress: Progress,
    events: Events,
    stall_seconds: float,
) -> dict[str, str]:
    """One pass of some shards through the line; returns the faults of those that did not come out."""
    import ray

    dataset = ray.data.from_items([{"shard": shard} for shard in window], override_num_blocks=len(window))
    line = stages(dataset, attempt > 1).map(_finish, fn_kwargs={**settings, "attempt": attempt}, **last)
    line.context.max_errored_blocks = -1  # a shard whose process died is missing here, and known by that
    told = _Told(settings["station"], attempt, len(window), progress, events)
    faults, made, lost, in_a_row = {}, set(), DIED, 0
    rows = _watched(line, stall_seconds)
    try:
        for row in rows:
            if not row["fault"]:
                made.add(row["shard"])
                in_a_row = 0
                told.made(row["planned"])
            elif row["stops"]:
                raise ValueError(f"shard {row['shard']}: {row['fault']}; mend that and run the command again")
            else:
                faults[row["shard"]] = row["fault"]
                told.failed(row["shard"], row["fault"])
                in_a_row += 1
                if attempt == 1 and in_a_row >= ALL_FAIL:
                    raise ValueError(f"{ALL_FAIL} shards in a row failed, the last in {row['fault']}")
    except ray.exceptions.RayError as error:
        if isinstance(error, ValueError):
            raise
        lost = " ".join(str(error).split())[-500:]
    finally:
        rows.close()
    for shard in set(window) - made - faults.keys():
        told.failed(shard, lost)
    return {shard: faults.get(shard, lost) for shard in window if shard not in made}


class _Told:
    """Whom the driver tells what came out of a window: the terminal, Prometheus, the run's events."""

    def __init__(self, station: str, attempt: int, window: int, progress: Progress, events: Events) -> None:
        self._station, self._attempt, self._left = station, attempt, window
        self._progress, self._events = progress, events
        metrics.record("factory_shards_in_flight", window, station=station)

    def made(self, images: int) -> None:
        self._progress.add(images)
        self._events.progress(self._progress.line())
        self._out("made")

    def failed(self, shard: str, fault: str) -> None:
        self._events.add("failed", shard=shard, attempt=self._attempt, fault=fault)
        self._out("failed")

    def _out(self, status: str) -> None:
        self._left -= 1
        metrics.record("factory_shards_in_flight", self._left, station=self._station)
        metrics.record("factory_shards_total", 1, station=self._station, status=status)


def _watched(dataset: Dataset, stall_seconds: float) -> Generator[dict[str, Any]]:
    """Rows of a dataset as they come; a thread waits for them, for nothing wakes a caller inside Ray."""
    arrived: queue.Queue[Any] = queue.Queue()
    left = threading.Event()

    def drain() -> None:
        try:
            for row in dataset.iter_rows():
                if left.is_set():
                    return
                arrived.put(row)
            arrived.put(None)
        except BaseException as error:
            arrived.put(error)

    thread = threading.Thread(target=drain, daemon=True, name="line")
    thread.start()
    try:
        while True:
            try:
                row = arrived.get(timeout=stall_seconds)
            except queue.Empty:
                raise Stalled(
                    f"no shard was finished in {stall_seconds:g} s: run the command again to resume; if shards take "
                    f"that long here, lower output.rows_per_shard or raise resources.stall_seconds"
                ) from None
            if isinstance(row, BaseException):
                raise row
            if row is None:
                return
            yield row
    except GeneratorExit:
        # A thread that still reads when Ray is shut down would connect again, and complain.
        left.set()
        thread.join(LEAVE_SECONDS)
        raise


def _close(run: Run, names: list[str], images: int, progress: Progress) -> dict[str, Any]:
    ledger = Ledger(run.storage)
    # The index is never written twice: nothing may be missing when it is.
    missing = sorted(set(names) - ledger.done())
    if missing:
        faults = Quarantine(run.storage).shards()
        shown = "; ".join(f"{shard}: {faults[shard]}" for shard in missing[:3])
        raise Quarantined(
            f"{len(names) - len(missing):,} of {len(names):,} shards are done, {len(missing):,} in quarantine ({shown}"
            f"{' …' if len(missing) > 3 else ''}): difffas retry-failed {run.storage.url} tries those again, and with "
            f"--reject closes the corpus without them"
        )
    counts = totals(ledger.records())
    assert counts["planned"] == images, f"{counts['planned']} images in the ledger, {images} in the plan"
    write_index(run.storage)
    write_corpus_card(run.storage)
    rate = progress.rate if progress.made else None
    return run.finish({**counts, "seconds": progress.seconds, "images_per_second": rate})


def _finish(
    row: dict[str, Any], station: str, url: str, prefix: str, output: dict[str, Any], attempt: int
) -> dict[str, Any]:
    """Encode, score and publish one shard; what goes on is its count of images, or its fault."""

    def work(row: dict[str, Any]) -> dict[str, Any]:
        config = OutputConfig.model_validate(output)
        records = json.loads(row["records"])
        rows, rejects = encode_and_score(records, row["pixels"], config)
        device = row.get("device", platform.machine())
        notes = {"device": device, "attempt": attempt, "finished": round(time.time()), "software": software()}
        notes |= json.loads(row.get("notes", "{}"))
        by_key = {item["row"]["key"]: (place, item) for place, item in enumerate(records)}
        mine = [by_key[done.key] for done in rows]
        lives = None
        if "lives" in row:  # encoded as the spoofs are, so that no container tells the classes apart
            copies = [encode(row["lives"][place], config, item["live_source_type"]) for place, item in mine]
            lives = dict(zip((done.key for done in rows), copies, strict=True))
        live_bytes = list(map(len, lives.values())) if lives else [item.get("live_bytes", 0) for _, item in mine]
        notes["size_auc"] = _size_auc(rows, live_bytes)
        record = publish(Storage(url), prefix, row["shard"], rows, rejects, config, notes, lives)
        metrics.shard_done(station, rows, records)
        return {"planned": record["planned"]}

    found = carry(row, "publish", work)
    return {
        "shard": row["shard"],
        "planned": found.get("planned", 0),
        "fault": found.get("fault", ""),
        "stops": found.get("stops", False),
    }


def _size_auc(rows: list[Row], live_bytes: list[int]) -> dict[str, float] | None:
    """Of a shard: spoofs against the live faces among the rows or, of a generated one, those they were made from."""
    live = [len(row.image) for row in rows if row.label == LIVE]
    return size_auc(live or [size for size in live_bytes if size], [len(r.image) for r in rows if r.label == SPOOF])


def _reject(storage: Storage, prefix: str, shard: str, keys: list[str], output: OutputConfig) -> None:
    """Record a quarantined shard as one of rejects alone."""
    rejects = [{"key": key, "reason": "quarantined"} for key in keys]
    publish(storage, prefix, shard, [], rejects, output, {"software": software(), "attempt": ATTEMPTS})
