"""Figures of a strength study from its samples.csv: means per cell, rank correlations, reference rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TypedDict, cast

import numpy as np

from difffas.errors import UserError
from factory.tables.sheet import plain, table_of

MEASURES = ("strength", "identity_change", "rms")
AXES = ("t0", "cfg_scale")


def spearman(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> float | None:
    """Spearman's rank correlation, with average ranks for ties; in [-1, 1], or None if one side is constant.

    Raises:
        UserError: if the lengths differ.
    """
    if len(first) != len(second):
        raise UserError(f"{len(first)} and {len(second)} values: a correlation needs pairs")
    x, y = (ranks(side) - (len(side) + 1) / 2 for side in (first, second))
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(np.clip(x @ y / spread, -1, 1)) if spread else None


def ranks(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Ranks from 1, ascending; equal values share the mean of their ranks."""
    _, place, count = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    mean = count.cumsum() - (count - 1) / 2
    return np.asarray(mean[place])


def correlations(
    values: np.ndarray, levels: Sequence[float] | np.ndarray, styles: Sequence[str]
) -> dict[str, float | None]:
    """Spearman's correlation of a measure with one axis of the grid; `values` are (levels, others, faces).

    cells: correlation of the cell means at each value of the other axis, averaged; styles: the same for the faces of
    each style, because one style alone may raise the mean; faces: for each face separately; pooled: over all samples
    at once, so that differences between faces count as noise.
    """
    shown = np.array(styles)
    means = values.mean(axis=2)
    by_style = np.hstack([values[:, :, shown == style].mean(axis=2) for style in sorted(set(styles))])
    every = np.broadcast_to(np.asarray(levels, dtype=np.float64)[:, None, None], values.shape)
    return {
        "cells": _mean([spearman(levels, column) for column in means.T]),
        "styles": _mean([spearman(levels, column) for column in by_style.T]),
        "faces": _mean([spearman(levels, column) for column in values.reshape(len(levels), -1).T]),
        "pooled": spearman(every.ravel(), values.ravel()),
    }


class Sample(TypedDict):
    """A line of samples.csv: the measures of one face in one cell."""

    t0: int
    cfg_scale: float
    face: int
    style: str
    live_key: str
    guide_key: str
    seed: int
    live_strength: float
    guide_strength: float
    strength: float
    identity_change: float
    rms: float


class Spread(TypedDict):
    """Mean and population standard deviation."""

    mean: float
    std: float


class GridCell(TypedDict):
    """The measures of the faces in one cell of the grid."""

    t0: int
    cfg_scale: float
    strength_mean: float
    strength_std: float
    identity_change_mean: float
    identity_change_std: float
    rms_mean: float
    rms_std: float
    n: int


class StrengthSummary(TypedDict):
    """The summary of a study."""

    samples: int
    faces: int
    styles: dict[str, int]  # faces by style
    t0: list[int]
    cfg_scale: list[float]
    cells: list[GridCell]
    spearman: dict[str, dict[str, dict[str, float | None]]]  # by measure, axis and kind of `correlations`
    change: dict[str, dict[str, float]]  # by measure and axis
    references: dict[str, Spread]  # strength of the live faces and the guides


def summarise(samples_csv: bytes) -> StrengthSummary:
    """The summary of a study, from the text of its samples.csv alone.

    `change` is the difference of the cell means between the last and the first value of an axis, averaged over the
    other axis; a rank correlation says nothing about the size of a change.
    """
    lines = list(csv.DictReader(io.StringIO(samples_csv.decode())))
    axes = {name: sorted({float(line[name]) for line in lines}) for name in AXES}
    shape = (len(axes["t0"]), len(axes["cfg_scale"]), -1)
    lines.sort(key=lambda line: (float(line["t0"]), float(line["cfg_scale"]), int(line["face"])))
    grids = {name: np.array([float(line[name]) for line in lines]).reshape(shape) for name in MEASURES}
    once = [line for line in lines if all(float(line[name]) == axes[name][0] for name in AXES)]  # each face once
    styles = [plain(line["style"]) for line in once]
    return {
        "samples": len(lines),
        "faces": len(once),
        "styles": {style: styles.count(style) for style in sorted(set(styles))},
        "t0": [int(value) for value in axes["t0"]],
        "cfg_scale": axes["cfg_scale"],
        "cells": _cells(grids, axes),
        "spearman": {
            name: {
                axis: correlations(np.moveaxis(grid, number, 0), axes[axis], styles)
                for number, axis in enumerate(AXES)
            }
            for name, grid in grids.items()
        },
        "change": {
            name: {axis: _change(np.moveaxis(grid.mean(axis=2), number, 0)) for number, axis in enumerate(AXES)}
            for name, grid in grids.items()
        },
        "references": {
            name: _spread(np.array([float(line[f"{name}_strength"]) for line in once])) for name in ("live", "guide")
        },
    }


def cells_csv(summary: StrengthSummary) -> bytes:
    """The cells of a summary as CSV, one line each."""
    return table_of(summary["cells"]).encode()


def _cells(grids: dict[str, np.ndarray], axes: dict[str, list[float]]) -> list[GridCell]:
    cells = [
        {
            "t0": int(t0),
            "cfg_scale": cfg_scale,
            **{
                f"{name}_{key}": value for name in MEASURES for key, value in _spread(grids[name][row, column]).items()
            },
            "n": grids["strength"].shape[2],
        }
        for row, t0 in enumerate(axes["t0"])
        for column, cfg_scale in enumerate(axes["cfg_scale"])
    ]
    return cast(list[GridCell], cells)


def _spread(values: np.ndarray) -> Spread:
    return {"mean": float(values.mean()), "std": float(values.std())}


def _change(means: np.ndarray) -> float:
    return float((means[-1] - means[0]).mean())


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
