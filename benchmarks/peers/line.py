"""This line: shards through Ray Data into create-only files and a ledger."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.corpora import NoConfig
from benchmarks.peers.work import WORKERS, batches, decode, model
from factory import cluster
from factory.corpus import Corpus, read_shard_rows
from factory.corpus.provenance import CAPTURE
from factory.corpus.shards import OutputConfig
from factory.line import Work, run_line
from factory.line.block import Block
from factory.line.faults import carry
from factory.run import Run
from factory.run.ledger import Ledger
from factory.storage import Storage

if TYPE_CHECKING:
    from ray.data import Dataset

LEFT_OUT = ("image", "codec", "brisque", "brisque_impl")  # columns that encoding adds


def read(row: Block, source: str) -> Block:
    """First stage, a task: decode the faces of a shard."""

    def work(row: Block) -> Block:
        rows = read_shard_rows(Storage(source), row["shard"])
        facts = [{name: value for name, value in one.facts().items() if name not in LEFT_OUT} for one in rows]
        records = [{"row": fact, "reject": None, "source_type": CAPTURE} for fact in facts]
        return {**row, "records": json.dumps(records), "pixels": np.stack([decode(one.image) for one in rows])}

    return carry(row, "read", work)


class Model:
    """Second stage, an actor: the stand-in, batch by batch."""

    def __call__(self, row: Block) -> Block:
        """Return the shard with the model's pixels."""
        pixels = row["pixels"]
        return {**row, "pixels": np.concatenate([model(pixels[part]) for part in batches(len(pixels))])}


def main(source: str, out: str) -> None:
    """Run the line; a finished folder stays as it is."""
    corpus = Corpus(source)
    names = sorted(Ledger(corpus.storage).done())
    planned = {"shards": len(names), "images": len(corpus)}
    run = Run(out, "prepare", {"source": corpus.digest}, NoConfig(), planned)  # type: ignore[arg-type]
    cluster.connect(num_cpus=WORKERS)
    from ray.data import ActorPoolStrategy

    def stages(dataset: Dataset, careful: bool) -> Dataset:
        pool = ActorPoolStrategy(size=WORKERS, max_tasks_in_flight_per_actor=2)
        faces = dataset.map(read, fn_kwargs={"source": source}, num_cpus=1)
        return faces.map(Model, compute=pool, num_cpus=0)

    run_line(run, Work("peers", names, len(corpus), stages, "face", OutputConfig(), lambda shard: []))


if __name__ == "__main__":
    main(*sys.argv[1:])
