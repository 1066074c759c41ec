"""The training core with a toy recipe: undisturbed in this process, disturbed on real Ray Train."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.corpora import NoConfig
from difffas.errors import UserError
from factory.run import Run
from factory.train import (
    MODELS,
    TrainConfig,
    TrainResources,
    TrainSummary,
    check_out,
    check_resources,
    fit,
    model_evaluation,
)
from factory.train.optimisers import learning_rate
from tests.in_process import in_process
from tests.toy_recipe import toy_settings, worker

STEPS = 12


def train(folder: Path | str, train: dict[str, Any] | None = None, /, **given: Any) -> dict[str, Any]:
    """A run in `folder`; what is given goes to the resources by their names, the rest to the toy recipe."""
    config = TrainConfig(**{"steps": STEPS, "batch_size": 8, "learning_rate": 0.05, **(train or {})})
    fields = {"gpus_per_worker": 0, "threads": 1, "checkpoint_every": 4, **given}
    known = TrainResources.model_fields
    resources = TrainResources(**{name: value for name, value in fields.items() if name in known})
    accidents = {name: value for name, value in given.items() if name not in known}
    run = Run(str(folder), "toy", {"train": config.model_dump(mode="json")}, NoConfig())
    return dict(fit(run, worker, toy_settings(config, resources, **accidents)))


def weights(folder: Path) -> str:
    return (folder / "weights.txt").read_text()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: Any) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("train") / "undisturbed"
    with in_process():
        return folder, train(folder, read_ahead=0)


def test_it_learns_and_brings_the_model_home(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = undisturbed
    assert [point[0] for point in summary["curve"]] == list(range(1, STEPS + 1))
    assert summary["curve"][-1][1] < summary["curve"][0][1]
    assert summary["updates"] == summary["steps"] == STEPS
    assert summary["skipped"] == 0
    assert 0 <= summary["data_wait"] <= 1
    assert weights(folder)
    assert list((folder / "tensorboard").iterdir())


def test_running_again_is_a_no_op(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    folder, summary = undisturbed
    before = (folder / "summary.json").stat().st_mtime_ns
    assert train(folder) == summary
    assert (folder / "summary.json").stat().st_mtime_ns == before


@pytest.mark.soak
def test_a_crash_resumes_from_the_checkpoint_on_the_same_curve(
    undisturbed: tuple[Path, dict[str, Any]], ray_local: None, tmp_path: Path
) -> None:
    """The undisturbed run read its batches itself, in this process; this one reads ahead, on Ray."""
    folder, summary = undisturbed
    marker = tmp_path / "crashed"
    disturbed = train(tmp_path / "disturbed", accident="crash", accident_at=6, marker=str(marker))
    assert marker.read_text() == "4"  # the checkpoint before the crash
    assert disturbed["curve"] == summary["curve"]
    assert weights(tmp_path / "disturbed") == weights(folder)


@pytest.mark.soak
def test_momentum_survives_a_crash(ray_local: None, tmp_path: Path) -> None:
    sgd, marker = {"optimizer": "sgd", "learning_rate": 0.02}, str(tmp_path / "crashed")
    with in_process():
        calm = train(tmp_path / "calm", sgd, read_ahead=0)
    assert train(tmp_path / "run", sgd, accident="crash", accident_at=6, marker=marker)["curve"] == calm["curve"]
    assert weights(tmp_path / "run") == weights(tmp_path / "calm")


@pytest.mark.soak
def test_two_workers_make_the_weights_of_one(
    undisturbed: tuple[Path, dict[str, Any]], ray_local: None, tmp_path: Path
) -> None:
    train(tmp_path / "two", workers=2)
    (alone, _), (together, _) = (eval(weights(f)) for f in (undisturbed[0], tmp_path / "two"))
    assert together[0] == pytest.approx(alone[0], abs=1e-6)


def test_bad_steps_are_skipped_and_counted(here: None, tmp_path: Path) -> None:
    summary = train(tmp_path / "run", bad_steps=[2, 5, 6, 7, 8], read_ahead=0)
    assert summary["skipped"] == 5
    assert summary["updates"] == STEPS - 5
    assert [point[0] for point in summary["curve"]] == [1, 2, 4, 5, 10, 11, 12]


def test_five_bad_steps_in_a_row_end_the_run_and_name_the_keys(here: None, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"5 steps in a row, to step 9.*row-64, .*row-71\).*learning_rate") as error:
        train(tmp_path / "run", bad_steps=[*range(4, 12)], read_ahead=0)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run" / "summary.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_a_mistake_found_by_a_worker_ends_the_run_at_once(ray_local: None, tmp_path: Path, workers: int) -> None:
    """The accident happens once: a second attempt would come through."""
    given = {"accident": "mistake", "accident_at": 1, "marker": str(tmp_path / "m"), "max_failures": 3}
    with pytest.raises(ValueError, match="^a mistake of the user's$"):
        train(tmp_path / "run", workers=workers, **given)


@pytest.mark.soak
def test_a_bug_in_a_loss_is_loud(ray_local: None, tmp_path: Path) -> None:
    """It is no mistake of the user's, though NumPy and PyTorch raise their ValueErrors of it: exit status 1."""
    given = {"accident": "bug", "accident_at": 1, "marker": str(tmp_path / "m"), "max_failures": 0}
    with pytest.raises(Exception, match="operands could not be broadcast together") as caught:
        train(tmp_path / "run", **given)
    assert not isinstance(caught.value, UserError)


