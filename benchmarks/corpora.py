"""Small corpora for benchmarks and tests: real shards on disk, images by a rule."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from factory.core.config import Config
from factory.corpus import Corpus, totals, write_index
from factory.corpus.row import LIVE, SPOOF, Row, style_of
from factory.corpus.shards import OutputConfig, commit
from factory.run import Run
from factory.run.ledger import Ledger
from factory.run.record import ShardNotes


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def face(seed: int, side: int = 32) -> np.ndarray:
    """A smooth coloured field with grain, uint8 (side, side, 3)."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, side)
    field = 60 + 120 * (ramp[:, None, None] * rng.random(3) + ramp[None, :, None] * rng.random(3)) / 2
    return (field + rng.normal(0, 8, (side, side, 3))).clip(0, 255).astype(np.uint8)


def row(number: int = 0, **given: Any) -> Row:
    """A valid live row."""
    facts: dict[str, Any] = {
        "key": f"row-{number:04d}",
        "image": png(face(number)),
        "label": LIVE,
        "attack": "live",
        "domain": "cam",
        "subject": f"s{number}",
        "split": "train",
        "codec": "png",
        "source": f"rows/{number}.png",
        "license": "cc0-1.0",
    }
    facts |= given
    facts.setdefault("style", style_of(facts["domain"], facts["attack"]))
    return Row(**facts)


class NoConfig(Config):
    """A run without settings."""


def write_corpus(
    folder: Path,
    rows: list[Row],
    formats: tuple[str, ...] = ("parquet",),
    per_shard: int = 7,
    notes: ShardNotes | None = None,
) -> Corpus:
    """A finished corpus of `rows`, in shards of one split each, with `notes` in every record."""
    run = Run(str(folder), "prepare", {"rows": [r.key for r in rows]}, NoConfig())
    output = OutputConfig.model_validate({"formats": formats})
    for split in sorted({r.split for r in rows}):
        mine = [r for r in rows if r.split == split]
        for number, first in enumerate(range(0, len(mine), per_shard)):
            commit(
                run.storage, "face", f"{split}-{number:06d}", mine[first : first + per_shard], [], output, notes or {}
            )
    write_index(run.storage)
    run.finish(totals(Ledger(run.storage).records()))
    return Corpus(str(folder))


def small_rows(
    subjects: int = 4,
    captures: int = 2,
    domains: tuple[str, ...] = ("cam", "phone"),
    attacks: tuple[str, ...] = ("print", "replay"),
    side: int = 32,
    splits: tuple[str, ...] = ("train",),
) -> list[Row]:
    """Live and spoof rows of every domain; the last attack is missing for odd subjects."""
    rows: list[Row] = []
    for domain in domains:
        for subject in range(subjects):
            for attack in ("live", *attacks):
                if attack == attacks[-1] and subject % 2:
                    continue
                for capture in range(captures):
                    number = len(rows)
                    rows.append(
                        row(
                            number,
                            image=png(face(number, side)),
                            label=LIVE if attack == "live" else SPOOF,
                            attack=attack,
                            domain=domain,
                            style=style_of(domain, attack),
                            subject=f"s{subject}",
                            capture=f"c{capture}",
                            split=splits[subject % len(splits)],
                        )
                    )
    return rows
