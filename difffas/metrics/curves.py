"""ROC and DET curves, the figures read from them, and the thresholds chosen on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from difffas.errors import UserError
from difffas.metrics.rates import Floats, Values, by_instrument, classes, require_both, rows

Counts: TypeAlias = npt.NDArray[np.int64]


class _OperatingPoints(NamedTuple):
    """Counts at each threshold, because ties between rates are exact only in whole numbers."""

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
    Raises UserError if a class is missing or a score is not finite.
    """
    points = _operating_points(scores, labels)
    return points.spoofs / points.spoofs[-1], points.lives / points.lives[-1], points.thresholds


def det_curve(scores: Values, labels: Values) -> tuple[Floats, Floats, Floats]:
    """The points of `roc_curve` as (FPR, FNR, thresholds): share of all spoofs accepted, of live faces rejected."""
    points = _operating_points(scores, labels)
    lives = points.lives[-1]
    return points.spoofs / points.spoofs[-1], (lives - points.lives) / lives, points.thresholds


def auc(scores: Values, labels: Values) -> float:
    """Area under the ROC: the probability that a live face scores above a spoof, with ties counted half."""
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


def tpr_at_fpr(scores: Values, labels: Values, one_in: int = 100) -> float:
    """Largest TPR among the operating points with FPR ≤ 1/one_in, all spoofs pooled; no interpolation.

    With fewer than `one_in` spoofs, the result is the share of live faces that score above every spoof.
    """
    points = _operating_points(scores, labels)
    allowed = points.spoofs * one_in <= points.spoofs[-1]
    return float(points.lives[allowed].max() / points.lives[-1])


def eer_threshold(scores: Values, labels: Values) -> float:
    """The score at which FPR and FNR are nearest to each other; of several such scores, the highest.

    Always finite: if accepting no face is nearest, the threshold is the next float after the highest score.
    """
    points = _operating_points(scores, labels)
    nearest = int(np.argmin(np.abs(points.excess)))
    return float(points.thresholds[nearest] if nearest else np.nextafter(points.thresholds[1], np.inf))


def apcer_threshold(scores: Values, labels: Values, attacks: Sequence[str], one_in: int) -> float:
    """The lowest score at which every instrument's APCER is at most 1/one_in; BPCER there is "BPCER{one_in}".

    The largest APCER counts, not the pooled one, and it is at most the wanted rate (as in bob.pad.base); shares are
    compared in whole numbers. Always finite: if every score is too low, the threshold is the next float after the
    highest spoof. Raises UserError if a class is missing.
    """
    assert one_in > 1
    values, spoof = rows(scores, labels)
    require_both(values[~spoof], values[spoof])
    # At most ⌊n/one_in⌋ of n spoofs may be accepted, so the next spoof in falling order must be rejected.
    parts = by_instrument(values, spoof, attacks).values()
    rejected = max(float(np.sort(part)[::-1][len(part) // one_in]) for part in parts)
    above = values[values > rejected]
    return float(above.min() if len(above) else np.nextafter(rejected, np.inf))


def bpcer_threshold(scores: Values, labels: Values, one_in: int) -> float:
    """The highest score at which BPCER is at most 1/one_in: of n live faces, ⌊n/one_in⌋ may be rejected.

    With `one_in` 100, on the development set, it is the threshold of WMCA's figures (George et al., TIFS 2019). Shares
    are compared in whole numbers; of fewer than `one_in` live faces none is rejected, and of equal scores all are
    accepted. Raises UserError without live faces.
    """
    assert one_in > 1
    live, _ = classes(scores, labels)
    if not len(live):
        raise UserError("a threshold by BPCER needs at least one live face (label 0)")
    return float(np.sort(live)[len(live) // one_in])


def _operating_points(scores: Values, labels: Values) -> _OperatingPoints:
    live, spoof = classes(scores, labels)
    require_both(live, spoof)
    thresholds = np.unique(np.concatenate((live, spoof)))[::-1]
    counts = [len(part) - np.searchsorted(np.sort(part), thresholds) for part in (spoof, live)]
    spoofs, lives = (np.concatenate(([0], count)).astype(np.int64) for count in counts)
    return _OperatingPoints(spoofs, lives, np.concatenate(([np.inf], thresholds)))
