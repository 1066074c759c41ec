"""The writer of img2dataset in a pool of processes, with its rule for resuming: a shard with statistics is done."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import webdataset

from benchmarks.peers.work import BATCH, WORKERS, make, shards, single_thread

SCHEMA = pa.schema([("key", pa.string()), ("brisque", pa.float64())])


def writer_module() -> Any:
    """The package's module of writers, without the package, whose import brings in the whole downloader."""
    package = importlib.util.find_spec("img2dataset")
    assert package is not None and package.origin is not None
    spec = importlib.util.spec_from_file_location("writer", Path(package.origin).with_name("writer.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def convert(task: tuple[int, str, str]) -> None:
    """Make one shard, then its statistics, as the downloader does."""
    number, source, out = task
    samples = webdataset.WebDataset(source, shardshuffle=False).to_tuple("__key__", "png").batched(BATCH, partial=True)
    writer, count = writer_module().WebDatasetSampleWriter(number, out, False, 5, SCHEMA, "png"), 0
    for keys, images in samples:
        for key, image, score in zip(keys, *make(images), strict=True):
            writer.write(image, key, None, {"key": key, "brisque": score})
            count += 1
    writer.close()
    Path(out, f"{number:05d}_stats.json").write_text(json.dumps({"count": count}))


def main(source: str, out: str) -> None:
    """Convert the shards that have no statistics."""
    Path(out).mkdir(exist_ok=True)
    tasks = [(number, str(path), out) for number, path in enumerate(shards(source, "tar"))]
    todo = [task for task in tasks if not Path(out, f"{task[0]:05d}_stats.json").exists()]
    with multiprocessing.get_context("spawn").Pool(WORKERS, single_thread) as pool:
        for _ in pool.imap_unordered(convert, todo):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
