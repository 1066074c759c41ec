"""Corpora and settings for the tests of searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.corpora import small_rows, write_corpus
from tests.pages import spoofs_of

TRAIN = {"steps": 8, "batch_size": 8, "learning_rate": 1e-3, "evaluate_every": 2}


def write_corpora(root: str) -> None:
    """Faces of six people, and spoofs of T₀ 150 to 173, below a folder or an `s3://` prefix."""
    real = small_rows(subjects=6, splits=("train", "dev", "test"))
    write_corpus(f"{root}/real", real)  # type: ignore[arg-type]
    write_corpus(f"{root}/spoofs", spoofs_of([row for row in real if row.split == "train"], 24))  # type: ignore[arg-type]


def settings(corpora: Path | str, out: Path | str, **given: Any) -> dict[str, Any]:
    fit = {
        "corpus": f"{corpora}/real",
        "generated": f"{corpora}/spoofs",
        "backbone": "test_convnext",
        "train": TRAIN,
        "resources": {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0, "max_failures": 0},
    }
    fit |= given.pop("fit", {})
    return {"out": str(out), "fit": fit, "search": {"live_margin": [0.1, 0.5]}, "trials": 2, **given}
