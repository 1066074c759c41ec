"""WebDataset in a pool of processes: each reads one tar and writes one tar."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import webdataset

from benchmarks.peers.work import BATCH, WORKERS, make, shards, single_thread


def convert(task: tuple[str, str]) -> None:
    """Make one tar of another; a file that stands is written anew, since nothing says whether it is whole."""
    source, out = task
    samples = webdataset.WebDataset(source, shardshuffle=False).to_tuple("__key__", "png").batched(BATCH, partial=True)
    with webdataset.TarWriter(out) as sink:
        for keys, images in samples:
            for key, image, score in zip(keys, *make(images), strict=True):
                sink.write({"__key__": key, "png": image, "json": {"brisque": score}})


def main(source: str, out: str) -> None:
    """Convert all shards."""
    Path(out).mkdir(exist_ok=True)
    tasks = [(str(path), str(Path(out, path.name))) for path in shards(source, "tar")]
    with multiprocessing.get_context("spawn").Pool(WORKERS, single_thread) as pool:
        for _ in pool.imap_unordered(convert, tasks):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
