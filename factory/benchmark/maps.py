"""The map of what classifiers see: the same faces of dev and test, as each of some rows places them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from difffas.errors import UserError
from factory.benchmark import pictures
from factory.benchmark.seen import features
from factory.benchmark.settings import FeaturesConfig
from factory.charts.tsne import tsne
from factory.corpus.row import LIVE
from factory.evaluate import EvaluateConfig
from factory.protocols import open_corpus
from factory.storage import Storage

PARTS, FEWEST = ("dev", "test"), 4


class MapPoint(TypedDict):
    """A line of features.csv."""

    row: str
    key: str
    subject: str
    split: str
    domain: str
    attack: str
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Map:
    """The map of one row's classifier as SVG, and its points."""

    row: str
    chart: str
    points: list[MapPoint]


def maps_of(evaluations: Mapping[str, EvaluateConfig], config: FeaturesConfig, threads: int) -> list[Map]:
    """One map for each row, of the classifier and corpus that its evaluation names.

    Raises:
        UserError: if there are too few faces, or a classifier's embeddings are not finite: its training diverged.
    """
    found = []
    for row, evaluation in evaluations.items():
        corpus = open_corpus(str(evaluation.corpus), evaluation.protocol)
        rows = np.concatenate([corpus.where(split=part) for part in PARTS])
        if len(rows) < FEWEST:
            raise UserError(f"{' and '.join(PARTS)} hold {len(rows)} faces: a map needs {FEWEST} or more")
        seen = features(Storage(str(evaluation.classifier)), corpus.pixels(rows), threads)
        if not np.isfinite(seen).all():
            raise UserError(f"the classifier of {row} gives embeddings that are not finite: its training diverged")
        placed = tsne(seen, config.perplexity, config.steps)
        facts = {name: corpus.column(name)[rows] for name in ("key", "subject", "split", "domain", "attack")}
        live = corpus.column("label")[rows] == LIVE
        kinds = [f"{'live' if one else 'spoof'} {part}" for one, part in zip(live, facts["split"], strict=True)]
        titles = [" ".join(names) for names in zip(facts["domain"], facts["attack"], facts["subject"], strict=True)]
        points: list[MapPoint] = [
            {
                "row": row,
                "key": facts["key"][at],
                "subject": facts["subject"][at],
                "split": facts["split"][at],
                "domain": facts["domain"][at],
                "attack": facts["attack"][at],
                "x": round(float(placed[at, 0]), 3),
                "y": round(float(placed[at, 1]), 3),
            }
            for at in range(len(rows))
        ]
        found.append(Map(row, pictures.points(placed, kinds, titles, f"what {row} sees"), points))
    return found
