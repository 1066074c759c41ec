"""Score a corpus with a classifier: scores.csv, and metrics that follow from it alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from factory.config import Config
from factory.corpus import Corpus
from factory.row import LIVE
from factory.run import Run, read_claim
from factory.storage import Storage

if TYPE_CHECKING:
    from difffas.classifier import SpoofClassifier

SCORES = "scores.csv"
# The first six are bob's columns; a higher score is more bona fide.
HEADER = ("claimed_id", "test_label", "is_bonafide", "attack_type", "sample_n", "score", "split", "domain")


class EvaluateConfig(Config):
    """One evaluation: metrics of `split`, one threshold from `dev_split`."""

    classifier: str = Field(description="folder that fit-classifier wrote")
    corpus: str
    out: str
    split: str = "test"
    dev_split: str | None = "dev"
    batch_size: int = Field(64, ge=1)
    threads: int = Field(2, ge=1)


def run(config: EvaluateConfig) -> dict[str, Any]:
    """Write `OUT/scores.csv` and return the metrics, which are the run's summary."""
    corpus = Corpus(config.corpus)
    storage = Storage(config.classifier)
    splits = [split for split in (config.split, config.dev_split) if split is not None]
    if not len(corpus.where(split=config.split)):
        raise ValueError(f"{corpus.storage.url} has no row in split {config.split!r}: choose another split")
    identity = {
        "classifier": read_claim(storage)["fingerprint"],
        "corpus": corpus.digest,
        "split": config.split,
        "dev_split": config.dev_split,
    }
    claim = Run(config.out, "evaluate", identity, config)
    if (finished := claim.summary()) is not None:
        return finished
    classifier = load_classifier(storage)
    lines: list[dict[str, Any]] = []
    for split in splits:
        positions = corpus.where(split=split)
        lines += _score_lines(corpus, positions, liveness(classifier, corpus, positions, config), split)
    claim.storage.create(SCORES, _csv(lines))
    return claim.finish(metrics_of(claim.storage.read(SCORES), config.split, config.dev_split))


def load_classifier(storage: Storage) -> SpoofClassifier:
    """The classifier of a folder that fit-classifier wrote, local or `s3://`, in eval mode.

    Raises:
        ValueError: if there is none.
    """
    import tempfile

    from difffas.classifier import SpoofClassifier

    names = storage.names("classifier")
    if not names:
        raise ValueError(f"{storage.url} holds no classifier: run `difffas fit-classifier` to its end first")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            (Path(folder) / name).write_bytes(storage.read(f"classifier/{name}"))
        return SpoofClassifier.load(folder).eval()


def liveness(classifier: SpoofClassifier, corpus: Corpus, positions: np.ndarray, config: EvaluateConfig) -> np.ndarray:
    """Probability mass of the live classes for each position, float64 in [0, 1]."""
    import torch

    from factory.generators import to_tensor

    torch.set_num_threads(config.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    classifier = classifier.to(device)
    scores = []
    with torch.no_grad():
        for first in range(0, len(positions), config.batch_size):
            images = to_tensor(corpus.pixels(positions[first : first + config.batch_size])).to(device)
            scores.append(classifier.liveness(classifier(images)).double().cpu().numpy())
    return np.concatenate(scores) if scores else np.empty(0)


def metrics_of(scores_csv: bytes, split: str, dev_split: str | None) -> dict[str, Any]:
    """All metrics, from the text of a scores.csv alone."""
    from difffas.metrics import report

    lines = list(csv.DictReader(io.StringIO(scores_csv.decode())))
    test, dev = _columns(lines, split), _columns(lines, dev_split)
    have_dev = len(set(dev[1])) == 2
    return report(*test, dev_scores=dev[0] if have_dev else None, dev_labels=dev[1] if have_dev else None)


def _columns(lines: list[dict[str, str]], split: str | None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    mine = [line for line in lines if line["split"] == split]
    scores = np.array([float(line["score"]) for line in mine])
    labels = np.array([0 if line["is_bonafide"] == "True" else 1 for line in mine])
    return scores, labels, [line["attack_type"] for line in mine]


def _score_lines(corpus: Corpus, positions: np.ndarray, scores: np.ndarray, split: str) -> list[dict[str, Any]]:
    columns = {name: corpus.column(name)[positions] for name in ("subject", "key", "label", "attack", "domain")}
    return [
        {
            "claimed_id": columns["subject"][i],
            "test_label": columns["key"][i],
            "is_bonafide": bool(columns["label"][i] == LIVE),
            "attack_type": columns["attack"][i],
            "sample_n": 0,
            "score": repr(float(score)),
            "split": split,
            "domain": columns["domain"][i],
        }
        for i, score in enumerate(scores)
    ]


def _csv(lines: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()
