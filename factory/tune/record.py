"""The state of a search, as our own JSON below OUT/search; the next driver uses nothing else.

Ray Tune could keep such a record, but as pickles: anybody who can write to OUT could run code in the process that
resumes the search. Every file here is created once, never changed, and only ever read as JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple, NotRequired, TypeAlias, TypedDict, TypeGuard

from difffas.errors import UserError
from factory.core.config import canonical_json
from factory.core.documents import JsonValue
from factory.run import Claim, read_claim, read_summary
from factory.run.reading import read_json
from factory.storage import Storage
from factory.train import TrainSummary, model_evaluation
from factory.train.recipes.classifier import FitClassifierConfig
from factory.tune.space import Parameters, SearchSpace, whole

RECORD = "search"  # folder
PROPOSED, RUNGS, STOPPED = (f"{RECORD}/{name}" for name in ("trials", "rungs", "stopped"))  # folders
REFUSED = "refused"  # folder: one line for each trial that cannot run
FIGURES = ("step", "loss", "auc", "d_eer")  # figures kept from a report
# Settings that may differ for equal trials.
PLACES = {"out", "corpus", "generated", "audit", "protocol", "backbone", "backbones", "resources"}
Figures: TypeAlias = dict[str, float | None]  # of one report, by names of FIGURES; None for one that is not finite
RAY_TUNE_S_ID = re.compile(rb"\b[0-9a-f]{8}\b")  # earlier versions named Optuna's trials so


class Result(TypedDict):
    """The keys of a trial's report that a search reads, as Ray Tune returns them; Ray Tune adds others of its own."""

    step: int
    loss: NotRequired[float]
    auc: NotRequired[float]
    d_eer: NotRequired[float]
    done: NotRequired[bool]  # whether ASHA stops the trial here


class Ended(NamedTuple):
    """A trial that is over: its last report, and the reason if it failed."""

    name: str
    parameters: Parameters
    metrics: Mapping[str, float | None]
    reason: str | None


def trial_names(count: int) -> list[str]:
    """The folders of all trials, in order."""
    return [f"{number:04d}" for number in range(1, count + 1)]


class Record:
    """The record of one search, in its output folder."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def ended(self, name: str, parameters: Parameters, fit: FitClassifierConfig) -> Ended | None:
        """How a trial with the settings `fit` ended; None if it has not ended or its folder holds another run."""
        folder = Storage(self._storage.path(f"trials/{name}"))
        summary = read_summary(folder, TrainSummary)
        if summary is not None and _same(read_claim(folder), fit):
            return Ended(name, parameters, model_evaluation(summary), None)
        if (reason := self.refusal(name)) is not None:
            return Ended(name, parameters, {}, reason)
        if self._storage.exists(f"{STOPPED}/{name}.json"):
            return Ended(name, parameters, self._figures(f"{STOPPED}/{name}.json"), None)
        return None

    def refusal(self, name: str) -> str | None:
        """Why a trial cannot run."""
        try:
            return self._storage.read(f"{REFUSED}/{name}.txt").decode(errors="replace")
        except FileNotFoundError:
            return None

    def refuse(self, name: str, reason: str) -> None:
        """Record that a trial can never run."""
        self._storage.create(f"{REFUSED}/{name}.txt", reason.encode())

    def stop(self, name: str, report: Result) -> None:
        """Record that a trial was stopped early after this report."""
        self._write(f"{STOPPED}/{name}.json", kept(report))

    def pass_rung(self, name: str, rung: int, report: Result) -> None:
        """Record a trial's first report at or past a rung."""
        self._write(f"{RUNGS}/{name}-{rung}.json", kept(report))

    def reports(self) -> list[tuple[str, Figures]]:
        """(trial, report) for all rungs that trials passed, lower rungs first."""
        found = [re.fullmatch(r"(\d{4,})-(\d{1,18})\.json", name) for name in self._storage.names(RUNGS)]
        passed = sorted((int(match[2]), match[1], match[0]) for match in found if match is not None)
        return [(trial, self._figures(f"{RUNGS}/{name}")) for _, trial, name in passed]

    def propose(self, name: str, parameters: Parameters, space: SearchSpace) -> Parameters:
        """Record a new trial's parameters; return the valid ones, which another driver may have recorded first."""
        self._write(f"{PROPOSED}/{name}.json", {"parameters": parameters})
        return self._proposed(name, space)

    def proposed(self, space: SearchSpace) -> dict[str, Parameters]:
        """The recorded parameters, by trial."""
        names = (re.fullmatch(r"(\d{4,})\.json", name) for name in self._storage.names(PROPOSED))
        return {match[1]: self._proposed(match[1], space) for match in names if match is not None}

    def check_version(self) -> None:
        """Refuse a search whose trials are known only from Ray Tune's own record, which is never read.

        Raises:
            UserError: if an earlier version let Optuna propose trials here, whose folders have Ray Tune's names.
        """
        for name in self._storage.names(RECORD):
            if not re.fullmatch(r"experiment_state-.*\.json", name):
                continue
            for trial in sorted(set(RAY_TUNE_S_ID.findall(self._storage.read(f"{RECORD}/{name}")))):
                if self._storage.exists(f"trials/{trial.decode()}/run.json"):
                    raise UserError(
                        f"{self._storage.url} holds a search with Optuna of an earlier version, whose record is a "
                        f"pickle and is not read: begin it again in another out folder"
                    )

    def _proposed(self, name: str, space: SearchSpace) -> Parameters:
        file = f"{PROPOSED}/{name}.json"
        mend = "bring it back from a copy, or begin again in another out folder"
        found = read_json(self._storage, file, mend).get("parameters")
        known = dict(space.varied())
        if not isinstance(found, dict) or found.keys() != known.keys() or not all(map(_number, found.values())):
            raise UserError(f"{self._storage.path(file)} is corrupt: {mend}")
        for key, value in found.items():
            allowed = known[key]
            if value not in allowed.choices if allowed.choices else not allowed.least <= value <= allowed.most:
                raise UserError(f"{self._storage.path(file)}: {key} {value:g} is not of search.{key}: {mend}")
        return {key: whole(key, found[key]) for key in known}

    def _figures(self, file: str) -> Figures:
        mend = "delete it and run the command again"
        found = read_json(self._storage, file, mend)
        figures = {key: value for key, value in found.items() if value is None or _number(value)}
        if figures.get("step") is None or len(figures) < len(found):
            raise UserError(f"{self._storage.path(file)} is corrupt: {mend}")
        return figures

    def _write(self, name: str, value: Mapping[str, JsonValue]) -> None:
        self._storage.create(name, canonical_json(value).encode() + b"\n")


def kept(report: Mapping[str, object]) -> Figures:
    """The kept part of a report from Ray Tune, checked, without the host names, times and settings that it adds."""
    given = {name: report[name] for name in FIGURES if name in report}
    return {name: value if _number(value) else None for name, value in given.items()}


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _same(claim: Claim, fit: FitClassifierConfig) -> bool:
    """Whether a folder has these settings; OUT/run.json covers other differences, such as the inputs' contents."""
    mine, its = fit.model_dump(mode="json"), claim.get("config")
    return isinstance(its, dict) and all(mine[name] == its.get(name) for name in mine if name not in PLACES)
