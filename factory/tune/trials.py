"""The trials of a search on Ray Tune: each is a Ray Train run in OUT/trials/NAME that ASHA may stop early.

A killed search resumes from two places: the JSON of `record` holds the trials and their results; a trial's own folder
holds its weights and curve, from which the training resumes by itself. Ray Tune's own files are pickles. They are in
a folder that only this process's user can write to, and are deleted with the process.
"""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from difffas.errors import UserError
from factory.cluster.local_ray import variables
from factory.core.progress import say
from factory.storage import Storage
from factory.tune.record import Ended, Record, kept, trial_names
from factory.tune.space import Parameters, draw, located, settings_of, whole

if TYPE_CHECKING:
    from factory.train import TrainResources
    from factory.train.recipes.classifier import FitClassifierConfig
    from factory.tune.proposals import Optuna, Proposal, Proposals
    from factory.tune.settings import TuneConfig

NEXT_TO_NOTHING = {"memory": 1}  # bytes: a trial's own process only waits; its workers may need every CPU
BEST = {"auc": max, "d_eer": min}  # how to choose the best value of a metric


class Given(NamedTuple):
    """What every trial's process is told: the search's folder, and the settings common to all trials."""

    out: str
    fit: FitClassifierConfig


def search(storage: Storage, config: TuneConfig) -> list[Ended]:
    """Run all trials, or those that a killed search did not finish.

    Raises:
        UserError: if a file of the record is corrupt, or an earlier version's Optuna proposed trials here.
        KeyboardInterrupt: if the user ended the search.
    """
    record = Record(storage)
    begun = _begun(record, config)
    ended = {name: found for name, each in begun.items() if (found := _look(record, name, each, config))}
    given = {name: each for name, each in begun.items() if name not in ended}
    free = [name for name in trial_names(config.trials) if name not in begun]
    if given or free:
        from factory.tune.proposals import Proposals

        optuna = _optuna(record, config, begun, ended) if config.searcher == "optuna" else None
        for name, outcome in _run(storage, config, record, Proposals(given, free, optuna)).items():
            ended[name] = outcome
    return [ended[name] for name in sorted(ended)]


def grace(config: TuneConfig) -> int:
    """Steps before ASHA's first rung."""
    return config.grace_steps or math.ceil(config.fit.train.steps / 4)


def _begun(record: Record, config: TuneConfig) -> dict[str, Parameters]:
    """The known parameters by trial: of all trials in a random search, of the proposed trials with Optuna."""
    names = trial_names(config.trials)
    if config.searcher == "random":  # drawn here, so that the seed decides a trial with any version of Ray
        return {name: draw(config.search, config.seed, trial) for trial, name in enumerate(names)}
    record.check_version()
    proposed = record.proposed(config.search)
    return {name: proposed[name] for name in names if name in proposed}


def _look(record: Record, name: str, parameters: Parameters, config: TuneConfig) -> Ended | None:
    return record.ended(name, parameters, settings_of(config.fit, parameters, config.fit.out))


def _optuna(record: Record, config: TuneConfig, begun: dict[str, Parameters], ended: dict[str, Ended]) -> Optuna:
    """Optuna, told about the trials that are over."""
    from factory.tune.proposals import Optuna

    found = Optuna(record, config.search, config.metric, _mode(config), config.seed, len(begun))
    for name, outcome in ended.items():
        found.tell(name, outcome.parameters, outcome.metrics)
    return found


