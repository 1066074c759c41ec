"""The Hugging Face Hub's limit on the files of a corpus."""

from __future__ import annotations

from collections.abc import Mapping

MOST = 10_000  # files in one folder of a repository


def too_many_files(images: Mapping[str, int], shards: int, formats: int) -> str | None:
    """Return why the Hub would refuse a corpus, naming the `rows_per_shard` that fits; None if it accepts the corpus.

    Args:
        images: planned images by split; every split has separate shards.
        shards: number of shards over all splits; for each, `data/` has one file per format, and `ledger/` one file.
        formats: number of files of a shard.
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
