"""Do the spoofs help? HTER of classifiers trained with them minus that of classifiers trained without, by people."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from difffas.metrics import ScoreSet
from difffas.metrics.rates import rows
from factory.evaluate import EvaluationSummary
from factory.evaluate.scores import SCORES, read
from factory.report.sections import Folder

# Thresholds that are fixed before the test set is seen: name in the summary, and in words. The first known one counts.
THRESHOLDS = {"dev_eer": "dev EER", "0.5": "0.5"}
RESAMPLES, LEVEL = 1000, 95  # draws of people; percent of them within the interval
COMPUTABLE = 0.9  # the interval needs a difference in at least this share of the draws
OF_SPOOFS = ("generated", "audit", "generated_rows")  # settings of a training that say which spoofs it had


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Mean HTER with and without the spoofs, as fractions of 1, at one threshold and in one unit.

    Attributes:
        interval: 95 % percentile interval of the difference over draws of test people; None if people are unknown.
        people: number of test people; None if unknown.
        classifiers: how many were trained with the spoofs, and how many without.
        differences: other settings in which the two kinds of training differ.
    """

    threshold: str
    unit: str
    with_spoofs: float
    without: float
    interval: tuple[float, float] | None
    people: int | None
    classifiers: tuple[int, int]
    differences: list[str]

    @property
    def difference(self) -> float:
        """HTER with the spoofs minus HTER without; negative if they help."""
        return self.with_spoofs - self.without


@dataclasses.dataclass(frozen=True)
class _Judged:
    """A classifier's training and its evaluation."""

    model: Folder
    evaluation: Folder
    summary: EvaluationSummary

    @property
    def place(self) -> str:
        """What was evaluated: only equal places are compared."""
        identity = self.evaluation.claim["identity"]
        return json.dumps([identity.get(name) for name in ("corpus", "split", "dev_split", "audit")])

    def hter(self, unit: str, threshold: str) -> float | None:
        """HTER at a threshold; None if the evaluation has none."""
        found = self._metrics(unit).get(f"hter@{threshold}")
        return float(found) if isinstance(found, int | float) else None

    def scores(self, unit: str) -> ScoreSet:
        """The scores of the test split."""
        split = str(self.evaluation.claim["identity"]["split"])
        found = read(self.evaluation.storage.read(SCORES)).of(split)
        return (found.videos() if unit == "videos" else found).score_set()

    def threshold(self, unit: str, name: str) -> float:
        """The score from which a face is accepted."""
        found = self._metrics(unit).get(f"threshold@{name}")
        assert isinstance(found, int | float), "there is an HTER at it"
        return float(found)

    def _metrics(self, unit: str) -> Mapping[str, object]:
        video = self.summary.get("video")
        return video if unit == "videos" and video else self.summary


def compare(evaluations: Mapping[str, Folder], models: Mapping[str, Folder], generated: str) -> Comparison | None:
    """Compare evaluations of classifiers among `models` that had the spoofs with those that had no generated faces.

    `generated` is the digest of the corpus of spoofs. Evaluations are compared if they judge the same corpus, split
    and unit; the first such corpus counts. None without one of each kind.
    """
    trained = {folder.claim["fingerprint"]: folder for folder in models.values()}
    places: dict[str, tuple[list[_Judged], list[_Judged]]] = {}
    for folder in evaluations.values():
        model = trained.get(str(folder.claim["identity"].get("classifier")))
        had = None if model is None else model.claim["identity"].get("generated", "no classifier of ours")
        if model is None or had not in (generated, None):
            continue
        judged = _Judged(model, folder, folder.figures(EvaluationSummary))
        places.setdefault(judged.place, ([], []))[0 if had == generated else 1].append(judged)
    found = next((pair for pair in places.values() if all(pair)), None)
    return None if found is None else _compared(*found)


def _compared(having: Sequence[_Judged], lacking: Sequence[_Judged]) -> Comparison | None:
    every = [*having, *lacking]
    unit = "videos" if all(each.summary.get("video") for each in every) else "frames"
    for name, words in THRESHOLDS.items():
        mine, other = ([each.hter(unit, name) for each in kind] for kind in (having, lacking))
        known = [value for value in (*mine, *other) if value is not None]
        if len(known) < len(every):
            continue
        interval, people = _interval(having, lacking, unit, name)
        return Comparison(
            threshold=words,
            unit=unit,
            with_spoofs=float(np.mean(known[: len(mine)])),
            without=float(np.mean(known[len(mine) :])),
            interval=interval,
            people=people,
            classifiers=(len(mine), len(other)),
            differences=_differences(having, lacking),
        )
    return None


def _interval(
    having: Sequence[_Judged], lacking: Sequence[_Judged], unit: str, threshold: str
) -> tuple[tuple[float, float] | None, int | None]:
    """The interval of the difference, all classifiers judged in every draw on the same people; and their number."""
    every = [(each.scores(unit), each.threshold(unit, threshold)) for each in (*having, *lacking)]
    names = sorted({name for scores, _ in every for name in scores.subjects or ()})
    if any(scores.subjects is None for scores, _ in every):
        return None, None
    if len(names) < 2:
        return None, len(names)
    drawn = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    number = {name: place for place, name in enumerate(names)}
    rates = [_in_draws(scores, at, number, drawn) for scores, at in every]
    split = len(having)
    differences = np.mean(rates[:split], axis=0) - np.mean(rates[split:], axis=0)
    known = differences[np.isfinite(differences)]
    if len(known) < COMPUTABLE * RESAMPLES:
        return None, len(names)
    tail = (100 - LEVEL) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return (float(low), float(high)), len(names)


def _in_draws(
    scores: ScoreSet, threshold: float, number: Mapping[str, int], drawn: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """HTER of every draw (R,), all attacks pooled; NaN where a draw lacks a class."""
    values, spoof = rows(scores.scores, scores.labels)
    person = np.array([number[name] for name in scores.subjects or ()])
    faults = ~spoof & (values < threshold), spoof & (values >= threshold)
    counts = [np.bincount(person[mask], minlength=len(number)) for mask in (*faults, ~spoof, spoof)]  # 4, people
    rejected, accepted, lives, spoofs = (drawn @ np.stack(counts, axis=1)).T
    with np.errstate(invalid="ignore", divide="ignore"):
        rates: npt.NDArray[np.float64] = (rejected / lives + accepted / spoofs) / 2
    return rates


def _differences(having: Sequence[_Judged], lacking: Sequence[_Judged]) -> list[str]:
    """Settings, besides those of the spoofs, whose values in the two kinds of training are not the same."""

    def values(kind: Sequence[_Judged], name: str) -> set[str]:
        found = [each.model.claim["identity"].get(name) for each in kind]
        if name == "sampling":  # a share of generated faces is needed, and possible, only with them
            found = [{**one, "generated_share": None} if isinstance(one, dict) else one for one in found]
        return {json.dumps(one, sort_keys=True) for one in found}

    names = {name for each in (*having, *lacking) for name in each.model.claim["identity"]}
    differing = [n for n in sorted(names.difference(OF_SPOOFS)) if values(having, n) != values(lacking, n)]
    return [name.replace("_", " ") for name in differing]
