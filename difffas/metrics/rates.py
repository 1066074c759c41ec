"""Error rates at a threshold (ISO/IEC 30107-3 names), and the input check that every metric starts with."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from difffas.errors import UserError

Floats: TypeAlias = npt.NDArray[np.float64]
Values: TypeAlias = npt.ArrayLike


@dataclasses.dataclass(frozen=True)
class ScoreSet:
    """Scores of one split, one entry per image or per video.

    `labels` are 0 live, 1 spoof; `attacks` names the instrument of every row (entries of live rows are ignored);
    `subjects`, if known, names the person of every row, by whom intervals resample.

    Raises:
        UserError: if lengths differ, a label is neither 0 nor 1, a score is not finite, or a spoof has attack "live".
    """

    scores: Values
    labels: Values
    attacks: Sequence[str]
    subjects: Sequence[str] | None = None

    def __post_init__(self) -> None:
        values, spoof = rows(self.scores, self.labels)
        instruments(self.attacks, spoof)
        if self.subjects is not None and len(self.subjects) != len(values):
            raise UserError(f"{len(self.subjects)} subjects for {len(values)} scores: give one name per score")


def bpcer(scores: Values, labels: Values, threshold: float) -> float:
    """Share of live faces that are rejected (FNR). Raises UserError if there are no live faces."""
    live, _ = classes(scores, labels)
    if not len(live):
        raise UserError("BPCER needs at least one live face (label 0)")
    return float(np.mean(live < threshold))


def apcer(scores: Values, labels: Values, attacks: Sequence[str], threshold: float) -> dict[str, float]:
    """Share of the spoofs of each attack instrument that are accepted; empty if there are no spoofs.

    `attacks` has a name for every row; names of live rows are ignored. ISO's APCER is the largest of these shares.
    """
    values, spoof = rows(scores, labels)
    return {name: float(np.mean(part >= threshold)) for name, part in by_instrument(values, spoof, attacks).items()}


def acer(scores: Values, labels: Values, attacks: Sequence[str], threshold: float) -> float:
    """(largest APCER + BPCER) / 2. Raises UserError if a class is missing."""
    require_both(*classes(scores, labels))
    return (max(apcer(scores, labels, attacks, threshold).values()) + bpcer(scores, labels, threshold)) / 2.0


def hter(scores: Values, labels: Values, threshold: float) -> float:
    """(FPR + FNR) / 2, all spoofs pooled. Raises UserError if a class is missing."""
    live, spoof = classes(scores, labels)
    require_both(live, spoof)
    return float((np.mean(spoof >= threshold) + np.mean(live < threshold)) / 2.0)


def rows(scores: Values, labels: Values) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Scores in float64, and whether each row is a spoof; raises UserError for rows that metrics cannot use."""
    values, kinds = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if values.ndim != 1 or values.shape != kinds.shape:
        raise UserError(f"scores of shape {values.shape} and labels of shape {kinds.shape}: give one label per score")
    if not np.isfinite(values).all():
        raise UserError(
            f"{np.count_nonzero(~np.isfinite(values))} of {len(values)} scores are not finite: leave them out"
        )
    if not np.isin(kinds, (0, 1)).all():
        raise UserError(f"labels {sorted(set(kinds.tolist()))} must be 0 (live) or 1 (spoof)")
    return values, kinds == 1


def classes(scores: Values, labels: Values) -> tuple[Floats, Floats]:
    """Scores of the live rows and of the spoof rows."""
    values, spoof = rows(scores, labels)
    return values[~spoof], values[spoof]


def by_instrument(values: Floats, spoof: npt.NDArray[np.bool_], attacks: Sequence[str]) -> dict[str, Floats]:
    """Scores of the spoofs of each instrument, by name."""
    names = instruments(attacks, spoof)
    return {str(name): values[spoof & (names == name)] for name in np.unique(names[spoof])}


def instruments(attacks: Sequence[str], spoof: npt.NDArray[np.bool_]) -> npt.NDArray[np.str_]:
    """The attack names as an array; raises UserError for a spoof that is named "live"."""
    names = np.asarray(attacks, dtype=np.str_)
    if names.shape != spoof.shape:
        raise UserError(f"attacks of shape {names.shape} for {len(spoof)} scores: give one name per score")
    if (names[spoof] == "live").any():
        raise UserError('a row with label 1 (spoof) has the attack "live": mend the label or the attack')
    return names


def require_both(live: Floats, spoof: Floats) -> None:
    """Raise UserError unless there are scores of both classes."""
    if not len(live) or not len(spoof):
        raise UserError(f"{len(live)} live and {len(spoof)} spoof scores: this metric needs at least one of each")
