"""Bootstrap intervals by subject: how far the metrics would move if other people of the same kind had been tested.

Frames of one person resemble each other, so people are drawn with replacement, each with all of their rows. A row
then counts as often as its subject was drawn; all metrics of many draws are computed at once from these counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from difffas.metrics.rates import Floats, ScoreSet, instruments, rows

Counts: TypeAlias = npt.NDArray[np.int64]
CELLS = 2_000_000  # draws × rows at a time
COMPUTABLE = 0.9  # a metric gets an interval only if it exists in at least this share of the draws
ONE_IN = (10, 20, 100)  # APCER of BPCER10, BPCER20, BPCER100


def bpcer_of(threshold: str) -> str:
    """N of the name of a threshold of BPCERN, such as 20 of "dev_bpcer20"; empty for another threshold."""
    number = threshold.rpartition("_bpcer")[2]
    return number if number.isdecimal() and number != threshold else ""


def intervals(
    test: ScoreSet, thresholds: Mapping[str, float], resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> dict[str, list[float] | None]:
    """Percentile intervals [low, high] of the metrics of a test set with subjects, by the names of `summary.report`.

    A threshold that is chosen on the test set is chosen again in every draw; `thresholds` are fixed ones by name
    (0.5, or from a development set, whose own uncertainty is not part of the interval). A draw that lacks something a
    metric needs (a class, all instruments) is excluded from that metric's percentiles; the interval is None if more
    than a tenth of the draws are excluded.
    """
    assert test.subjects is not None
    draws = resampled(test, thresholds, resamples, seed)
    tail = 50 * (1 - level)
    found: dict[str, list[float] | None] = {}
    for name, values in draws.items():
        known = values[np.isfinite(values)]
        enough = len(known) and len(known) >= COMPUTABLE * len(values)
        found[name] = [float(bound) for bound in np.percentile(known, [tail, 100 - tail])] if enough else None
    return found


def resampled(test: ScoreSet, thresholds: Mapping[str, float], resamples: int, seed: int) -> dict[str, Floats]:
    """Every metric in every draw; NaN if a metric cannot be computed."""
    _, subject = np.unique(np.asarray(test.subjects, dtype=np.str_), return_inverse=True)
    people = int(subject.max()) + 1
    rng = np.random.default_rng(seed)
    at_once = max(1, CELLS // len(subject))
    parts = []
    for first in range(0, resamples, at_once):
        drawn = rng.multinomial(people, np.full(people, 1 / people), size=min(at_once, resamples - first))
        parts.append(weighted(test, subject, drawn, thresholds))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def weighted(test: ScoreSet, subject: Counts, drawn: Counts, thresholds: Mapping[str, float]) -> dict[str, Floats]:
    """All metrics of every draw r, in which row i counts drawn[r, subject[i]] times; `drawn` is (R, people)."""
    values, spoof = rows(test.scores, test.labels)
    names = instruments(test.attacks, spoof)
    live = _Part(values[~spoof], drawn[:, subject[~spoof]])
    attacks = [_Part(values[own], drawn[:, subject[own]]) for own in (spoof & (names == n) for n in set(names[spoof]))]
    every = np.concatenate(([np.inf], np.unique(values)[::-1]))  # K, falling
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _any_threshold(live, _Part(values[spoof], drawn[:, subject[spoof]]), every)
        chosen = {name: np.full(len(drawn), threshold) for name, threshold in thresholds.items()}
        chosen["test_eer"] = found.pop("threshold@test_eer")
        for one_in in ONE_IN:
            chosen[f"test_bpcer{one_in}"] = every[np.min([part.last(every, one_in) for part in attacks], axis=0)]
        for name, threshold in chosen.items():
            found |= _at_threshold(live, attacks, name, threshold)
    return found


class _Part:
    """Live faces, or the spoofs of one instrument, in falling order of score, with cumulative counts."""

    def __init__(self, scores: Floats, counts: Counts) -> None:
        order = np.argsort(-scores, kind="stable")
        self.scores = scores[order]
        self.accepted = np.zeros((len(counts), len(scores) + 1), dtype=np.int64)  # R, rows + 1
        np.cumsum(counts[:, order], axis=1, out=self.accepted[:, 1:])
        self.total = self.accepted[:, -1]

    def above(self, thresholds: Floats) -> Counts:
        """The number of rows that score at least each threshold."""
        return len(self.scores) - np.searchsorted(self.scores[::-1], thresholds)

    def rate(self, thresholds: Floats) -> Floats:
        """Share accepted in each draw at its threshold (R); NaN if the draw contains no such rows."""
        share: Floats = self.accepted[np.arange(len(self.accepted)), self.above(thresholds)] / self.total
        return share

    def last(self, every: Floats, one_in: int) -> Counts:
        """Index in `every` (falling) of the last threshold at which the share accepted is at most 1/one_in (R)."""
        ends = np.flatnonzero(np.append(np.diff(self.scores) != 0, True))  # the last row of each distinct score
        over = self.accepted[:, ends + 1] * one_in > self.total[:, None]
        places = len(every) - 1 - np.searchsorted(every[:0:-1], self.scores[ends])
        return np.where(over.any(axis=1), places[over.argmax(axis=1)], len(every)) - 1


def _any_threshold(live: _Part, spoof: _Part, every: Floats) -> dict[str, Floats]:
    """AUC, D-EER, TPR at an FPR of 1 %, and the threshold at which the error rates are most nearly equal."""
    lives, spoofs = live.accepted[:, live.above(every)], spoof.accepted[:, spoof.above(every)]  # R, K
    all_lives, all_spoofs = live.total[:, None], spoof.total[:, None]
    line = np.arange(len(lives))
    doubled = np.sum(np.diff(spoofs) * (lives[:, 1:] + lives[:, :-1]), axis=1)
    excess = spoofs * all_lives - (all_lives - lives) * all_spoofs
    after = np.maximum(np.argmax(excess >= 0, axis=1), 1)  # the index is 0 only if a class was not drawn
    before = after - 1
    share = -excess[line, before] / (excess[line, after] - excess[line, before])
    equal = spoofs[line, before] + share * (spoofs[line, after] - spoofs[line, before])
    allowed = np.sum(spoofs * 100 <= all_spoofs, axis=1) - 1
    return {
        "auc": doubled / (2 * spoof.total * live.total),
        "d_eer": equal / spoof.total,
        "tpr@fpr=1%": np.where(spoof.total > 0, lives[line, allowed] / live.total, np.nan),
        "threshold@test_eer": every[np.argmin(np.abs(excess), axis=1)],
    }


def _at_threshold(live: _Part, attacks: list[_Part], name: str, threshold: Floats) -> dict[str, Floats]:
    """Error rates of each draw at its threshold (R), under the names that `summary.report` gives them."""
    bpcer = 1 - live.rate(threshold)
    rates = [part.rate(threshold) for part in attacks]
    apcer_max = np.fmax.reduce(rates)  # of the instruments that were drawn
    if bpcer_name := bpcer_of(name):
        origin = name.partition("_")[0]
        known = bpcer if origin == "dev" else np.where(np.isfinite(apcer_max), bpcer, np.nan)
        return {f"bpcer{bpcer_name}@{origin}": known, f"apcer_max@{name}": apcer_max}
    accepted = sum(np.nan_to_num(rate) * part.total for rate, part in zip(rates, attacks, strict=True))
    fpr = accepted / sum(part.total for part in attacks)
    return {
        f"hter@{name}": (fpr + bpcer) / 2,
        f"acer@{name}": (apcer_max + bpcer) / 2,
        f"bpcer@{name}": bpcer,
        f"apcer_max@{name}": apcer_max,
    }
