"""What the Hugging Face Hub takes of a corpus."""

from __future__ import annotations

from collections.abc import Mapping

MOST = 10_000  # files in a folder of a repository


def too_many_files(images: Mapping[str, int], shards: int, formats: int) -> str | None:
    """Why the Hub would refuse a corpus, naming the `rows_per_shard` that fits; None if it takes it.

    Args:
        images: planned images by split, each of which has shards of its own.
        shards: over all splits; `data/` has a file of each for every format, `ledger/` one.
        formats: how many files a shard has.
    """
    if shards * formats <= MOST:
        return None
    most = MOST // formats
    rows = -(-sum(images.values()) // most)
    while sum(-(-count // rows) for count in images.values()) > most:
        rows += 1
    return (
        f"data/ has {shards * formats:,} files, the Hub takes {MOST:,} in a folder: write the corpus with "
        f"output.rows_per_shard={rows} or more, or send it to another place (--to s3://…)"
    )
