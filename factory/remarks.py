"""Remarks on a plan: samples that repeat others, and more files in a folder than the Hugging Face Hub takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from factory.plan import Plan

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


def remarks(plan: Plan, formats: int) -> list[str]:
    """What somebody may not have meant of a plan: samples that repeat others, more files than the Hub takes."""
    found = []
    if (distinct := plan.distinct()) < len(plan):
        found.append(
            f"{len(plan):,} samples, of which {distinct:,} are distinct combinations of live face, guide, T₀ and w; "
            f"the others repeat one with another seed: raise plan.guides_per_style, widen sampler.t0 or "
            f"sampler.cfg_scale, or lower plan.samples"
        )
    many = too_many_files(plan.sizes(), plan.shard_count, formats)
    return found + ([many] if many else [])