@pytest.fixture(scope="module")
def best(tmp_path_factory: Any) -> str:
    """Weights after six steps, which is when the third evaluation is."""
    folder: Path = tmp_path_factory.mktemp("best")
    with in_process():
        train(folder / "run", {"steps": 6}, read_ahead=0)
    return weights(folder / "run")


PATIENT = {"evaluate_every": 2, "patience": 2}


@pytest.mark.parametrize(
    "accident",
    [{}, pytest.param({"accident": "crash", "accident_at": 8, "checkpoint_every": 2}, marks=pytest.mark.soak)],
)
def test_patience_ends_a_run_that_no_longer_improves_and_keeps_the_best(
    best: str, tmp_path: Path, accident: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """Three evaluations are each better than the one before; after a crash the checkpoint knows the best weights."""
    given = {"best_evaluation": 3, "read_ahead": 0, "marker": str(tmp_path / "marker"), **accident}
    request.getfixturevalue("ray_local" if accident else "here")
    summary = train(tmp_path / "run", PATIENT, **given)
    assert (summary["steps"], summary["model_step"]) == (10, 6)
    assert [found["score"] for found in summary["evaluations"]][:4] == [1, 2, 3, 3]
    assert model_evaluation(cast(TrainSummary, summary))["step"] == 6
    assert weights(tmp_path / "run") == best


@pytest.mark.soak
def test_the_best_weights_are_sharded_like_the_last(best: str, ray_local: None, tmp_path: Path) -> None:
    given = {"best_evaluation": 3, "read_ahead": 0, "workers": 2, "parallel": "fsdp2"}
    assert train(tmp_path / "run", PATIENT, **given)["model_step"] == 6
    assert np.hstack([np.ravel(n) for n in eval(weights(tmp_path / "run"))]) == pytest.approx(
        np.hstack([np.ravel(n) for n in eval(best)]), abs=1e-6
    )


def test_another_configuration_may_not_take_up_the_checkpoint(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="belongs to another run"):
        train(undisturbed[0], {"weight_decay": 0.1})


def test_learning_rate_rises_then_holds_or_falls() -> None:
    config = TrainConfig(steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10)
    assert [learning_rate(config, step) for step in (0, 4, 9, 10, 99)] == [0.1, 0.5, 1.0, 1.0, 1.0]
    falling = TrainConfig(steps=110, batch_size=1, learning_rate=1.0, warmup_steps=10, cosine_decay=True)
    assert learning_rate(falling, 60) == pytest.approx(0.5)
    assert learning_rate(falling, 109) < 1e-3


@pytest.mark.parametrize(
    ("train", "resources", "message"),
    [
        ({}, {"workers": 3}, "batch_size 8 does not divide among 3 workers"),
        ({}, {"workers": 2, "accumulate": 8}, "choose a multiple of 16"),
        ({"patience": 2}, {}, "set train.evaluate_every"),
        ({}, {"activation_checkpointing": True}, "is for fit-generator"),
        ({}, {"trackers": ["nobody"]}, "'nobody' is unknown"),
    ],
)
def test_what_cannot_run_is_refused(train: dict[str, Any], resources: dict[str, Any], message: str) -> None:
    config = TrainConfig(steps=1, batch_size=8, learning_rate=1, **train)
    with pytest.raises(ValueError, match=message):
        check_resources(config, TrainResources(**resources))


def test_a_model_that_no_run_made_is_not_written_into(tmp_path: Path) -> None:
    """Its files would stay, since a file exists once: the new model would be mixed with it."""
    check_out(f"{tmp_path}/new")
    for name in MODELS:
        folder = tmp_path / name.replace("/", "-")
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("{}")
        with pytest.raises(UserError, match=rf"holds a model already \({name}\) and no run\.json: write to another"):
            check_out(str(folder))
    Run(str(folder), "toy", {}, NoConfig())
    check_out(str(folder))
