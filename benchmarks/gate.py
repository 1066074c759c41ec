"""What a change must not lose: `make bench-gate`, which ends with status 1 and a line for each loss.

Counts, on any machine: a first read of single images costs the bytes of these images alone, in both formats.

Least ratios, each of two ways that take turns in one run: the scorer over piq's, by processor time, and the line over
WebDataset in a pool of processes, by rows/s. What other work on the machine does can spoil a turn, so a ratio has
`TURNS` of them, and the best counts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.corpora import face, png, row, write_corpus
from factory.corpus.shards import FORMATS
from factory.storage import Storage
from factory.train.random_reads import Encoded

ROWS = 200
FACES = 4_000  # of the line's ratio: eight shards, a dozen seconds
TURNS = 3


class Ratio(NamedTuple):
    """Ours over another's, and the least that is allowed."""

    what: str
    least: float
    measured: Callable[[], float]  # in one turn


def read_beyond_its_own(folder: Path, container: str) -> int:
    """Bytes that a first read of scattered images costs beyond the images' own."""
    images = [png(face(number, 64)) for number in range(ROWS)]
    rows = [row(number, image=image) for number, image in enumerate(images)]
    corpus = write_corpus(folder / container, rows, (container,), ROWS)
    asked = np.arange(3, ROWS, 9).tolist()
    with patch.object(Storage, "read", autospec=True, side_effect=Storage.read) as read:
        found = Encoded(2**28)(corpus.storage.url, "train-000000", asked)
    calls = [call.args for call in read.call_args_list if call.args[1].startswith("data/")]
    count: int = sum(end - start for _, _, start, end in calls)
    assert found == [images[position] for position in asked]
    return count - sum(len(images[position]) for position in asked)


def scorer_over_piq() -> float:
    """Images that our BRISQUE scores while piq's faster way scores one, of 256², on one thread."""
    from benchmarks.brisque import BATCH, SIDE, milliseconds
    from benchmarks.encoding import spoofs

    torch.set_num_threads(1)
    taken = milliseconds(spoofs(SIDE, 2 * BATCH))
    return min(taken["piq"], taken["piq batch"]) / taken["ours batch"]


def line_over_webdataset(folder: Path) -> float:
    """Rows/s of the line over those of WebDataset with as many processes: two rows of docs/peers.md."""
    from benchmarks.peers.__main__ import write_source
    from benchmarks.peers.trial import TOOLS, calm

    source = write_source(folder, FACES, 500)
    tools = {tool.module: tool for tool in TOOLS}
    turn = Path(tempfile.mkdtemp(dir=folder))
    ours, other = (calm(tools[name], sys.executable, source, turn, FACES) for name in ("line", "webdataset_pool"))
    return ours.rate / other.rate


def best(ratio: Ratio) -> float:
    """The highest of `TURNS` measurements; the first that is high enough ends them."""
    found = -np.inf
    for _ in range(TURNS):
        found = max(found, ratio.measured())
        if found >= ratio.least:
            break
    return found


def losses(folder: Path) -> Iterator[bool]:
    """Measure and print everything; for each whether it is beyond its limit."""
    for container in FORMATS:
        count = read_beyond_its_own(folder, container)
        print(f"{count} bytes read beyond the images', {container} (0 allowed)", flush=True)
        yield count > 0
    for ratio in (
        Ratio("BRISQUE of 256², ours over piq's", 2.0, scorer_over_piq),  # docs/peers.md says what was measured
        Ratio("rows/s, this line over WebDataset", 0.8, lambda: line_over_webdataset(folder)),
    ):
        found = best(ratio)
        print(f"{found:.2f} {ratio.what} (at least {ratio.least})", flush=True)
        yield found < ratio.least


def main() -> None:
    """Print every figure with its limit; status 1 if one is beyond it."""
    with tempfile.TemporaryDirectory() as name:
        sys.exit(any(list(losses(Path(name)))))


if __name__ == "__main__":
    main()
