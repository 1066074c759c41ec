"""Daft: a data frame, a class with the model in processes of its own, and Daft's Parquet writer."""

from __future__ import annotations

import sys
from typing import Any

import daft

from benchmarks.peers.work import BATCH, WORKERS, make, shards, single_thread

MADE = daft.DataType.struct({"image": daft.DataType.binary(), "brisque": daft.DataType.float64()})


@daft.cls(max_concurrency=WORKERS, use_process=True)  # type: ignore[untyped-decorator]
class Model:
    """The work on batches."""

    def __init__(self) -> None:
        single_thread()

    @daft.method.batch(return_dtype=MADE, batch_size=BATCH)  # type: ignore[untyped-decorator]
    def __call__(self, images: daft.Series) -> list[dict[str, Any]]:
        """Return image and score of each face."""
        made = make(images.to_pylist())
        return [{"image": image, "brisque": score} for image, score in zip(*made, strict=True)]


def main(source: str, out: str) -> None:
    """Write Parquet over what an earlier run left: the mode for running again."""
    frame = daft.read_parquet([str(path) for path in shards(source, "parquet")])
    frame = frame.select("key", daft.col("image").get("bytes").alias("face"))
    frame = frame.select("key", Model()(daft.col("face")).alias("made"))
    frame = frame.select("key", daft.col("made").get("image").alias("image"), daft.col("made").get("brisque"))
    frame.write_parquet(out, write_mode="overwrite")


if __name__ == "__main__":
    main(*sys.argv[1:])
