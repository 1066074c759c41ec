"""The line's own cost: what Ray, the plan, the shards and the ledger take besides the generator.

    python -m benchmarks.line rows       # a million small rows through the line: rows/s, memory flat or not
    python -m benchmarks.line actors     # throughput of the line over that of the generators alone, 20 ms an image
    python -m benchmarks.line overhead   # where the microseconds of a row go
    python -m benchmarks.line ledger     # what a thousand generators would do to the ledger

Each prints a Markdown table; ratios are of figures taken within one run. Times are of this machine and its load.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory import cluster
from factory.config import Config, load
from factory.encode import encode, encode_and_score
from factory.generate import GenerateConfig, lay_plan, open_corpora, recipe_of, run
from factory.generators import DummyGenerator, Made, Request
from factory.inputs import read_inputs
from factory.ledger import Ledger
from factory.line import run_line
from factory.run import Run
from factory.shards import FORMATS, OutputConfig, publish
from tests.corpora import small_rows, write_corpus

if TYPE_CHECKING:
    from ray.data import Dataset

SIDE = 32
SLEEP = 0.020  # seconds an image, for the sleeping generator


class NoConfig(Config):
    """A run without settings."""


# -- a: rows ----------------------------------------------------------------------------------------------------------


def rows(counts: list[int]) -> None:
    """The dummy generator at 32², the line with everything on; memory of driver and workers, and the object store."""
    print("| rows | rows/s | seconds | driver peak MB | all processes peak MB | object store peak MB |")
    print("|---|---|---|---|---|---|")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(Path(folder) / "real", small_rows(side=SIDE))
            config = _config(folder, count, 500)
            cluster.connect(num_cpus=2)
            with Watch() as watch:
                summary = run(config)
            assert summary["written"] == count
        figures = summary["images_per_second"], summary["seconds"], watch.driver, watch.everything, watch.store
        print(f"| {count:,} | " + " | ".join(f"{figure:,.0f}" for figure in figures) + " |", flush=True)


def _config(folder: str, samples: int, per_shard: int) -> GenerateConfig:
    given = {"inputs.live": f"{folder}/real", "inputs.guides": f"{folder}/real", "inputs.generator": "dummy"}
    given |= {"out": f"{folder}/spoofs", "plan.samples": str(samples), "output.rows_per_shard": str(per_shard)}
    given |= {"resources.gpus_per_generator": "0", "sampler.batch_size": "16"}
    return load(GenerateConfig, None, [f"{name}={value}" for name, value in given.items()])


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
    return (total - free) / 2**20


# -- b: actors --------------------------------------------------------------------------------------------------------


class Sleeper:
    """An actor whose generator sleeps; notes when each shard began and ended."""

    def __init__(self, notes: str) -> None:
        self._notes = Path(notes)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        begin = time.time()
        time.sleep(SLEEP * len(row["pixels"]))
        line = json.dumps([begin, time.time(), len(row["pixels"])])
        (self._notes / f"{row['shard']}.json").write_text(line)
        return {name: row[name] for name in ("shard", "records", "pixels")}


def actors(counts: list[int]) -> None:
    """Line ÷ bare loop for a generator that sleeps 20 ms an image, with encode and score off and on."""
    print("| generators | encode and score | images/s of the line | images/s of bare loops | ratio |")
    print("|---|---|---|---|---|")
    for count in counts:
        for on in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                rate = _sleeping_line(folder, count, on)
            bare = count / SLEEP
            print(f"| {count} | {'on' if on else 'off'} | {rate:,.0f} | {bare:,.0f} | {rate / bare:.3f} |", flush=True)


def _sleeping_line(folder: str, count: int, on: bool) -> float:
    """Images/s from the first shard's begin to the last one's end, while all generators have work."""
    write_corpus(Path(folder) / "real", small_rows(side=SIDE))
    per_shard, seconds = 100, 20
    samples = int(count * seconds / SLEEP)
    config = _config(folder, samples, per_shard)
    live, guides = open_corpora(config)
    plan = lay_plan(config, live, guides)
    notes = Path(folder) / "notes"
    notes.mkdir()
    cluster.connect(num_cpus=2)
    import ray
    from ray.data import ActorPoolStrategy

    from factory.inputs import read_order

    places = [corpus.index.select(["shard", "position"]).combine_chunks() for corpus in (live, guides)]
    shared = ray.put((plan, *places))
    urls = {"live_url": live.storage.url, "guides_url": guides.storage.url}
    reading = {"plan": [shared], "recipe": recipe_of(config), **urls}

    def stages(dataset: Dataset, careful: bool) -> Dataset:
        pool = ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=2)
        read = dataset.map(read_order, fn_kwargs=reading, num_cpus=1)
        return read.map(Sleeper, fn_constructor_args=(str(notes),), compute=pool, num_cpus=0)

    if on:
        claim = Run(config.out, "generate", {}, NoConfig())
        run_line(claim, "actors", plan.shards(), len(plan), stages, "spoof", config.output, lambda shard: [])
    else:
        names = [{"shard": shard} for shard in plan.shards()]
        dataset = ray.data.from_items(names, override_num_blocks=len(names))
        for _ in stages(dataset, False).select_columns(["shard"]).iter_rows():
            pass
    spans = [json.loads(path.read_text()) for path in notes.iterdir()]
    begin = sorted(span[0] for span in spans)[count - 1]  # all generators have started
    end = sorted(span[1] for span in spans)[-count]  # none has run out of work
    inside = [max(0.0, min(last, end) - max(first, begin)) / (last - first) for first, last, _ in spans]
    made = sum(images * share for (_, _, images), share in zip(spans, inside, strict=True))
    return made / (end - begin)


# -- c: overhead ------------------------------------------------------------------------------------------------------


def overhead(side: int) -> None:
    """Microseconds a row on one core, step by step, for one shard of 200 rows in both formats."""
    with tempfile.TemporaryDirectory() as folder:
        write_corpus(Path(folder) / "real", small_rows(side=side))
        config = _config(folder, 2000, 200)
        live, guides = open_corpora(config)
        plan = lay_plan(config, live, guides)
        corpora = (live.storage, live.index), (guides.storage, guides.index)
        order = plan.order("train-000003")
        inputs = read_inputs(order, *corpora, recipe_of(config))
        names = ("pixels", "guides", "guide_of", "t0", "cfg_scale", "seed")
        made: Made = DummyGenerator()(Request(*(inputs[name] for name in names)))
        records, output = json.loads(inputs["records"]), config.output
        finished, _ = encode_and_score(records, made.pixels, output)
        number = iter(range(10**6))
        both = OutputConfig(formats=("parquet", "webdataset"))

        def store() -> None:
            publish(live.storage, "bench", f"bench-{next(number):06d}", finished, [], both, {})

        steps: dict[str, Callable[[], Any]] = {
            "plan": lambda: plan.order("train-000003"),
            "read and decode live faces and guides": lambda: read_inputs(order, *corpora, recipe_of(config)),
            "encode (png)": lambda: [encode(image, output, "digitalCapture") for image in made.pixels],
            "encode and score (BRISQUE)": lambda: encode_and_score(records, made.pixels, output),
            "Parquet bytes": lambda: FORMATS["parquet"].to_bytes(finished),
            "WebDataset bytes": lambda: FORMATS["webdataset"].to_bytes(finished),
            "both formats, written, synced, recorded": store,
        }
        print(f"| step, {side}×{side} | µs a row |")
        print("|---|---|")
        for name, step in steps.items():
            step()
            begin = time.perf_counter()
            for _ in range(3):
                step()
            print(f"| {name} | {(time.perf_counter() - begin) / 3 / 200 * 1e6:,.0f} |", flush=True)


# -- d: ledger --------------------------------------------------------------------------------------------------------


def ledger(folder: str | None) -> None:
    """A thousand generators of 10 images/s finish 20 shards of 500 a second: what the ledger bears, and its scans."""
    from factory.storage import Storage

    print("| ledger | records | commits/s, 64 writers | resume scan s | all records read s |")
    print("|---|---|---|---|---|")
    record = {"planned": 500, "rows": 500, "rejects": [], "rejects_by_reason": {}, "styles": {"a-b": 500}, "files": {}}
    with tempfile.TemporaryDirectory() as temporary:
        for count in (2_000, 20_000):
            storage = Storage(f"{folder or temporary}/ledger-{count}")
            book = Ledger(storage)
            begin = time.perf_counter()
            # Every shard is committed by two of them: the race that a resumed run can have.
            names = [f"train-{number // 2:06d}" for number in range(2 * count)]
            with ThreadPoolExecutor(64) as pool:
                list(pool.map(book.commit, names, [{**record, "shard": name} for name in names]))
            commits = 2 * count / (time.perf_counter() - begin)
            begin = time.perf_counter()
            assert len(book.done()) == count
            scan = time.perf_counter() - begin
            begin = time.perf_counter()
            assert sum(1 for _ in book.records()) == count
            whole = time.perf_counter() - begin
            kind = "S3" if folder else "local"
            print(f"| {kind} | {count:,} | {commits:,.0f} | {scan:.2f} | {whole:.2f} |", flush=True)


def main() -> None:
    """Parse the command line and run one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["rows", "actors", "overhead", "ledger"])
    parser.add_argument("--counts", type=int, nargs="+", help="rows, or generators")
    parser.add_argument("--side", type=int, default=256, help="of the images of the overhead table")
    parser.add_argument("--folder", help="s3:// folder for the ledger table")
    given = parser.parse_args()
    if given.table == "rows":
        rows(given.counts or [100_000, 1_000_000])
    elif given.table == "actors":
        actors(given.counts or [4, 16])
    elif given.table == "overhead":
        overhead(given.side)
    else:
        ledger(given.folder)


if __name__ == "__main__":
    main()
