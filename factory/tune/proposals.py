"""Choose the trials that Ray Tune runs next: given ones first, then those that Optuna proposes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict

import numpy as np
from ray.tune.search import Searcher

from factory.core import draws
from factory.tune.record import Record, Result
from factory.tune.space import Parameters, SearchSpace, optuna_space, whole


class NamedTrial(TypedDict):
    """A trial's name and parameters."""

    name: str
    parameters: Parameters


class Proposal(TypedDict):
    """The configuration of a Ray Tune trial."""

    trial: NamedTrial


class Optuna:
    """Optuna's study of one search. It learns of trials that ended; each proposal is recorded before it is tried.

    Args:
        count: number of trials proposed before. A new study draws other numbers than those trials got, still by the
            seed.
    """

    def __init__(self, record: Record, space: SearchSpace, metric: str, mode: str, seed: int, count: int) -> None:
        from ray.tune.search.optuna import OptunaSearch

        self._record, self._space, self._metric = record, space, metric
        number = int(draws.bits(np.array([count]), seed, "search", "optuna")[0] >> np.uint64(32))
        self._study = OptunaSearch(seed=number)
        self._study.set_search_properties(metric, mode, optuna_space(space))
        self._asked: set[str] = set()  # trials that the study itself knows

    def propose(self, name: str) -> Parameters:
        """The parameters of a new trial."""
        found = {key: whole(key, value) for key, value in self._study.suggest(name).items()}
        stands = self._record.propose(name, found, self._space)
        if stands == found:
            self._asked.add(name)
        return stands

    def report(self, name: str, result: Result) -> None:
        """Handle an intermediate report of a trial."""
        if name in self._asked:
            self._study.on_trial_result(name, result)

    def tell(
        self,
        name: str,
        parameters: Parameters,
        result: Result | Mapping[str, float | None] | None,
        error: bool = False,
    ) -> None:
        """How a trial ended: with the result that Ray Tune hands on, or with the figures in the record."""
        if name in self._asked:
            self._study.on_trial_complete(name, result, error)
        elif isinstance(value := (result or {}).get(self._metric), int | float) and math.isfinite(value):
            self._study.add_evaluated_point(parameters, float(value))


class Proposals(Searcher):  # type: ignore[misc]
    """The trials of `given`, in this order, then new ones under the names of `free`."""

    def __init__(self, given: dict[str, Parameters], free: list[str], optuna: Optuna | None) -> None:
        super().__init__()
        self._given, self._free, self._optuna = list(given.items()), list(free), optuna
        self._trials: dict[str, tuple[str, Parameters]] = {}  # by Ray Tune's identifier
        self.count = len(given) + len(free)

    def suggest(self, trial_id: str) -> Proposal | str:
        """The next trial's configuration."""
        if self._given:
            name, parameters = self._given.pop(0)
        elif self._free and self._optuna is not None:
            name = self._free.pop(0)
            parameters = self._optuna.propose(name)
        else:
            return str(Searcher.FINISHED)
        self._trials[trial_id] = name, parameters
        return {"trial": {"name": name, "parameters": parameters}}

    def on_trial_result(self, trial_id: str, result: Result) -> None:
        """A report."""
        if self._optuna is not None:
            self._optuna.report(self._trials[trial_id][0], result)

    def on_trial_complete(self, trial_id: str, result: Result | None = None, error: bool = False) -> None:
        """A trial is over."""
        if self._optuna is not None:
            self._optuna.tell(*self._trials[trial_id], result, error)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the record has everything, and Ray Tune would save a pickle."""

    def restore(self, checkpoint_path: str) -> None:
        """Ray Tune never calls this, because it never restores our searches."""
        raise NotImplementedError("a search goes on from its record")
