"""The line's own cost: what Ray, the plan, the shards and the ledger take besides the generator.

    python -m benchmarks.line rows       # a million small rows through the line: rows/s, memory flat or not
    python -m benchmarks.line actors     # throughput of the line over that of the generators alone, 20 ms an image
    python -m benchmarks.line gpu        # does the line keep up with a GPU, given 16 processors for it?
    python -m benchmarks.line overhead   # where the microseconds of a row go
    python -m benchmarks.line ledger     # what a thousand generators would do to the ledger

Each prints a Markdown table; ratios are of figures taken within one run. Times are of this machine and its load.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.corpora import NoConfig, small_rows, write_corpus
from benchmarks.memory import Watch
from factory import cluster
from factory.core.config import load
from factory.corpus.encode import encode, encode_and_score
from factory.corpus.shards import FORMATS, OutputConfig, commit
from factory.generate import GenerateConfig, lay_plan, open_inputs, recipe_of, run
from factory.generate.inputs import read_inputs
from factory.generate.plan import Plan
from factory.line import Work, run_line
from factory.models.generators import DummyGenerator, Made, Request
from factory.run import Run
from factory.run.ledger import Ledger

if TYPE_CHECKING:
    from ray.data import Dataset

RATE, PROCESSORS = 500, 16  # images/s of a generator with a student, the goal on one GPU; processors for each GPU
SIDE = 32
SLEEP = 0.020  # seconds an image, for the sleeping generator
GENERATORS, SHARDS_A_SECOND = 1000, 20.0  # of the simulation: 10 images/s each, shards of 500


# -- a: rows ----------------------------------------------------------------------------------------------------------


def rows(counts: list[int]) -> None:
    """The dummy generator at 32², the line with everything on; memory of driver and workers, and the object store."""
    print("| driver ÷ first | all ÷ first | rows | rows/s | s | driver peak MB | all peak MB | store peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    first: tuple[float, float] | None = None
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(Path(folder) / "real", small_rows(side=SIDE))
            config = _config(folder, count, 500)
            cluster.connect(num_cpus=2)
            with Watch() as watch:
                summary = run(config)
            assert summary["written"] == count
        first = first or (watch.driver, watch.everything)
        ratios = f"{watch.driver / first[0]:.3f} | {watch.everything / first[1]:.3f}"
        figures = count, summary["images_per_second"], summary["seconds"], watch.driver, watch.everything, watch.store
        print(f"| {ratios} | " + " | ".join(f"{figure:,.0f}" for figure in figures) + " |", flush=True)


def _config(folder: str, samples: int, per_shard: int, codec: str = "png") -> GenerateConfig:
    given = {"inputs.live": f"{folder}/real", "inputs.guides": f"{folder}/real", "inputs.generator": "dummy"}
    given |= {"out": f"{folder}/spoofs", "plan.samples": str(samples), "output.rows_per_shard": str(per_shard)}
    given |= {"output.codec": codec, "resources.gpus_per_generator": "0", "sampler.batch_size": "16"}
    return load(GenerateConfig, None, [f"{name}={value}" for name, value in given.items()])


# -- b: actors --------------------------------------------------------------------------------------------------------


class Sleeper:
    """An actor whose generator sleeps; notes which process began and ended each shard, and when."""

    def __init__(self, notes: str, seconds: float) -> None:
        self._notes, self._seconds = Path(notes), seconds

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        begin = time.time()
        time.sleep(self._seconds * len(row["pixels"]))
        line = json.dumps([os.getpid(), begin, time.time(), len(row["pixels"])])
        (self._notes / f"{row['shard']}.json").write_text(line)
        return {name: row[name] for name in ("shard", "records", "pixels")}


def actors(counts: list[int]) -> None:
    """Line ÷ bare loop for a generator that sleeps 20 ms an image, with encode and score off and on."""
    print(
        "| line ÷ bare | generators | slots | encode, score | images/s of the line | of bare loops | s till all work |"
    )
    print("|---|---|---|---|---|---|---|")
    for count in counts:
        for on in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                _sleeping_line(folder, count, on, SLEEP, 40)
                rate, start = _steady(Path(folder) / "notes", count)
            bare, slots, both = count / SLEEP, _slots(count), "on" if on else "off"
            print(
                f"| {rate / bare:.3f} | {count} | {slots} | {both} | {rate:,.0f} | {bare:,.0f} | {start:.1f} |",
                flush=True,
            )


def beside_a_gpu(side: int, codec: str) -> None:
    """The line with everything on, and one generator as fast as this machine's share of a GPU's processors allows."""
    seconds = PROCESSORS / RATE / (os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        _sleeping_line(folder, 1, True, seconds, 60, side, codec)
        rate, _ = _steady(Path(folder) / "notes", 1)
    print("| line ÷ generator | side | codec | images/s of the generator | of the line |\n|---|---|---|---|---|")
    print(f"| {rate * seconds:.3f} | {side} | {codec} | {1 / seconds:,.1f} | {rate:,.1f} |")


def _sleeping_line(
    folder: str, count: int, on: bool, sleep: float, seconds: float, side: int = SIDE, codec: str = "png"
) -> None:
    """One line of generators that sleep so many seconds an image, which note what they do."""
    write_corpus(Path(folder) / "real", small_rows(side=side))
    config = _config(folder, int(count * seconds / sleep), 100, codec)
    inputs = open_inputs(config)
    live, guides = inputs.live, inputs.guides
    plan = lay_plan(config, inputs)
    assert isinstance(plan, Plan), "the dummy generator edits live faces"
    notes = Path(folder) / "notes"
    notes.mkdir()
    cluster.connect(num_cpus=_slots(count))
    import ray
    from ray.data import ActorPoolStrategy

    from factory.generate.inputs import read_shard

    places = [corpus.index.select(["shard", "position"]).combine_chunks() for corpus in (live, guides)]
    shared = ray.put((plan, *places))
    urls = {"live_url": live.storage.url, "guides_url": guides.storage.url}
    reading = {"plan": [shared], "recipe": recipe_of(config, inputs), **urls}

    def stages(dataset: Dataset, careful: bool) -> Dataset:
        pool = ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=2)
        read = dataset.map(read_shard, fn_kwargs=reading, num_cpus=1)
        return read.map(Sleeper, fn_constructor_args=(str(notes), sleep), compute=pool, num_cpus=0)

    if on:
        claim = Run(config.out, "generate", {}, NoConfig())
        run_line(claim, Work("actors", plan.shards(), len(plan), stages, "spoof", config.output, lambda shard: []))
    else:
        names = [{"shard": shard} for shard in plan.shards()]
        dataset = ray.data.from_items(names, override_num_blocks=len(names))
        for _ in stages(dataset, False).select_columns(["shard"]).iter_rows():
            pass
    ray.shutdown()  # the next line has other slots


def _slots(generators: int) -> int:
    """Ray's logical CPUs: a task holds one while Ray hands it over too, so that few of them starve many generators.

    One for every four generators is a fraction of what machines with GPUs have.
    """
    return max(2, generators // 4)


def _steady(notes: Path, count: int) -> tuple[float, float]:
    """Images/s from when every generator has begun a shard to when no shard is left to begin; seconds before that.

    Till then the line's processes are still being started, which takes the cores, and fewer generators work.
    """
    spans = [json.loads(path.read_text()) for path in notes.iterdir()]
    firsts: dict[int, float] = {}
    for process, first, _, _ in spans:
        firsts[process] = min(first, firsts.get(process, first))
    assert len(firsts) == count, f"{len(firsts)} of {count} generators had work"
    begin, end = max(firsts.values()), max(first for _, first, _, _ in spans)
    made = sum(
        images * max(0.0, min(last, end) - max(first, begin)) / (last - first) for _, first, last, images in spans
    )
    return made / (end - begin), begin - min(firsts.values())


# -- c: overhead ------------------------------------------------------------------------------------------------------


def overhead(side: int, codec: str) -> None:
    """Processor time a row, step by step, for one shard of 200 rows in both formats; … is part of the step above.

    The last line says how many processors that takes beside a generator of `RATE` images a second.
    """
    torch.set_num_threads(1)  # as Ray does for a task of one CPU
    with tempfile.TemporaryDirectory() as folder:
        # All pairs of a face and a guide are 2,000 samples here: a face is in four of a shard, as by default.
        write_corpus(Path(folder) / "real", small_rows(subjects=50, side=side))
        config = _config(folder, 2000, 200)
        opened = open_inputs(config)
        live, guides = opened.live, opened.guides
        plan = lay_plan(config, opened)
        assert isinstance(plan, Plan), "the dummy generator edits live faces"
        corpora = (live.storage, live.index), (guides.storage, guides.index)
        shard_plan = plan.shard_plan("train-000003")
        inputs: Any = read_inputs(shard_plan, *corpora, recipe_of(config, opened))
        names = ("pixels", "guides", "guide_of", "t0", "cfg_scale", "seed")
        made: Made = DummyGenerator()(Request(*(inputs[name] for name in names)))
        output = OutputConfig.model_validate({**config.output.model_dump(), "codec": codec})
        records = json.loads(inputs["records"])
        finished, _ = encode_and_score(records, made.pixels, output)
        number = iter(range(10**6))
        both = OutputConfig.model_validate({"codec": codec, "formats": ("parquet", "webdataset")})

        def store() -> None:
            commit(live.storage, "bench", f"bench-{next(number):06d}", finished, [], both, {})

        steps: dict[str, Callable[[], Any]] = {
            "plan": lambda: plan.shard_plan("train-000003"),
            "read": lambda: read_inputs(shard_plan, *corpora, recipe_of(config, opened)),
            "encode and score": lambda: encode_and_score(records, made.pixels, output),
            f"… encode ({codec})": lambda: [encode(image, output, "digitalCapture") for image in made.pixels],
            "write and record": store,
            "… Parquet bytes": lambda: FORMATS["parquet"].to_bytes(finished),
            "… WebDataset bytes": lambda: FORMATS["webdataset"].to_bytes(finished),
        }
        for step in steps.values():
            step()  # warms up
        micros = {name: min(_worked(step) for _ in range(3)) / 200 * 1e6 for name, step in steps.items()}
        whole = sum(micros[name] for name in ("plan", "read", "encode and score", "write and record"))
        print(f"| share | step, {side}×{side} | µs a row |")
        print("|---|---|---|")
        for name, figure in micros.items():
            print(f"| {figure / whole:.0%} | {name} | {figure:,.0f} |", flush=True)
        print(f"| 100% | all; {RATE} images/s take {whole * RATE / 1e6:.1f} processors | {whole:,.0f} |", flush=True)


# -- d: ledger --------------------------------------------------------------------------------------------------------


def ledger(folder: str | None) -> None:
    """A thousand generators of 10 images/s finish 20 shards of 500 a second: what the plan and the ledger bear.

    Each generator is a thread here that commits its shards' records; shard plans are made on one core.
    """
    from factory.storage import Storage

    columns = "ledger | records | commits/s | resume scan s | all records read s"
    print(f"| commits ÷ needed | shard plans ÷ needed | {columns} |")
    print("|---|---|---|---|---|---|---|")
    record = {"planned": 500, "rows": 500, "rejects": [], "rejects_by_reason": {}, "styles": {"a-b": 500}, "files": {}}
    with tempfile.TemporaryDirectory() as temporary:
        write_corpus(Path(temporary) / "real", small_rows(side=SIDE))
        config = _config(temporary, 10**7, 500)
        plan = lay_plan(config, open_inputs(config))
        assert isinstance(plan, Plan), "the dummy generator edits live faces"
        for count in (2_000, 20_000):
            book = Ledger(Storage(f"{folder or temporary}/ledger-{count}"))
            # Every shard is committed by two of them: the race that a resumed run can have.
            names = [name for name in itertools.islice(plan.shards(), count) for _ in range(2)]
            some = names[:: len(names) // 200]
            shard_plans = _timed(list, map(plan.shard_plan, some)) / len(some)
            records = [{**record, "shard": name} for name in names]
            commits = _timed(_commit, book, names, records) / len(names)
            scan = _timed(book.done)
            whole = _timed(list, book.records())
            assert len(book.done()) == count
            ratios = f"{1 / commits / SHARDS_A_SECOND:,.1f} | {1 / shard_plans / SHARDS_A_SECOND:,.1f}"
            kind = "S3" if folder else "local"
            print(f"| {ratios} | {kind} | {count:,} | {1 / commits:,.0f} | {scan:.2f} | {whole:.2f} |", flush=True)


def _commit(book: Ledger, names: list[str], records: list[dict[str, Any]]) -> None:
    with ThreadPoolExecutor(GENERATORS) as pool:
        list(pool.map(book.commit, names, records))


def _timed(work: Callable[..., Any], *given: Any) -> float:
    begin = time.perf_counter()
    work(*given)
    return time.perf_counter() - begin


def _worked(work: Callable[[], Any]) -> float:
    """Seconds of this process on all processors."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    """Parse the command line and run one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["rows", "actors", "gpu", "overhead", "ledger"])
    parser.add_argument("--counts", type=int, nargs="+", help="rows, or generators")
    parser.add_argument("--side", type=int, default=256, help="of the images of the gpu and overhead tables")
    parser.add_argument("--codec", default="png", help="of the gpu and overhead tables: png, webp (lossless)")
    parser.add_argument("--folder", help="s3:// folder for the ledger table")
    given = parser.parse_args()
    if given.table == "rows":
        rows(given.counts or [100_000, 1_000_000])
    elif given.table == "actors":
        actors(given.counts or [4, 16])
    elif given.table == "gpu":
        beside_a_gpu(given.side, given.codec)
    elif given.table == "overhead":
        overhead(given.side, given.codec)
    else:
        ledger(given.folder)


if __name__ == "__main__":
    main()
