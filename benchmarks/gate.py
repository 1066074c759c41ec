"""What a change must not lose, as exact counts: `make bench-gate`, which ends with status 1 and a line for each loss.

A first read of single images costs the bytes of these images and nothing else, in both formats.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks.corpora import face, png, row, write_corpus
from factory.corpus.shards import FORMATS
from factory.storage import Storage
from factory.train.random_reads import Encoded

ROWS = 200


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


def main() -> None:
    """Print every count with its limit; status 1 if one is beyond it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts = {f"bytes read beyond the images', {kind}": read_beyond_its_own(folder, kind) for kind in FORMATS}
    for what, count in counts.items():
        print(f"{count} {what} (0 allowed)")
    sys.exit(any(counts.values()))


if __name__ == "__main__":
    main()
