"""ASHA with a memory: it identifies trials by our names and knows what earlier drivers' trials reported at rungs."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from ray.tune import Callback
from ray.tune.schedulers import ASHAScheduler

from factory.tune.record import Figures, Record, Result


class Rungs(ASHAScheduler):  # type: ignore[misc]
    """ASHA with rungs at these steps, each `reduction` times the previous one.

    It stops no trial past the last rung: a trial that reaches its last step commits its model.
    """

    def __init__(self, metric: str, mode: str, rungs: list[int], reduction: int) -> None:
        # Ray counts the rungs by logarithms, where rounding may lose the last rung.
        ends = {"grace_period": rungs[0], "max_t": rungs[-1] * math.sqrt(reduction)}
        super().__init__("step", metric, mode, **ends, reduction_factor=reduction, stop_last_trials=False)

    def remember(self, reports: list[tuple[str, Figures]]) -> None:
        """Enter the reports of an earlier driver's trials at rungs, as if they were made now."""
        for name, report in reports:
            trial = SimpleNamespace(trial_id=name)
            if report.get(self.metric) is not None:
                super().on_trial_add(None, trial)
                super().on_trial_result(None, trial, report)

    # Ray Tune's identifier of a trial differs with every driver: a resumed trial would compete with itself.
    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """A trial begins."""
        super().on_trial_add(tune_controller, _named(trial))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Result) -> str:
        """Handle a report: continue or stop the trial."""
        return str(super().on_trial_result(tune_controller, _named(trial), result))

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Result) -> None:
        """A trial is over."""
        super().on_trial_complete(tune_controller, _named(trial), result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """A trial is over before it began."""
        super().on_trial_remove(tune_controller, _named(trial))


class Notes(Callback):  # type: ignore[misc]
    """Writes to the record the facts that the next driver needs; Ray Tune calls it after ASHA has decided."""

    def __init__(self, record: Record, rungs: list[int]) -> None:
        self._record, self._rungs = record, rungs
        self._passed: set[tuple[str, int]] = set()

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Result, **info: Any) -> None:
        """A report."""
        name = name_of(trial)
        rung = max((rung for rung in self._rungs if rung <= result["step"]), default=None)
        if rung is not None and (name, rung) not in self._passed:
            self._record.pass_rung(name, rung, result)
            self._passed.add((name, rung))
        if result.get("done"):
            self._record.stop(name, result)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A trial has failed for good: keep its reason as text, because Ray Tune would load the pickle next to it."""
        trial.run_metadata.pickled_error_filename = None

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A trial has failed and will be retried."""
        trial.run_metadata.pickled_error_filename = None


def name_of(trial: Any) -> str:
    """The folder name of a Ray Tune trial."""
    return str(trial.config["trial"]["name"])


def _named(trial: Any) -> SimpleNamespace:
    return SimpleNamespace(trial_id=name_of(trial))
