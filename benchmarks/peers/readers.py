"""Readers for training on one corpus, each in a process of its own: images/s in a shuffled order, and bytes read.

Bytes are those that the process asks the system for (`rchar` in /proc/self/io), so what a page cache holds counts too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.peers.work import decode, shards

BATCH = 48  # images of a step: 16 samples of three images
ROOM = (
    2**20
)  # bytes that our reader keeps, of encoded images: far less than the corpus, as in a training on a large one


def ours(source: str, folder: str) -> Iterator[np.ndarray]:
    """Images of the whole corpus in a random order, batch by batch."""
    from factory.corpus import Corpus
    from factory.train.random_reads import Encoded

    corpus, read = Corpus(source), Encoded(ROOM)
    shard, position = corpus.column("shard"), corpus.column("position")
    order = np.random.default_rng(0).permutation(len(corpus))
    for first in range(0, len(order), BATCH):
        mine = order[first : first + BATCH]
        for name in sorted(set(shard[mine])):
            for image in read(source, name, position[mine][shard[mine] == name].tolist()):
                yield decode(image)


def ours_before(source: str, folder: str) -> Iterator[np.ndarray]:
    """The same from a corpus of an older version, whose ledger has no places."""
    old = Path(folder, "old")
    shutil.copytree(source, old)
    for record in Path(old, "ledger").iterdir():
        facts = json.loads(record.read_text())
        del facts["places"]
        record.write_text(json.dumps(facts))
    yield from ours(str(old), folder)


def by_webdataset(source: str, folder: str) -> Iterator[np.ndarray]:
    """Tars in a random order, with the shuffle buffer of the documentation."""
    import webdataset

    files = [str(path) for path in shards(source, "tar")]
    for (image,) in webdataset.WebDataset(files, shardshuffle=len(files)).shuffle(1000).to_tuple("png"):
        yield decode(image)


def by_litdata(source: str, folder: str) -> Iterator[np.ndarray]:
    """A streaming data set of the encoded images, shuffled."""
    import litdata

    target = Path(folder, "litdata")
    litdata.optimize(
        _images, [str(path) for path in shards(source, "tar")], str(target), num_workers=1, chunk_bytes="8MB"
    )
    for sample in litdata.StreamingDataset(str(target), shuffle=True):
        yield decode(sample["image"])


def by_mosaic(source: str, folder: str) -> Iterator[np.ndarray]:
    """A streaming data set of the encoded images, shuffled."""
    from streaming import MDSWriter, StreamingDataset

    target = str(Path(folder, "mosaic"))
    with MDSWriter(out=target, columns={"image": "bytes"}, size_limit=2**23) as writer:
        for path in shards(source, "tar"):
            for sample in _images(str(path)):
                writer.write(sample)
    for sample in StreamingDataset(local=target, shuffle=True, batch_size=BATCH):
        yield decode(sample["image"])


def _images(path: str) -> Iterator[dict[str, bytes]]:
    import tarfile

    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".png"):
                content = tar.extractfile(member)
                assert content is not None
                yield {"image": content.read()}


Reader = Callable[[str, str], Iterator[np.ndarray]]
READERS: dict[str, tuple[Reader, str]] = {
    "this line": (ours, "pyarrow"),
    "this line, corpus of an older version": (ours_before, "pyarrow"),
    "webdataset": (by_webdataset, "webdataset"),
    "litdata": (by_litdata, "litdata"),
    "MosaicML streaming": (by_mosaic, "mosaicml-streaming"),
}


def measure(name: str, source: str, folder: str) -> None:
    """Print what one reader reads and how long it takes, as JSON; the first batch is counted by itself."""
    images = READERS[name][0](source, folder)
    first = next(images)  # prepared data are written until here, and modules loaded
    read, begin = _bytes_read(), time.perf_counter()
    count, at_first = 1, 0
    for image in images:
        assert image.shape == first.shape
        count += 1
        if count == 2 * BATCH + 1:
            at_first = _bytes_read() - read
    seconds = time.perf_counter() - begin
    print(json.dumps({"images": count, "seconds": seconds, "first": at_first, "all": _bytes_read() - read}))


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


def table_of_readers(source: str, folder: Path, python: str, turns: int) -> None:
    """The readers in turns; rates are the best of all turns, as other work on the machine only slows them."""
    stored = sum(path.stat().st_size for path in shards(source, "tar"))
    results: dict[str, list[dict[str, float]]] = {name: [] for name in READERS}
    for turn in range(turns):
        for name in READERS:
            place = folder / f"readers-{turn}"
            place.mkdir(exist_ok=True)
            command = [python, "-m", "benchmarks.peers.readers", name, source, str(place)]
            found = subprocess.run(command, capture_output=True, text=True, check=False)
            if found.returncode == 0:
                results[name].append(json.loads(found.stdout.splitlines()[-1]))
            else:
                print(f"{name}: {found.stderr[-300:]}", file=sys.stderr, flush=True)
    ours = max(run["images"] / run["seconds"] for run in results["this line"])
    print(
        "| ours ÷ it | reader | images/s | bytes of the first two batches ÷ their images | bytes of all ÷ the corpus |"
    )
    print("|---|---|---|---|---|")
    for name, runs in results.items():
        if not runs:
            print(f"| | {name} | not installed | | |")
            continue
        rate, run = max(one["images"] / one["seconds"] for one in runs), runs[-1]
        share = run["first"] / (2 * BATCH) / (stored / run["images"])
        print(f"| {ours / rate:.2f} | {name} | {rate:,.0f} | {share:.1f} | {run['all'] / stored:.2f} |")


if __name__ == "__main__":
    measure(*sys.argv[1:])
