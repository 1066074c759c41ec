"""The line: Ray Data carries shards through stages of actors and tasks to the ledger.

Here a Ray row *is* a shard: `{"shard", "records" (JSON), "pixels" (N, H, W, 3), …}`. Ray can therefore merge, split or
reorder blocks while every sample stays in its shard, and the last stage commits one whole shard. Committing is a map
stage, not a Datasink, so that finished records stream back to the driver, which gets from them the progress in images
and the faults.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NotRequired, cast

from factory import cluster
from factory.cards import write_corpus_card
from factory.cluster.retries import BOUNDED
from factory.core.errors import Quarantined
from factory.core.progress import Progress, say
from factory.corpus import Totals, totals, write_index
from factory.corpus.encode import ImageRecord, encode, encode_and_score
from factory.corpus.provenance import size_auc
from factory.corpus.row import LIVE, SPOOF, Row
from factory.corpus.shards import OutputConfig, commit
from factory.line import metrics
from factory.line.block import Block, Result, result
from factory.line.events import Events
from factory.line.faults import Quarantine, carry
from factory.line.rounds import ATTEMPTS, STALL_SECONDS, in_rounds
from factory.run import Run, software
from factory.run.ledger import Ledger
from factory.run.record import Reject, ShardNotes, SizeAuc
from factory.storage import Storage

if TYPE_CHECKING:
    from ray.data import Dataset

# Maps a dataset of `{"shard"}` to a dataset of `Block`. The second argument is true
# from the second round on: then no two shards share a process, since one that dies would take the other along.
Stages = Callable[["Dataset", bool], "Dataset"]


@dataclasses.dataclass(frozen=True)
class Work:
    """The work that a station gives the line."""

    name: str  # the station's name in the progress line and the metrics
    shards: Iterable[str]  # all names of the plan, including finished shards
    images: int  # planned over all shards
    stages: Stages
    prefix: str  # prefix of the file names in `data/`
    output: OutputConfig
    keys: Callable[[str], list[str]]  # keys of a shard's images, to name those that are rejected with the shard
    stall_seconds: float = STALL_SECONDS  # after this time without another shard the run is given up as stalled
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)  # of the last stage's nodes; empty: any
    closing: Callable[[], None] | None = None  # writes what else the folder holds, before the run is closed
    distinct: int | None = None  # distinct combinations among the images, for the summary; None: all are distinct


class LineSummary(Totals):
    """The `summary.json` of a run that makes shards; time and rate are those of the driver that closed the run."""

    distinct: NotRequired[int]
    seconds: float
    images_per_second: float | None


Failed = Literal["skip", "retry", "reject"]  # how to treat shards in quarantine


def run_line(run: Run, work: Work, failed: Failed = "skip") -> LineSummary:
    """Make every unfinished shard of a claimed run, write the index, close the run, and return its summary.

    Raises:
        Quarantined: at the end, if shards failed at every attempt; all others are done.
        Stalled: if nothing moves any more.
        UserError: if many shards in a row fail, or one meets a fault that all would meet, such as a full disk.
    """
    names = list(work.shards)
    if (finished := finished_run(run, names)) is not None:
        return finished
    cluster.connect()
    import ray

    ledger, quarantine = Ledger(run.storage), Quarantine(run.storage)
    done, given_up = ledger.done(), quarantine.shards()
    if failed == "reject":
        for shard in sorted(given_up.keys() - done):
            _reject(run.storage, work.prefix, shard, work.keys(shard), work.output)
    skipped = given_up.keys() if failed == "skip" else set()
    done = ledger.done()
    todo = [shard for shard in names if shard not in done and shard not in skipped]
    progress = Progress(work.name, len(names), work.images, len(done))
    last = {"num_cpus": 1, **cluster.placed(dict(work.labels)), **BOUNDED}
    settings = {
        "station": work.name,
        "url": run.storage.url,
        "prefix": work.prefix,
        "output": work.output,
    }

    def passed(window: list[str], attempt: int) -> Dataset:
        dataset = ray.data.from_items([{"shard": shard} for shard in window], override_num_blocks=len(window))
        return work.stages(dataset, attempt > 1).map(_finish, fn_kwargs={**settings, "attempt": attempt}, **last)

    with Events(run.storage, station=work.name, todo=len(todo), shards=len(names)) as events:
        faults = in_rounds(work.name, todo, passed, _Told(work.name, progress, events), work.stall_seconds)
        for shard, fault in faults.items():
            quarantine.add(shard, fault, ATTEMPTS)
            metrics.record("factory_shards_total", 1, station=work.name, status="quarantined")
            events.add("quarantined", shard=shard, fault=fault)
        return _close(run, work, names, progress)


def finished_run(run: Run, shards: Iterable[str]) -> LineSummary | None:
    """Return the summary of a finished run; None if work remains, such as a ledger record that has gone missing."""
    summary = run.summary(LineSummary)
    if summary is None or set(shards) - Ledger(run.storage).done():
        return None
    write_corpus_card(run.storage)  # for corpora older than cards
    return summary


class _Told:
    """Reports the shards' results to the terminal, Prometheus and the run's events."""

    def __init__(self, station: str, progress: Progress, events: Events) -> None:
        self._station, self._progress, self._events = station, progress, events
        self._attempt, self._left = 0, 0

    def window(self, shards: int, later: int, attempt: int) -> None:
        self._attempt, self._left = attempt, shards
        metrics.record("factory_shards_queued", later, station=self._station)
        metrics.record("factory_shards_in_flight", shards, station=self._station)

    def made(self, row: Result) -> None:
        self._progress.add(row["planned"])
        self._events.progress(self._progress.line())
        self._out("made")

    def failed(self, shard: str, fault: str) -> None:
        self._events.add("failed", shard=shard, attempt=self._attempt, fault=fault)
        self._out("failed")

    def _out(self, status: str) -> None:
        self._left -= 1
        metrics.record("factory_shards_in_flight", self._left, station=self._station)
        metrics.record("factory_shards_total", 1, station=self._station, status=status)


def _close(run: Run, work: Work, names: list[str], progress: Progress) -> LineSummary:
    ledger = Ledger(run.storage)
    # The index is written only once, so no shard may be missing then.
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
    assert counts["planned"] == work.images, f"{counts['planned']} images in the ledger, {work.images} in the plan"
    write_index(run.storage)
    if work.closing is not None:
        work.closing()
    write_corpus_card(run.storage)
    if not counts["written"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts["rejects_by_reason"].items())
        say(f"{work.name}: no image was written: {reasons}; each is in {run.storage.path('ledger')}")
    rate = progress.rate if progress.made else None
    distinct = {} if work.distinct is None else {"distinct": work.distinct}
    summary = {**counts, **distinct, "seconds": progress.seconds, "images_per_second": rate}
    return cast("LineSummary", run.finish(summary))


def _finish(row: Block, station: str, url: str, prefix: str, output: OutputConfig, attempt: int) -> Result:
    """Encode, score and commit one shard; returns its number of images, or its fault."""

    def work(row: Block) -> Block:
        records: list[ImageRecord] = json.loads(row["records"])
        rows, rejects = encode_and_score(records, row["pixels"], output)
        device = row.get("device", platform.machine())
        notes: ShardNotes = {
            "device": device,
            "attempt": attempt,
            "finished": round(time.time()),
            "software": software(),
        }
        notes |= json.loads(row.get("notes", "{}"))
        by_key = {item["row"]["key"]: (place, item) for place, item in enumerate(records)}
        mine = [by_key[done.key] for done in rows]
        lives = None
        if "lives" in row:  # encoded like spoofs, so that the container does not reveal the class
            copies = [encode(row["lives"][place], output, item["live_source_type"]) for place, item in mine]
            lives = dict(zip((done.key for done in rows), copies, strict=True))
        live_bytes = list(map(len, lives.values())) if lives else [item.get("live_bytes", 0) for _, item in mine]
        notes["size_auc"] = _size_auc(rows, live_bytes)
        record = commit(Storage(url), prefix, row["shard"], rows, rejects, output, notes, lives)
        metrics.shard_done(station, rows, records)
        return {"shard": row["shard"], "planned": record["planned"]}

    return result(carry(row, "publish", work))  # the name in quarantine records and metrics


def _size_auc(rows: list[Row], live_bytes: list[int]) -> SizeAuc | None:
    """Compare the sizes of a shard's spoofs with those of its live faces, or of the faces that made the spoofs."""
    live = [len(row.image) for row in rows if row.label == LIVE]
    return size_auc(live or [size for size in live_bytes if size], [len(r.image) for r in rows if r.label == SPOOF])


def _reject(storage: Storage, prefix: str, shard: str, keys: list[str], output: OutputConfig) -> None:
    """Record a quarantined shard as a shard of rejects only."""
    rejects: list[Reject] = [{"key": key, "reason": "quarantined"} for key in keys]
    commit(storage, prefix, shard, [], rejects, output, {"software": software(), "attempt": ATTEMPTS})
