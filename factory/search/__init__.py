"""The trials of a search on Ray Tune: each a Ray Train run in OUT/trials/NAME, which ends early if ASHA says so.

What a killed search needs to go on is in two places. Ray Tune keeps which trials there are in OUT/search; a trial's
weights and curve are in its own folder, where the training takes them up by itself.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from factory.progress import say
from factory.search.space import Parameters, draw, located, optuna_space, settings_of, whole
from factory.storage import Storage

if TYPE_CHECKING:
    from factory.tune import TuneConfig

STATE = "search"  # Ray Tune's folder
REFUSED = "refused"  # folder: one line of each trial that cannot run
NEXT_TO_NOTHING = {"memory": 1}  # bytes: a trial's own process only waits; its workers may need every CPU there is
BEST = {"auc": max, "d_eer": min}  # which value of a metric is the best


class Ended(NamedTuple):
    """A trial that is over: what it last reported, and why it failed if it did."""

    name: str
    parameters: Parameters
    metrics: dict[str, Any]
    reason: str | None


def search(storage: Storage, config: TuneConfig) -> list[Ended]:
    """Run all trials, or what a killed search left of them."""
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1")  # a killed driver finds its trials where they stood
    from ray import tune

    from factory.train.checkpoints import ray_storage

    given = {"out": storage.url, "fit": located(config.fit).model_dump(mode="json")}
    trainable = tune.with_resources(tune.with_parameters(run_trial, given=given), NEXT_TO_NOTHING)
    place = ray_storage(storage.url)
    path, filesystem = f"{place['storage_path']}/{STATE}", place.get("storage_filesystem")
    if tune.Tuner.can_restore(path, storage_filesystem=filesystem):
        tuner = tune.Tuner.restore(path, trainable, resume_errored=True, storage_filesystem=filesystem)
    else:
        tuner = tune.Tuner(
            trainable,
            param_space=_space(config),
            tune_config=_how(config),
            run_config=tune.RunConfig(
                name=STATE,
                failure_config=tune.FailureConfig(max_failures=1),  # of a trial's own process; workers have theirs
                verbose=0,
                **place,
            ),
        )
    # Ray Tune puts a trial that it tried twice behind the others.
    return sorted((_ended(storage, result) for result in tuner.fit()), key=lambda ended: ended.name)


def grace(config: TuneConfig) -> int:
    """Steps before ASHA's first rung."""
    return config.grace_steps or math.ceil(config.fit.train.steps / 4)


def _space(config: TuneConfig) -> dict[str, Any]:
    """The random search draws by itself, so that a trial follows from the seed whatever version of Ray runs it."""
    from ray import tune

    if config.searcher == "optuna":
        return {"parameters": optuna_space(config.search)}
    drawn = [draw(config.search, config.seed, trial) for trial in range(config.trials)]
    named = [{"name": f"{number:04d}", "parameters": each} for number, each in enumerate(drawn, start=1)]
    return {"trial": tune.grid_search(named)}


def _how(config: TuneConfig) -> Any:
    from ray import tune

    train, first = config.fit.train, grace(config)
    last = (train.steps - 1) // (train.evaluate_every or 1) * (train.evaluate_every or 1)  # look before the end
    facts: dict[str, Any] = {"num_samples": 1}
    if config.searcher == "optuna":
        from ray.tune.search.optuna import OptunaSearch

        facts = {"num_samples": config.trials, "search_alg": OptunaSearch(seed=config.seed)}
    return tune.TuneConfig(
        metric=config.metric,
        mode="max" if BEST[config.metric] is max else "min",
        max_concurrent_trials=config.concurrent,
        scheduler=_halving(first, last, config.reduction) if first <= last else None,
        trial_dirname_creator=_name,
        **facts,
    )


def _halving(first: int, last: int, reduction: int) -> Any:
    """ASHA with rungs at first·reductionᵏ steps up to `last`: a trial that came to its end brings its model home."""
    from ray.tune.schedulers import ASHAScheduler

    return ASHAScheduler("step", max_t=last, grace_period=first, reduction_factor=reduction, stop_last_trials=False)


def _name(trial: Any) -> str:
    """The folder of a trial: its number, or with Optuna the name that Ray Tune gave it."""
    return str(trial.config["trial"]["name"] if "trial" in trial.config else trial.trial_id)


def _parameters(config: dict[str, Any]) -> Parameters:
    found = config["trial"]["parameters"] if "trial" in config else config["parameters"]
    return {name: whole(name, value) for name, value in found.items()}


def run_trial(config: dict[str, Any], given: dict[str, Any]) -> None:
    """One trial: fit the classifier, telling Ray Tune of every evaluation. Runs in a process of its own."""
    from ray import tune
    from ray.tune.integration.ray_train import TuneReportCallback

    from factory.config import build
    from factory.fit_classifier import FitClassifierConfig, run
    from factory.train import model_evaluation

    name, parameters = Path(tune.get_context().get_trial_dir()).name, _parameters(config)
    say(f"tune: trial {name}: " + ", ".join(f"{key} {value:g}" for key, value in parameters.items()))
    storage = Storage(given["out"])
    if storage.exists(f"{REFUSED}/{name}.txt"):
        raise ValueError(storage.read(f"{REFUSED}/{name}.txt").decode())
    try:
        fit = settings_of(build(FitClassifierConfig, given["fit"]), parameters, storage.path(f"trials/{name}"))
        summary = run(fit.model_copy(update={"resources": _resources(fit)}), [TuneReportCallback()])
    except ValueError as error:  # the parameters' fault
        storage.create(f"{REFUSED}/{name}.txt", " ".join(str(error).split()).encode())
        raise
    # Once more: a trial that was killed after its last step has nothing left to report.
    last = summary["evaluations"][-1]
    tune.report({**last, **model_evaluation(summary), "step": last["step"], "loss": summary["loss"]})


def _resources(fit: Any) -> Any:
    """A report for each evaluation; and workers on CPUs read by themselves, or trials could starve one another."""
    from factory import cluster

    alone = not (fit.resources.gpus_per_worker and cluster.gpus_in_cluster())
    changed = {"checkpoint_every": fit.train.evaluate_every, **({"read_ahead": 0} if alone else {})}
    return fit.resources.model_copy(update=changed)


def _ended(storage: Storage, result: Any) -> Ended:
    name = Path(result.path).name
    refused = f"{REFUSED}/{name}.txt"
    reason = None
    if storage.exists(refused):
        reason = storage.read(refused).decode()
    elif result.error is not None:
        reason = " ".join([line for line in str(result.error).splitlines() if line.strip()][-1].split())
    return Ended(name, _parameters(result.config or {}), dict(result.metrics or {}), reason)
