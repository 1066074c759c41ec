"""Fig. 10: mean BRISQUE of data sets and of generated corpora, with intervals, spreads and counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory import charts
from factory.charts.intervals import Line, intervals
from factory.charts.plate import Mark, Panel, point
from factory.core.config import Config, PathOrUrl
from factory.corpus import Corpus
from factory.corpus.people import people_shown
from factory.corpus.row import LIVE, SPOOF
from factory.report.figures.figure import Figure, Prepared, Table
from factory.report.sections import corpus_folder

Z = 1.96  # of a 95 % interval
KINDS = {"live": "real live faces", "spoof": "real spoofs", "generated": "generated spoofs"}
UNKNOWN = "implementation not recorded"


class BrisqueFigure(Config):
    """Fig. 10 of these corpora, in this order; a real corpus has a line for live faces and one for spoofs."""

    corpora: dict[str, PathOrUrl] = Field(min_length=1, description="data sets and generated corpora by name")


class Scores(NamedTuple):
    """The scores of a group: mean, population deviation, half of the mean's 95 % interval, None for one person."""

    images: int
    failed: int
    people: int
    mean: float
    deviation: float
    half: float | None


def prepare(config: BrisqueFigure) -> Prepared:
    """Open the corpora.

    Raises:
        UserError: if one is not a finished corpus, or has no score.
    """
    corpora = {name: Corpus(url) for name, url in config.corpora.items()}
    groups = {name: groups_of(corpus) for name, corpus in corpora.items()}
    for name, found in groups.items():
        if not found:
            raise UserError(f"figures.brisque: {corpora[name].storage.url} has no image with a BRISQUE score")
    digests = [[name, corpus.digest] for name, corpus in corpora.items()]
    folders = {name: corpus_folder(corpus) for name, corpus in corpora.items()}
    implementations = sorted({one for corpus in corpora.values() for one in _implementations(corpus)})
    return Prepared({"corpora": digests}, folders, lambda: draw(groups, implementations))


def groups_of(corpus: Corpus) -> dict[str, Scores]:
    """The scores of a corpus by kind: `live`, `spoof`, `generated`; kinds without a score are left out.

    A row with a generator is generated, also where its live face is new as well.
    """
    made = np.array([name is not None for name in corpus.column("generator")])
    label, brisque, whose = corpus.column("label"), corpus.column("brisque").astype(np.float64), people_shown(corpus)
    masks = {"live": ~made & (label == LIVE), "spoof": ~made & (label == SPOOF), "generated": made & (label == SPOOF)}
    found = {}
    for kind, mask in masks.items():
        known = mask & np.isfinite(brisque)
        if known.any():
            found[kind] = scores_of(brisque[known], whose[known], int(mask.sum() - known.sum()))
    return found


def scores_of(values: np.ndarray, whose: np.ndarray, failed: int = 0) -> Scores:
    """Mean and deviation of the values, and the interval of the mean if the people were drawn again.

    Images of one person are alike, so the standard error adds up the deviations of each person before it squares
    them (the cluster-robust error; Liang and Zeger, Biometrika 1986), with the factor G/(G − 1) of G people.
    """
    mean = float(values.mean())
    names, person = np.unique(whose, return_inverse=True)
    sums = np.bincount(person, weights=values - mean)
    groups = len(names)
    half = None
    if groups > 1:
        half = Z * math.sqrt(groups / (groups - 1) * float((sums**2).sum())) / len(values)
    return Scores(len(values), failed, groups, mean, float(values.std()), half)


def draw(groups: Mapping[str, Mapping[str, Scores]], implementations: list[str]) -> Figure:
    """The figure of these groups, by name of the corpus and kind."""
    shown = [(name, kind, scores) for name, found in groups.items() for kind, scores in found.items()]
    lines = [
        Line(
            name=_name(name, kind),
            figure=f"{charts.fixed(scores.mean, 1)}{_half(scores)}  ({scores.images:,})",
            kind=kind,
            middle=scores.mean,
            interval=None if scores.half is None else (scores.mean - scores.half, scores.mean + scores.half),
            spread=(scores.mean - scores.deviation, scores.mean + scores.deviation),
        )
        for name, kind, scores in shown
    ]
    rows = [
        (
            _name(name, kind),
            [
                charts.fixed(scores.mean, 2),
                "—" if scores.half is None else f"± {charts.fixed(scores.half, 2)}",
                charts.fixed(scores.deviation, 2),
                f"{scores.images:,}",
                f"{scores.people:,}",
                f"{scores.failed:,}",
            ],
        )
        for name, kind, scores in shown
    ]
    kinds = [kind for kind in KINDS if any(kind == found for _, found, _ in shown)]
    notes = [f"Scored by {implementations[0]}."] if len(implementations) == 1 else []
    if len(implementations) > 1:
        notes = [
            f"The scores come from different implementations and are not comparable: {', '.join(implementations)}."
        ]
    return Figure(
        name="brisque",
        heading="Mean BRISQUE of real and generated faces",
        text="BRISQUE of whole corpora (lower is better). The point is the mean, the thick bar its 95 % interval "
        "if other "
        "people had been photographed, the thin line one standard deviation of the images to either side; the number "
        "in brackets counts images.",
        panels=[Panel("BRISQUE", "lower is better", intervals(lines, "Mean BRISQUE by corpus"))],
        legend=[Mark(point(f"dot {kind}"), KINDS[kind]) for kind in kinds],
        table=Table(["mean", "95 % interval", "deviation", "images", "people", "without a score"], rows),
        notes=notes,
    )


def _name(name: str, kind: str) -> str:
    return name if kind == "generated" else f"{name}, {kind}"


def _half(scores: Scores) -> str:
    return "" if scores.half is None else f" ± {charts.fixed(scores.half, 1)}"


def _implementations(corpus: Corpus) -> set[str]:
    return {name or UNKNOWN for name in corpus.index["brisque_impl"].unique().to_pylist()}
