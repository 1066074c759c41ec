"""The finished evaluations of a table, and every figure of theirs by row, protocol and seed."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from difffas.metrics import ScoreSet
from difffas.metrics.bootstrap import weighted
from factory.ablate import Unit
from factory.ablate.graph import RowEvaluation
from factory.benchmark.differences import Difference, Floats, Paired, difference, people_drawn
from factory.charts import fixed
from factory.evaluate import EvaluationSummary, UnitMetrics
from factory.evaluate.scores import SCORES, read
from factory.run import read_claim, read_summary
from factory.storage import Storage

FIXED = ("0.5", "dev_eer", "dev_bpcer=1%")  # thresholds that are not chosen anew in a draw


@dataclasses.dataclass(frozen=True)
class Judged:
    """An evaluation in its place: its metrics, and the scores of the test part in the unit of the table."""

    row: str
    protocol: str
    seed: int
    run: str
    metrics: UnitMetrics
    scores: ScoreSet

    def figure(self, metric: str, attack: str | None = None) -> float | None:
        """Return a metric as a fraction of 1, for one attack if given; None if the evaluation lacks it."""
        found = self.metrics.get(metric)
        if attack is not None:
            found = found.get(attack) if isinstance(found, dict) else None
        return float(found) if isinstance(found, int | float) else None


@dataclasses.dataclass(frozen=True)
class Spread:
    """A figure over seeds: mean, deviation (n − 1; None for one seed), and how many of the seeds have it."""

    mean: float
    deviation: float | None
    seeds: int
    of: int

    @property
    def figure(self) -> str:
        """Percent, mean ± deviation."""
        spread = "" if self.deviation is None else f" ± {fixed(100 * self.deviation, 2)}"
        return f"{fixed(100 * self.mean, 2)}{spread}"

    @property
    def lacking(self) -> str:
        """The number of seeds, if some have no figure."""
        return "" if self.seeds == self.of else f"{self.seeds} of {self.of} seeds"

    @property
    def text(self) -> str:
        """The figure, with the number of seeds if some have none."""
        return f"{self.figure} ({self.lacking})" if self.lacking else self.figure


class Evaluations:
    """All finished evaluations of a table.

    Args:
        storage: the folder of the runs. evaluations: every place of the table. faults: reasons of runs that failed.
        unit: frames, or recordings. resamples: draws of people.

    Attributes:
        judged: by (row, protocol, seed). gaps: the reasons of the places that have none.
        people: everyone in a test part, sorted; drawn: how often each is drawn (R, people).
    """

    def __init__(
        self,
        storage: Storage,
        evaluations: Sequence[RowEvaluation],
        faults: Mapping[str, str],
        unit: Unit,
        resamples: int,
    ) -> None:
        self.judged: dict[tuple[str, str, int], Judged] = {}
        self.gaps: dict[str, str] = {}
        for each in evaluations:
            reason = each.reason if each.evaluation is None else faults.get(each.evaluation)
            if each.evaluation is None or reason is not None:
                self.gaps[f"{each.row} / {each.protocol}, seed {each.seed}"] = str(reason)
            else:
                folder = Storage(storage.path(each.evaluation))
                self.judged[each.row, each.protocol, each.seed] = _judged(folder, each, unit)
        self.seeds = sorted({each.seed for each in evaluations})
        subjects = (each.scores.subjects or () for each in self.judged.values())
        self.people = sorted({person for people in subjects for person in people})
        self.drawn = people_drawn(max(len(self.people), 1), resamples)
        self._draws: dict[tuple[str, str, int], dict[str, Floats]] = {}

    def spread(self, row: str, protocols: Sequence[str], metric: str, attack: str | None = None) -> Spread | None:
        """A figure's mean over these protocols, seed by seed; with an attack, over those that test it."""
        values = []
        for seed in self.seeds:
            judged = [self.judged.get((row, protocol, seed)) for protocol in protocols]
            if any(each is None for each in judged):
                continue
            found = [each.figure(metric, attack) for each in judged if each is not None]
            known = [value for value in found if value is not None]
            if known and (attack is not None or len(known) == len(found)):
                values.append(statistics.fmean(known))
        if not values:
            return None
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return Spread(statistics.fmean(values), deviation, len(values), len(self.seeds))

    def difference(self, row: str, baseline: str, protocols: Sequence[str], metric: str) -> Difference | None:
        """How a row differs from the baseline, over the seeds that both have; None if a protocol has none."""
        paired = [self._paired(row, baseline, protocol, metric) for protocol in protocols]
        known = [each for each in paired if each is not None]
        return difference(known, len(self.people)) if known and len(known) == len(paired) else None

    def _paired(self, row: str, baseline: str, protocol: str, metric: str) -> Paired | None:
        seeds, draws = [], []
        for seed in self.seeds:
            places = [(name, protocol, seed) for name in (row, baseline)]
            if any(place not in self.judged for place in places):
                continue
            mine, other = (self.judged[place].figure(metric) for place in places)
            if mine is None or other is None:
                continue
            seeds.append(mine - other)
            draws.append(self._in_draws(places[0], metric) - self._in_draws(places[1], metric))
        return Paired(np.array(seeds), np.stack(draws)) if seeds else None

    def _in_draws(self, place: tuple[str, str, int], metric: str) -> Floats:
        """A metric in every draw of people (R,); not a number without people, or where the draws have none."""
        if place not in self._draws:
            judged = self.judged[place]
            self._draws[place] = self._resampled(judged) if judged.scores.subjects else {}
        return self._draws[place].get(metric, np.full(len(self.drawn), np.nan))

    def _resampled(self, judged: Judged) -> dict[str, Floats]:
        number = {person: place for place, person in enumerate(self.people)}
        subject = np.array([number[person] for person in judged.scores.subjects or ()])
        fixed_at = {name: judged.figure(f"threshold@{name}") for name in FIXED}
        thresholds = {name: value for name, value in fixed_at.items() if value is not None}
        return weighted(judged.scores, subject, self.drawn, thresholds)


def _judged(folder: Storage, each: RowEvaluation, unit: Unit) -> Judged:
    summary = read_summary(folder, EvaluationSummary)
    assert summary is not None and each.evaluation is not None, "the run is finished"
    video = summary["video"]  # None if every recording has one frame
    in_videos = unit == "video" and video is not None
    scores = read(folder.read(SCORES)).of(str(read_claim(folder)["identity"]["split"]))
    metrics: UnitMetrics = video if in_videos and video is not None else summary
    chosen = scores.videos() if in_videos else scores
    return Judged(each.row, each.protocol, each.seed, each.evaluation, metrics, chosen.score_set())