def _run(storage: Storage, config: TuneConfig, record: Record, proposals: Proposals) -> dict[str, Ended]:
    """Run trials on Ray Tune; return how they ended."""
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # it would end the search as if all trials had finished
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # Ray warns if there is no logger; one of three is enough
    from ray import tune
    from ray.tune.logger import JsonLoggerCallback

    from factory.tune.halving import Notes

    given = Given(storage.url, located(config.fit))
    how = _how(config)
    how.search_alg, how.num_samples = proposals, proposals.count
    if how.scheduler is not None:
        how.scheduler.remember(record.reports())
    with tempfile.TemporaryDirectory(prefix="difffas-tune-") as private:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(run_trial, given=given), NEXT_TO_NOTHING),
            tune_config=how,
            run_config=tune.RunConfig(
                name=Path(private).name,  # also names the folder in Ray's own, which two searches must not share
                storage_path=private,
                failure_config=tune.FailureConfig(max_failures=1),  # for a trial's own process; workers have their own
                callbacks=[Notes(record, rungs(config)), JsonLoggerCallback()],
                verbose=0,
            ),
        )
        with variables({"RAY_AIR_NEW_OUTPUT": "0"}):  # its table, which `verbose` leaves, names the private folder
            outcomes = [_ended(record, result, config) for result in tuner.fit()]
    return {outcome.name: outcome for outcome in outcomes}


def rungs(config: TuneConfig) -> list[int]:
    """The steps at which ASHA compares, ascending; the last step is excluded: stopping there would save nothing."""
    every = config.fit.train.evaluate_every or 1
    last = (config.fit.train.steps - 1) // every * every
    found, rung = [], grace(config)
    while rung <= last:
        found.append(rung)
        rung *= config.reduction
    return found


def _mode(config: TuneConfig) -> str:
    return "max" if BEST[config.metric] is max else "min"


def _how(config: TuneConfig) -> Any:
    from ray import tune

    from factory.tune.halving import Rungs, name_of

    return tune.TuneConfig(
        max_concurrent_trials=config.concurrent,
        scheduler=Rungs(config.metric, _mode(config), rungs(config), config.reduction) if rungs(config) else None,
        trial_dirname_creator=name_of,
    )


def run_trial(config: Proposal, given: Given) -> None:
    """One trial: fit the classifier and report every evaluation to Ray Tune. Runs in its own process."""
    from ray import tune
    from ray.tune.integration.ray_train import TuneReportCallback

    from factory.train import model_evaluation
    from factory.train.recipes.classifier import run

    name = config["trial"]["name"]
    parameters = {key: whole(key, value) for key, value in config["trial"]["parameters"].items()}
    say(f"tune: trial {name}: " + ", ".join(f"{key} {value:g}" for key, value in parameters.items()))
    storage = Storage(given.out)
    record = Record(storage)
    if (reason := record.refusal(name)) is not None:
        raise UserError(reason)
    try:
        fit = settings_of(given.fit, parameters, storage.path(f"trials/{name}"))
        summary = run(fit.model_copy(update={"resources": _resources(fit)}), [TuneReportCallback()])
    except UserError as error:  # the parameters' fault
        record.refuse(name, " ".join(str(error).split()))
        raise
    # Report once more: a trial that was killed after its last step has nothing left to report.
    last = summary["evaluations"][-1]
    tune.report({**last, **model_evaluation(summary), "step": last["step"], "loss": summary["loss"]})


def _resources(fit: FitClassifierConfig) -> TrainResources:
    """Resources with one report per evaluation; CPU workers read by themselves, or trials could starve one another."""
    from factory import cluster

    alone = not (fit.resources.gpus_per_worker and cluster.gpus_in_cluster())
    changed = {"checkpoint_every": fit.train.evaluate_every, **({"read_ahead": 0} if alone else {})}
    return fit.resources.model_copy(update=changed)


def _ended(record: Record, result: Any, config: TuneConfig) -> Ended:
    """How a Ray Tune trial ended; `Notes` ensures that its error is text."""
    name, parameters = result.config["trial"]["name"], result.config["trial"]["parameters"]
    if (found := _look(record, name, parameters, config)) is not None:
        return found
    if result.error is None:  # neither finished nor stopped: Ray Tune was told to end
        raise KeyboardInterrupt
    reason = " ".join([line for line in str(result.error).splitlines() if line.strip()][-1].split())
    return Ended(name, parameters, kept(result.metrics or {}), reason)
