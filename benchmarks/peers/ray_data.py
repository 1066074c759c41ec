"""Ray Data with its own reader, writer and checkpoints."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from benchmarks.peers.work import BATCH, WORKERS, decode, finish, model, shards
from factory import cluster


class Model:
    """The stand-in in an actor."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Decode a batch and put it through the model."""
        return {"key": batch["key"], "pixels": model(np.stack([decode(image["bytes"]) for image in batch["image"]]))}


def encoded(batch: dict[str, Any]) -> dict[str, Any]:
    """Encode and score a batch."""
    images, scores = finish(np.stack(list(batch["pixels"])))
    return {"key": batch["key"], "image": np.array(images, dtype=object), "brisque": np.array(scores)}


def main(source: str, out: str) -> None:
    """Write Parquet; rows that a checkpoint names are not made again."""
    cluster.connect(num_cpus=WORKERS)
    import ray
    from ray.data.checkpoint import CheckpointConfig

    context = ray.data.DataContext.get_current()
    context.checkpoint_config = CheckpointConfig(id_column="key", checkpoint_path=f"{out}.checkpoint")
    files = [str(path) for path in shards(source, "parquet")]
    dataset = ray.data.read_parquet(files, columns=["key", "image"])
    made = dataset.map_batches(Model, batch_size=BATCH, concurrency=WORKERS, num_cpus=0)
    made.map_batches(encoded, batch_size=BATCH).write_parquet(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
