"""Presentation attack detection metrics (ISO/IEC 30107-3 names), each threshold by its name.

Scores are higher for bona fide faces; labels are 0 live, 1 spoof. A face is accepted as live where score >= threshold;
equal scores are always decided alike. Rates are fractions of 1. The field calls three things HTER: they differ in
where the threshold comes from, so no result here is a bare "hter".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Counts: TypeAlias = npt.NDArray[np.int64]
Values: TypeAlias = npt.ArrayLike


class _OperatingPoints(NamedTuple):
    """Counts, because ties between rates are exact in whole numbers only."""

    spoofs: Counts  # accepted at each threshold; the last is all of them
    lives: Counts
    thresholds: Floats  # ∞, then the distinct scores, falling

    @property
    def excess(self) -> Counts:
        """(FPR − FNR)·(number of spoofs)·(number of live faces); never falling."""
        excess: Counts = self.spoofs * self.lives[-1] - (self.lives[-1] - self.lives) * self.spoofs[-1]
        return excess


def roc_curve(scores: Values, labels: Values) -> tuple[Floats, Floats, Floats]:
    """Every operating point: (FPR, TPR, thresholds), from accepting none (threshold ∞) to accepting all.

    FPR is the share of spoofs accepted, TPR the share of live faces accepted; one point per distinct score.
    Raises ValueError where a class is missing or a score is not finite.
    """
    points = _operating_points(scores, labels)
    return points.spoofs / points.spoofs[-1], points.lives / points.lives[-1], points.thresholds


def auc(scores: Values, labels: Values) -> float:
    """Area under the ROC: the chance that a live face scores above a spoof, ties counted half."""
    points = _operating_points(scores, labels)
    doubled = np.sum(np.diff(points.spoofs) * (points.lives[1:] + points.lives[:-1]))
    return float(doubled / (2 * points.spoofs[-1] * points.lives[-1]))


def d_eer(scores: Values, labels: Values) -> float:
    """Detection equal error rate: where FPR = FNR on the straight lines between the operating points."""
    points = _operating_points(scores, labels)
    excess = points.excess
    after = int(np.argmax(excess >= 0))
    share = -excess[after - 1] / (excess[after] - excess[after - 1])
    spoofs = points.spoofs[after - 1] + share * (points.spoofs[after] - points.spoofs[after - 1])
    return float(spoofs / points.spoofs[-1])


def eer_threshold(scores: Values, labels: Values) -> float:
    """The score at which FPR and FNR are nearest to each other; the highest of several.

    Always finite: where accepting none is nearest, it is the next float after the highest score.
    """
    points = _operating_points(scores, labels)
    nearest = int(np.argmin(np.abs(points.excess)))
    return float(points.thresholds[nearest] if nearest else np.nextafter(points.thresholds[1], np.inf))


def bpcer(scores: Values, labels: Values, threshold: float) -> float:
    """Share of live faces that are rejected (FNR). Raises ValueError where there are none."""
    live, _ = _split(scores, labels)
    if not len(live):
        raise ValueError("BPCER needs at least one live face (label 0)")
    return float(np.mean(live < threshold))


def apcer(scores: Values, labels: Values, attacks: Sequence[str], threshold: float) -> dict[str, float]:
    """Share of the spoofs of each attack instrument that are accepted; empty where there are no spoofs.

    `attacks` has a name for every row; those of live rows are not read. ISO's APCER is the largest of these.
    """
    values, spoof = _rows(scores, labels)
    names = _names(attacks, spoof)
    return {name: float(np.mean(values[spoof & (names == name)] >= threshold)) for name in sorted(set(names[spoof]))}


def acer(scores: Values, labels: Values, attacks: Sequence[str], threshold: float) -> float:
    """(largest APCER + BPCER) / 2. Raises ValueError where a class is missing."""
    live, spoof = _split(scores, labels)
    _require(live, spoof)
    return (max(apcer(scores, labels, attacks, threshold).values()) + bpcer(scores, labels, threshold)) / 2.0


def hter(scores: Values, labels: Values, threshold: float) -> float:
    """(FPR + FNR) / 2, all spoofs pooled. Raises ValueError where a class is missing."""
    live, spoof = _split(scores, labels)
    _require(live, spoof)
    return float((np.mean(spoof >= threshold) + np.mean(live < threshold)) / 2.0)


def report(
    scores: Values,
    labels: Values,
    attacks: Sequence[str],
    dev_scores: Values | None = None,
    dev_labels: Values | None = None,
) -> dict[str, Any]:
    """All metrics of one test set, ready for JSON; None where one cannot be computed.

    Args:
        scores, labels, attacks: the test set, one entry per image or video.
        dev_scores, dev_labels: the development set that the third threshold comes from.

    Returns:
        "auc", "d_eer"; for each T of "test_eer" (the test set's own EER), "0.5" and "dev_eer": "threshold@T",
        "hter@T", "apcer@T" (by attack), "apcer_max@T", "bpcer@T", "acer@T"; "n_live", "n_spoof", "n_by_attack",
        "n_dev_live", "n_dev_spoof".

    Raises:
        ValueError: lengths differ, a label is neither 0 nor 1, a score is not finite, or a spoof has attack "live".
    """
    live, spoof = _split(scores, labels)
    _, is_spoof = _rows(scores, labels)
    names = _names(attacks, is_spoof)
    both = len(live) > 0 and len(spoof) > 0
    if (dev_scores is None) != (dev_labels is None):
        raise ValueError("give dev_scores and dev_labels together, or neither")
    dev_live, dev_spoof = _split([] if dev_scores is None else dev_scores, [] if dev_labels is None else dev_labels)
    thresholds = {"test_eer": eer_threshold(scores, labels) if both else None, "0.5": 0.5, "dev_eer": None}
    if dev_scores is not None and dev_labels is not None and len(dev_live) and len(dev_spoof):
        thresholds["dev_eer"] = eer_threshold(dev_scores, dev_labels)
    result: dict[str, Any] = {
        "auc": auc(scores, labels) if both else None,
        "d_eer": d_eer(scores, labels) if both else None,
    }
    for name, threshold in thresholds.items():
        by_attack = None if threshold is None else apcer(scores, labels, attacks, threshold)
        result[f"threshold@{name}"] = threshold
        result[f"hter@{name}"] = hter(scores, labels, threshold) if both and threshold is not None else None
        result[f"apcer@{name}"] = by_attack or None
        result[f"apcer_max@{name}"] = max(by_attack.values()) if by_attack else None
        result[f"bpcer@{name}"] = bpcer(scores, labels, threshold) if len(live) and threshold is not None else None
        result[f"acer@{name}"] = acer(scores, labels, attacks, threshold) if both and threshold is not None else None
    counts = Counter(names[is_spoof].tolist())
    return result | {
        "n_live": len(live),
        "n_spoof": len(spoof),
        "n_by_attack": {name: counts[name] for name in sorted(counts)},
        "n_dev_live": len(dev_live),
        "n_dev_spoof": len(dev_spoof),
    }


def _operating_points(scores: Values, labels: Values) -> _OperatingPoints:
    live, spoof = _split(scores, labels)
    _require(live, spoof)
    thresholds = np.unique(np.concatenate((live, spoof)))[::-1]
    counts = [len(part) - np.searchsorted(np.sort(part), thresholds) for part in (spoof, live)]
    spoofs, lives = (np.concatenate(([0], count)).astype(np.int64) for count in counts)
    return _OperatingPoints(spoofs, lives, np.concatenate(([np.inf], thresholds)))


def _split(scores: Values, labels: Values) -> tuple[Floats, Floats]:
    """Scores of the live rows and of the spoof rows."""
    values, spoof = _rows(scores, labels)
    return values[~spoof], values[spoof]


def _rows(scores: Values, labels: Values) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Scores in float64, and whether each row is a spoof."""
    values, kinds = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if values.ndim != 1 or values.shape != kinds.shape:
        raise ValueError(f"scores of shape {values.shape} and labels of shape {kinds.shape}: give one label per score")
    if not np.isfinite(values).all():
        raise ValueError(
            f"{np.count_nonzero(~np.isfinite(values))} of {len(values)} scores are not finite: leave them out"
        )
    if not np.isin(kinds, (0, 1)).all():
        raise ValueError(f"labels {sorted(set(kinds.tolist()))} must be 0 (live) or 1 (spoof)")
    return values, kinds == 1


def _names(attacks: Sequence[str], spoof: npt.NDArray[np.bool_]) -> npt.NDArray[np.str_]:
    names = np.asarray(attacks, dtype=np.str_)
    if names.shape != spoof.shape:
        raise ValueError(f"attacks of shape {names.shape} for {len(spoof)} scores: give one name per score")
    if (names[spoof] == "live").any():
        raise ValueError('a row with label 1 (spoof) has the attack "live": mend the label or the attack')
    return names


def _require(live: Floats, spoof: Floats) -> None:
    if not len(live) or not len(spoof):
        raise ValueError(f"{len(live)} live and {len(spoof)} spoof scores: this metric needs at least one of each")
