"""The shipped generator in the line: how much of the time it works, and when the first shard is there.

    python -m benchmarks.busy [--samples 1280] [--preset balanced]

One generator of one thread (or one GPU), reading, encoding and scoring on. Busy: time inside the generator's calls
over the time from its second shard's begin to its last one's end. The first run of a Ray instance is the cold one, the
second finds processes that have imported everything.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks.corpora import small_rows, write_corpus
from benchmarks.machine import describe
from factory import cluster, generate
from factory.core.config import load
from factory.line.block import Block
from factory.storage.embedded import GENERATOR

NOTES = "DIFFFAS_BENCHMARK_NOTES"  # folder that the generator's process writes its spans to


class Noting(generate.GenerateShard):
    """Notes when each shard began and ended."""

    def __call__(self, row: Block) -> Block:
        begin = time.time()
        made = super().__call__(row)
        note = json.dumps([begin, time.time()])
        (Path(os.environ[NOTES]) / f"{time.time_ns()}.json").write_text(note)
        return made


def measure(folder: Path, name: str, samples: int, preset: str) -> str:
    """One run into `folder/name`, as a row of the table."""
    notes = Path(os.environ[NOTES])
    for old in notes.iterdir():
        old.unlink()
    config = load(
        generate.GenerateConfig,
        None,
        [
            f"inputs.live={folder}/real",
            f"inputs.guides={folder}/real",
            f"inputs.generator={GENERATOR}",
            f"out={folder}/{name}",
            f"plan.samples={samples}",
            f"sampler.preset={preset}",
            "sampler.batch_size=16",
            "output.rows_per_shard=64",
            "resources.threads=1",
        ],
    )
    start = time.time()
    generate.run(config)
    wall = time.time() - start
    first = min(path.stat().st_mtime for path in (folder / name / "ledger").rglob("*.json")) - start
    spans = sorted(json.loads(path.read_text()) for path in notes.iterdir())[1:]
    share = sum(end - begin for begin, end in spans) / (spans[-1][1] - spans[0][0])
    return f"| {name} | {preset} | {first:.1f} | {wall:.1f} | {samples / wall:.2f} | {share:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=1280)
    parser.add_argument("--preset", default="balanced")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "notes").mkdir()
        os.environ[NOTES] = str(root / "notes")
        write_corpus(root / "real", small_rows(side=64))
        generate.GenerateShard = Noting  # type: ignore[misc]
        start = time.time()
        cluster.connect()
        print(f"{describe()}; Ray here after {time.time() - start:.1f} s; `python -m benchmarks.busy`\n")
        print("| run | preset | first shard s | all s | images/s | busy |\n|---|---|---|---|---|---|")
        for name in ("cold", "warm"):
            print(measure(root, name, given.samples, given.preset), flush=True)


if __name__ == "__main__":
    main()
