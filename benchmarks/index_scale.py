"""What it costs to open a corpus by its pixel-free index, and to lay a plan over it.

    python -m benchmarks.index_scale                  # from the repository root: 100 thousand, 1 and 10 million rows
    python -m benchmarks.index_scale 1000 50000       # other sizes

The rows are made by rule, of a prepared corpus (a subject has 100 images and lacks one of three attacks) and of a
generated one, which fills every column. Each is opened in a process of its own. Times are wall and, in brackets, CPU
seconds; `plan` is to construct a `Plan`, `shard plan` to take that of one shard. `peak` is the whole memory of the
process, `start` what it had after its imports. Linux only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Result = TypeVar("Result")

SIZES = (100_000, 1_000_000, 10_000_000)
CHUNK = 500_000  # rows made at a time; a multiple of what `write_index` puts into one shard
SHARD = 500
ATTACKS = pa.array(["live", "print", "replay", "mask"])


def index_rows(first: int, size: int, generated: bool) -> pa.Table:
    """Index rows `first` to `first + size`, as `write_index` writes them."""
    from factory.corpus.row import INDEX_SCHEMA

    n = np.arange(first, first + size)

    def text(form: str, values: np.ndarray) -> pa.Array:
        before, after = form.split("{}")
        return pc.binary_join_element_wise(before, pa.array(values).cast(pa.string()), after, "")

    def same(value: str | int | float) -> pa.Array:
        return pa.array([value]).take(pa.array(np.zeros(size, np.int64)))

    kind = np.where(n % 4 == 1 + n // 100 % 3, 0, n % 4)
    attack = ATTACKS.take(pa.array(kind))
    columns = {
        "key": text("spoof-2f41ac90-train-{}-0123456789abcdef", n),
        "label": pa.array((kind > 0).astype(np.int64)),
        "attack": attack,
        "domain": same("studio"),
        "style": pc.binary_join_element_wise("studio", attack, "-"),
        "subject": text("person_{}", n // 100),
        "capture": text("{}", n // 10 % 10),
        "split": pa.array(["train", "dev", "test"]).take(pa.array((n // 100 % 10 > 7) * (1 + n // 100 % 2))),
        "brisque": pa.array(n % 997 / 7.0),
        "brisque_impl": same("difffas 0.1.0"),
        "codec": same("png"),
        "source": text("photographs/session/{}.jpg", n),
        "license": same("cc-by-nc-sa-4.0"),
        "shard": text("train-{}", n // SHARD),
        "position": pa.array(n % SHARD),
    }
    if generated:
        columns |= {
            "live_key": text("photographs-{}-0123456789abcdef", n % 99_991),
            "guide_key": text("photographs-{}-fedcba9876543210", n % 9973),
            "live_domain": same("portraits"),
            "live_source": text("photographs/session/{}.jpg", n % 99_991),
            "guide_source": text("photographs/session/{}.jpg", n % 9973),
            "live_license": same("cc0-1.0"),
            "guide_license": same("cc-by-nc-sa-4.0"),
            "t0": pa.array(150 + n % 200),
            "cfg_scale": pa.array(n % 3000 / 1000),
            "steps": same(25),
            "sampler": same("ddim"),
            "preset": same("exact"),
            "seed": pa.array((n.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(1)).astype(np.int64)),
            "generator": same("0123456789abcdef" * 4),
        }
    nothing = pa.nulls(size)
    return pa.table([columns.get(name, nothing) for name in INDEX_SCHEMA.names], INDEX_SCHEMA.names).cast(INDEX_SCHEMA)


def write(folder: Path, rows: int, generated: bool) -> float:
    """A finished corpus folder with an index and no shards; megabytes of the index."""
    from factory.corpus import INDEX, index_bytes
    from factory.run import SUMMARY

    sizes = ((first, min(CHUNK, rows - first)) for first in range(0, rows, CHUNK))
    chunks = (index_rows(first, size, generated) for first, size in sizes)
    shards = (chunk.slice(first, SHARD) for chunk in chunks for first in range(0, len(chunk), SHARD))
    data = index_bytes(shards)
    (folder / INDEX).write_bytes(data)
    (folder / SUMMARY).write_text("{}")
    return len(data) / 1e6


def measure(folder: str) -> dict[str, str]:
    """What opening the corpus of a folder and laying a plan over it take."""
    from factory.corpus import Corpus
    from factory.generate.plan import Plan
    from factory.generate.settings import PlanConfig
    from factory.models.settings import SamplerConfig

    def peak() -> float:
        status = Path("/proc/self/status").read_text()  # getrusage would count the parent's memory
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6

    def timed(name: str, work: Callable[[], Result]) -> Result:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        found[name] = f"{time.perf_counter() - wall:.2f} ({time.process_time() - cpu:.2f})"
        found[f"{name} peak"] = f"{peak():,.0f}"
        return result

    found = {"start peak": f"{peak():,.0f}"}
    corpus = timed("open", lambda: Corpus(folder))
    config = PlanConfig(samples=1_000_000)
    plan = timed("plan", lambda: Plan(config, SamplerConfig(), SHARD, corpus.index, corpus.index, "0" * 64))
    timed("shard plan", lambda: plan.shard_plan("train-000000"))
    return found


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2])))
        return
    print(
        "| rows | corpus | index MB | open s | plan s | shard plan s | start MB | peak MB, opened | peak MB, planned |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for rows in map(int, sys.argv[1:] or SIZES):
        for generated in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                size = write(Path(folder), rows, generated)
                child = [sys.executable, "-m", "benchmarks.index_scale", "--measure", folder]
                found = json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout)
                kind = "generated" if generated else "prepared"
                cells = [
                    found[name]
                    for name in ("open", "plan", "shard plan", "start peak", "open peak", "shard plan peak")
                ]
                print(f"| {rows:,} | {kind} | {size:,.1f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
