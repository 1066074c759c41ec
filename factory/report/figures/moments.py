"""Fig. 12: what a classifier sees of the same training rows at four moments of its training, coloured by BRISQUE."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory import charts
from factory.charts.map import NONE, Place, mark, places, shades_of
from factory.charts.plate import Mark, Panel
from factory.charts.tsne import tsne
from factory.core.config import Config, PathOrUrl
from factory.report.figures.figure import Figure, Prepared, Table
from factory.report.sections import open_folder
from factory.storage import Storage
from factory.train.recipes.embeddings import ROWS, RowFacts, kept_steps, name_of, read_embeddings, read_rows_file

MOMENTS = 4
SHAPES = {"live": "circle", "spoof": "square", "generated": "triangle"}
KINDS = {"live": "real live faces", "spoof": "real spoofs", "generated": "generated spoofs"}
NEIGHBOURS = 10


class MomentsFigure(Config):
    """Fig. 12 of a classifier that was fitted with `embeddings.steps`."""

    classifier: PathOrUrl = Field(description="folder of fit-classifier")
    steps: tuple[int, ...] | None = Field(
        None, min_length=1, max_length=9, description="None: four of the kept steps, from the first to the last"
    )
    perplexity: float = Field(30.0, gt=1, description="about how many neighbours of a row count")
    iterations: int = Field(750, ge=250, le=5000, description="iterations of t-SNE")


class Moment(NamedTuple):
    """A step, its map (N, 2), and how alike neighbours in the embedding are: in kind, and in BRISQUE."""

    step: int
    placed: np.ndarray
    kind: float
    brisque: float | None


def prepare(config: MomentsFigure) -> Prepared:
    """Open the classifier's folder, and read what it kept.

    Raises:
        UserError: if its run is not finished or kept nothing, a step was not kept, or a training diverged.
    """
    folder = open_folder(config.classifier, "curve", ROWS)
    rows, kept = read_rows_file(folder.storage), kept_steps(folder.storage)
    steps = chosen_steps(kept) if config.steps is None else list(config.steps)
    if absent := [step for step in steps if step not in kept]:
        raise UserError(f"figures.moments.steps: {folder.storage.url} kept no embeddings of {absent}, only of {kept}")
    seen = {step: read_embeddings(folder.storage, step, len(rows)) for step in steps}
    identity = {
        **config.model_dump(mode="json", exclude={"classifier", "steps"}),
        "classifier": folder.claim["fingerprint"],
        "embeddings": [[step, _digest(folder.storage, step)] for step in steps],
    }
    return Prepared(identity, {"classifier": folder}, lambda: draw(config, rows, seen))


def chosen_steps(kept: Sequence[int]) -> list[int]:
    """Up to four of the kept steps: the first, the last, and those between at equal shares of their list."""
    count = min(MOMENTS, len(kept))
    return [kept[round(turn * (len(kept) - 1) / max(count - 1, 1))] for turn in range(count)]


def draw(config: MomentsFigure, rows: list[RowFacts], seen: dict[int, np.ndarray]) -> Figure:
    """A map for each moment; each begins with the places of the one before, so that points move little."""
    brisque = np.array([np.nan if row["brisque"] is None else row["brisque"] for row in rows])
    kinds = np.array([row["kind"] for row in rows])
    shades, bounds = shades_of(brisque)
    points = [
        Place(shade, SHAPES.get(row["kind"], "circle"), _title(row)) for shade, row in zip(shades, rows, strict=True)
    ]
    moments: list[Moment] = []
    for step, embeddings in seen.items():
        placed = tsne(embeddings, config.perplexity, config.iterations, moments[-1].placed if moments else None)
        moments.append(Moment(step, placed, *alike(embeddings, kinds, brisque)))
    panels = [
        Panel(_name(moment.step), "", places(moment.placed, points, f"Embeddings after {moment.step} steps"))
        for moment in moments
    ]
    counts = {kind: int((kinds == kind).sum()) for kind in KINDS}
    table = [
        (
            _name(moment.step),
            [
                f"{charts.fixed(100 * moment.kind, 1)} %",
                "—" if moment.brisque is None else charts.fixed(moment.brisque, 2),
            ],
        )
        for moment in moments
    ]
    return Figure(
        name="moments",
        heading="What the classifier sees during its training",
        text=f"t-SNE of the same {len(rows):,} training rows at {len(moments)} moments of one training; colours "
        "are BRISQUE "
        "(lower is better), shapes are kinds. Each map starts from the one before. Only neighbourhoods mean something "
        "in such a map: distances between groups, and their sizes, do not.",
        panels=panels,
        legend=[*_shades(bounds, shades), *_kinds(counts)],
        table=Table([f"nearest {NEIGHBOURS} of the same kind", "their difference in BRISQUE"], table),
        notes=[
            f"The table is measured in the embedding, not in the map. The difference in BRISQUE is the mean "
            "between a row and "
            f"its {NEIGHBOURS} nearest neighbours, as a share of that between any two rows: 1 means that quality "
            "plays no "
            "part in what the classifier sees, smaller values that images of like quality lie together."
        ],
    )


def alike(embeddings: np.ndarray, kinds: np.ndarray, brisque: np.ndarray) -> tuple[float, float | None]:
    """How alike the nearest neighbours of a row are: their share of its kind, and their relative BRISQUE difference.

    The second is None if fewer than two rows have different scores.
    """
    squares = (embeddings**2).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2 * embeddings @ embeddings.T
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(embeddings) - 1)]
    share = float((kinds[near] == kinds[:, None]).mean())
    difference = np.abs(brisque[near] - brisque[:, None])
    every = np.abs(brisque[:, None] - brisque[None])
    np.fill_diagonal(every, np.nan)
    if not np.isfinite(difference).any() or not np.nanmean(every) > 0:
        return share, None
    return share, float(np.nanmean(difference) / np.nanmean(every))


def _shades(bounds: list[float], shades: list[str]) -> list[Mark]:
    """Legend of the colours: a class of BRISQUE each."""
    ends = [None, *bounds, None]
    found = []
    for number, (low, high) in enumerate(itertools.pairwise(ends)):
        texts = [charts.fixed(end, 1) for end in (low, high) if end is not None]
        name = f"BRISQUE {texts[0]} to {texts[1]}" if len(texts) == 2 else ""
        if len(texts) == 1:
            name = f"BRISQUE {'below' if low is None else 'from'} {texts[0]}"
        found.append(Mark(f"{mark('circle', f'place shade-{number}', 12, 5.5)}</circle>", name or "all BRISQUE"))
    if NONE in shades:
        found.append(Mark(f"{mark('circle', f'place {NONE}', 12, 5.5)}</circle>", "no BRISQUE"))
    return found


def _kinds(counts: dict[str, int]) -> list[Mark]:
    return [
        Mark(
            f"{mark(shape, 'place shape', 12, 5.5)}</{'circle' if shape == 'circle' else 'path'}>",
            f"{KINDS[kind]} ({counts[kind]:,})",
        )
        for kind, shape in SHAPES.items()
        if counts[kind]
    ]


def _name(step: int) -> str:
    return "before the first step" if step == 0 else f"after {step:,} steps"


def _title(row: RowFacts) -> str:
    score = "without a score" if row["brisque"] is None else f"BRISQUE {charts.fixed(row['brisque'], 1)}"
    return f"{row['kind']} {row['style']}, {score}"


def _digest(storage: Storage, step: int) -> str:
    return hashlib.sha256(storage.read(name_of(step))).hexdigest()
