from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from factory import generate, tune
from factory.core.config import build, load
from factory.generate import GenerateConfig
from factory.run import read_summary, run_fingerprint
from factory.storage import Storage
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes.classifier import FitClassifierConfig
from factory.tune import ranking
from factory.tune.record import Record
from factory.tune.settings import TuneConfig
from factory.tune.space import draw
from factory.tune.trials import _how
from tests.factory.tune.summaries import trials
from tests.planted import SEARCH, TRAINING, loaded, plant
from tests.searches import TRAIN, settings


def test_the_best_has_come_to_its_end_and_the_earlier_of_two_equals_is_it() -> None:
    assert [trial["trial"] for trial in ranking(trials(), "auc")] == ["0004", "0005", "0001"]
    assert [trial["trial"] for trial in ranking(trials(), "d_eer")] == ["0001", "0004", "0005"]  # the metric's way


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fit": {"train": {**TRAIN, "evaluate_every": None}}}, "set fit.train.evaluate_every"),
        ({"fit": {"generated": None}, "search": {"t0_max": [160, 170]}}, "search.t0_max chooses among generated"),
        ({"fit": {"out": "there"}}, "fit.out follows from out"),
        ({"fit": {"held_out": "deb"}}, "split 'deb' lacks live faces or attacks"),
        ({"fit": {"backbne": "resnet18"}}, "unknown config key 'fit.backbne'; did you mean 'backbone'"),
        ({"fit": {"loss": {"name": "focal"}}}, "loss 'focal' has no parameter 'live_margin'"),
        ({"search": {}}, "nothing to search"),
        (
            {"search": {"style_weights": {"prnt": [1, 2]}}},
            "search.style_weights.prnt: sampling.style_weights: no row has",
        ),
        ({"search": {"style_weights": {"print": [0, 2]}}}, "print 0.0 must be a number above 0"),
        ({"search": {"scale": {"choices": [30, 45, 0]}}}, "search.scale: config key 'loss': scale 0.0 must be"),
        ({"search": {"spoof_margin": [-0.1, 0.5]}}, "spoof_margin -0.1 must be a number, 0 or more"),
        ({"search": {"generated_share": [0.5, 1]}}, "search.generated_share: config key 'sampling.generated_share': "),
        ({"grace_steps": 9}, "grace_steps 9 is beyond fit.train.steps 8"),
        ({"regenerate": 1}, "regenerate 1 needs fit.generated to be a folder that `difffas generate` wrote"),
        ({"searcher": "grid"}, "searcher"),
    ],
)
def test_mistakes_are_one_line_before_anything_is_written(
    corpora: Path, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        tune.run(build(TuneConfig, settings(corpora, tmp_path / "out", **given)))
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_without_optuna_the_line_says_how_to_get_it(
    corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"searcher optuna is not installed: pip install .*\[optuna\]"):
        tune.run(build(TuneConfig, settings(corpora, tmp_path / "out", searcher="optuna")))


def test_the_fingerprint_has_what_decides_the_trials_and_nothing_else(corpora: Path) -> None:
    def fingerprint(**given: Any) -> str:
        identity, decisive = tune._checked(build(TuneConfig, settings(corpora, "out", **given)))
        return run_fingerprint("tune", {**decisive, "fit": identity})

    same = fingerprint()
    workers = {"fit": {"resources": {"workers": 2, "gpus_per_worker": 0}}}
    for given in ({"concurrent": 7}, workers, {"grace_steps": 2}):
        assert fingerprint(**given) == same
    others: list[dict[str, Any]] = [
        {"trials": 3},
        {"seed": 1},
        {"search": {"live_margin": [0.1, 0.4]}},
        {"metric": "d_eer"},
        {"searcher": "optuna"},
        {"reduction": 2},
        {"grace_steps": 3},
        {"fit": {"train": {**TRAIN, "steps": 9}}},
        {"fit": {"sampling": {"generated_share": 0.5}}},
        {"fit": {"held_out": "test"}},
    ]
    assert len({same, *(fingerprint(**given) for given in others)}) == 1 + len(others)


@pytest.mark.soak
def test_a_search_goes_past_what_fails_and_generates_the_best_again(
    corpora: Path, tmp_path: Path, ray_local: None, capfd: pytest.CaptureFixture[str]
) -> None:
    made = {
        "inputs": {"live": f"{corpora}/real", "guides": f"{corpora}/real", "generator": "dummy"},
        "out": f"{tmp_path}/spoofs",
        "plan": {"samples": 24},
        "sampler": {"steps": 3, "t0": [50, 300], "cfg_scale": [1, 3], "batch_size": 4},
        "resources": {"gpus_per_generator": 0, "threads": 1},
    }
    generate.run(build(GenerateConfig, made))
    given = settings(
        corpora,
        tmp_path / "search",
        fit={
            "generated": f"{tmp_path}/spoofs",
            "resources": {"gpus_per_worker": 0, "threads": 1, "workers": 2, "max_failures": 0},
        },
        search={"t0_max": {"choices": [40, 200, 300]}, "generated_share": [0.2, 0.6]},  # no row has T₀ ≤ 40
        trials=4,
        regenerate=1,
        grace_steps=2,
        reduction=2,
    )
    found = tune.run(build(TuneConfig, given))
    assert "difffas-tune-" not in "".join(capfd.readouterr()), "the folder of Ray's own is gone by now"
    drawn = [draw(build(TuneConfig, given).search, 0, number) for number in range(4)]
    assert [trial["parameters"] for trial in found["trials"]] == drawn
    for trial in found["trials"]:
        if trial["parameters"]["t0_max"] == 40:
            assert (trial["status"], trial["rows"], trial["auc"]) == ("failed", 0, None)
            assert trial["reason"] is not None and trial["reason"].startswith(
                "fit.generated: no row of split 'train' passes generated_rows"
            )
        else:
            assert trial["status"] in ("finished", "stopped")
            assert trial["auc"] is not None and 0 <= trial["auc"] <= 1
            assert trial["step"] is not None and trial["step"] <= 8
    assert {trial["status"] for trial in found["trials"]} >= {"failed", "finished"}
    best = next(trial for trial in found["trials"] if trial["trial"] == found["best"])
    (again,) = found["regenerated"]
    assert again["t0"] == [50, best["parameters"]["t0_max"]]
    assert again["rows"] == {"filtered": best["rows"], "regenerated": 24}
    assert again["metric"]["filtered"] == best["auc"]
    for verb, model in (("generate", GenerateConfig), ("fit_classifier", FitClassifierConfig)):
        config: Any = load(model, f"{tmp_path}/search/best/{verb}.yaml")
        station: Any = {"generate": generate, "fit_classifier": fit_classifier}[verb]
        assert station.run(config) == read_summary(Storage(config.out))  # it is what was run
    assert {"trials.md", "trials.csv", "trials.svg"} <= {path.name for path in (tmp_path / "search").iterdir()}
    assert tune.run(build(TuneConfig, given)) == found


@pytest.mark.soak
def test_optuna_proposes_within_the_values_for_corpora_by_relative_paths(
    corpora: Path, tmp_path: Path, ray_local: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna")
    monkeypatch.chdir(corpora)
    search = {"live_margin": [0.1, 0.5], "t0_max": {"choices": [160, 170]}, "learning_rate": [1e-4, 1e-2]}
    given = settings(".", tmp_path / "search", searcher="optuna", search=search, concurrent=1)
    found = tune.run(build(TuneConfig, given))
    assert len({trial["trial"] for trial in found["trials"]}) == 2
    for trial in found["trials"]:
        assert 0.1 <= trial["parameters"]["live_margin"] <= 0.5
        assert trial["parameters"]["t0_max"] in (160, 170)
        assert trial["status"] in ("finished", "stopped")


@pytest.mark.soak
@pytest.mark.parametrize("searcher", ["random", "optuna"])
def test_no_pickle_in_a_search_s_folder_is_ever_loaded(
    corpora: Path, tmp_path: Path, ray_local: None, searcher: str
) -> None:
    """One in every place where Ray Tune, or Ray Train in a trial, would look for its state."""
    if searcher == "optuna":
        pytest.importorskip("optuna")
    out, markers = tmp_path / "search", tmp_path / "markers"
    plant(out, SEARCH, markers)
    for trial in ("0001", "0002"):
        plant(out, TRAINING, markers, f"trials/{trial}")
    given = settings(corpora, out, searcher=searcher, grace_steps=2, reduction=2)
    config = build(TuneConfig, given)
    found = tune.run(config)
    assert loaded(markers) == []
    assert [trial["trial"] for trial in found["trials"]] == ["0001", "0002"]
    assert {trial["status"] for trial in found["trials"]} <= {"finished", "stopped"}
    assert all(0 <= (trial["auc"] or -1.0) <= 1 and trial["rows"] == 24 for trial in found["trials"])
    if searcher == "random":
        assert [trial["parameters"] for trial in found["trials"]] == [draw(config.search, 0, n) for n in range(2)]
    noted = {path.stem: path.read_bytes() for path in (out / "search" / "trials").glob("*.json")}
    assert sorted(noted) == ([] if searcher == "random" else ["0001", "0002"])
    assert Record(Storage(str(out))).reports()  # of both rungs: our record is beside the planted files


@pytest.mark.parametrize(
    ("steps", "every", "grace_steps", "rungs"),
    [(40, 20, None, [10]), (8, 2, 2, [2, 6]), (60, 3, 60, None), (40, 20, 30, None), (5000, 250, None, [1250, 3750])],
)
def test_no_rung_is_met_at_the_last_step(
    corpora: Path, steps: int, every: int, grace_steps: int | None, rungs: list[int] | None
) -> None:
    """There a trial that is stopped would have been trained to its end for nothing."""
    train = {**TRAIN, "steps": steps, "evaluate_every": every}
    scheduler = _how(
        build(TuneConfig, settings(corpora, "out", fit={"train": train}, grace_steps=grace_steps))
    ).scheduler
    found = None if scheduler is None else sorted(rung for rung, _ in scheduler._brackets[0]._rungs)
    assert found == rungs
