"""Losses as configurations, and that workers and parts change nothing about them. No Ray here."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.losses import LOSSES, RelativeQuality, RelativeQualitySSDG, relative_quality
from factory.cli import main
from factory.core.config import build, fingerprint
from factory.corpus import Corpus
from factory.train import TrainResources
from factory.train.batches import share
from factory.train.recipes.classifier import ClassifierObjective, FitClassifierConfig, classifier_recipe
from factory.train.recipes.losses import LossConfig, check_parts, is_live, make_loss
from factory.train.recipes.sampling import SamplingConfig
from tests.loss_batches import DOMAINS, LIVE, STYLES, Network, classifier_settings, curve, gradients, one_of_two
from tests.ports import free_port

# Sums in another order; AdamW's division makes more of it from step to step.
TOLERANCE = 1e-4
SIDE = 52  # pixels; its patches have 32, as many as the backbone takes at least
CASES: dict[str, dict[str, Any]] = {name: {"loss": name} for name in LOSSES} | {
    "rq-parts": {"loss": "rq", "accumulate": 2},
    "rq+patchnet-parts": {"loss": "rq+patchnet", "accumulate": 4},
    "rq+ssdg-fsdp2": {"loss": "rq+ssdg", "parallel": "fsdp2"},
    "ssdg-whole-fsdp2": {"loss": "ssdg-whole", "parallel": "fsdp2"},
    "rq+patchnet-whole-parts": {"loss": "rq+patchnet-whole", "accumulate": 2},
    "patchnet-whole-fsdp2": {"loss": "patchnet-whole", "parallel": "fsdp2"},
}
QUICK = ("rq-parts", "rq+ssdg", "rq+ssdg-whole", "ssdg-whole-fsdp2", "patchnet-whole")


def built(loss: Any) -> LossConfig:
    return build(FitClassifierConfig, {"corpus": "a", "out": "b", "loss": loss}).loss


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: Any) -> str:
    """Faces of four styles, some without a score."""
    folder: Path = tmp_path_factory.mktemp("losses") / "real"
    scores = np.random.default_rng(0).normal(30, 12, 100)
    rows = [
        dataclasses.replace(row, brisque=None if n % 9 == 4 else float(scores[n]))
        for n, row in enumerate(small_rows(subjects=4, captures=2, attacks=("print",), side=SIDE))
    ]
    write_corpus(folder, rows)
    return str(folder)


def two_workers(corpus: str, cases: dict[str, dict[str, Any]], out: Path) -> list[dict[str, Any]]:
    """What each of them found."""
    given = (free_port(), corpus, cases, str(out))
    torch.multiprocessing.spawn(one_of_two, given, nprocs=2)  # type: ignore[attr-defined, no-untyped-call]
    return [json.loads((out / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def together(corpus: str, tmp_path_factory: Any) -> list[dict[str, Any]]:
    """Gradients, and the curves of the quick cases."""
    return two_workers(corpus, {name: CASES[name] for name in QUICK}, tmp_path_factory.mktemp("two"))


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_two_workers_have_the_loss_and_gradient_of_one(together: list[dict[str, Any]], name: str) -> None:
    alone = gradients(name, Network(name), slice(None))
    halves = [facts["gradients"][name] for facts in together]
    assert np.mean([half["loss"] for half in halves]) == pytest.approx(alone["loss"], rel=1e-5)
    for half in halves:
        for found, wanted in zip(half["gradients"], alone["gradients"], strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert max(np.abs(gradient).max() for gradient in map(np.array, alone["gradients"])) > 1e-2


@pytest.mark.parametrize("name", ["adaface", "ssdg", "rq", "rq+ssdg", "rq+patchnet", "ssdg-whole", "rq+ssdg-whole"])
def test_a_worker_that_looked_at_its_share_alone_would_be_noticed(name: str) -> None:
    """The batch of the test above is such that its halves differ from it."""
    whole = gradients(name, Network(name), slice(None))
    halves = [gradients(name, Network(name), rows) for rows in (slice(0, 6), slice(6, 12))]
    apart = [np.abs(np.mean(pair, axis=0) - wanted).max() for *pair, wanted in _pairs(halves, whole)]
    assert max(apart) > 1e-3


def _pairs(halves: list[dict[str, Any]], whole: dict[str, Any]) -> Any:
    return zip(*(half["gradients"] for half in halves), whole["gradients"], strict=True)


@pytest.mark.parametrize("case", QUICK)
def test_two_workers_train_as_one(together: list[dict[str, Any]], corpus: str, case: str) -> None:
    alone = curve(classifier_settings(corpus, CASES[case]["loss"]))
    for facts in together:
        np.testing.assert_allclose(facts["curves"][case], alone, rtol=TOLERANCE)


@pytest.mark.soak
def test_two_workers_train_as_one_on_every_loss(corpus: str, tmp_path: Path) -> None:
    for facts in two_workers(corpus, CASES, tmp_path):
        for case, given in CASES.items():
            alone = curve(classifier_settings(corpus, given["loss"]))
            np.testing.assert_allclose(facts["curves"][case], alone, rtol=TOLERANCE, err_msg=case)


@pytest.mark.parametrize("name", ["cross-entropy", "patchnet", "rq", "rq+patchnet-whole"])
def test_one_worker_in_parts_trains_as_in_one(corpus: str, name: str) -> None:
    in_parts = curve(classifier_settings(corpus, name, accumulate=4))
    np.testing.assert_allclose(in_parts, curve(classifier_settings(corpus, name)), rtol=TOLERANCE)


@pytest.mark.parametrize("name", ["adaface", "rq", "rq+ssdg"])
def test_bfloat16_changes_a_loss_a_little(corpus: str, name: str) -> None:
    given = classifier_settings(corpus, name)
    wide = curve(given)
    narrow = curve(dataclasses.replace(given, train=given.train.model_copy(update={"precision": "bfloat16"})))
    assert narrow != wide
    np.testing.assert_allclose(narrow, wide, rtol=0.05)


def test_quality_is_that_within_the_whole_batch(corpus: str) -> None:
    recipe = classifier_recipe(classifier_settings(corpus, "rq"))
    scores = recipe.reader(0, 1)(5)["brisque"]
    wanted = relative_quality(torch.tensor(scores))
    counters = share(5, 8, 0, 1)
    objective = recipe.objective
    assert isinstance(objective, ClassifierObjective)
    assert wanted.abs().max() > 0
    assert torch.equal(objective._quality(counters), wanted)
    for part in range(4):
        assert torch.equal(objective._quality(counters[2 * part : 2 * part + 2]), wanted[2 * part : 2 * part + 2])


def test_weighted_batches_hold_two_of_high_quality_for_each_of_the_rest(corpus: str) -> None:
    read = classifier_recipe(classifier_settings(corpus, "rq")).reader(0, 1)
    brisque = np.concatenate([read(step)["brisque"] for step in range(3)])
    stored = Corpus(corpus).column("brisque").astype(float)
    assert (brisque < np.nanmean(stored)).sum() == 16
    weighted = classifier_settings(corpus, "rq")
    plain = dataclasses.replace(weighted, config=weighted.config.model_copy(update={"sampling": SamplingConfig()}))
    read = classifier_recipe(plain).reader(0, 1)
    keys = [key for step in range(len(stored) // 8) for (key,) in read(step)["keys"]]
    assert len(set(keys)) == len(keys)


def test_what_is_sent_to_the_readers_holds_no_network(corpus: str) -> None:
    from ray import cloudpickle

    sent = cloudpickle.dumps(classifier_recipe(classifier_settings(corpus, "rq")).reader(0, 1))
    assert b"torch" not in sent
    assert len(sent) < 50_000


@pytest.mark.parametrize("name", LOSSES)
def test_a_configuration_says_all_parameters_of_its_loss(name: str) -> None:
    config = built({"name": name})
    loss: Any = make_loss(config, list(STYLES))
    assert config.parameters == {
        key: value for key, value in dataclasses.asdict(loss).items() if key not in ("live", "domains")
    }
    assert type(loss) is LOSSES[name]
    assert config.parameters["scale"] == 30.0
    assert LossConfig.model_validate(config.model_dump(mode="json")) == config
    assert fingerprint(config) == fingerprint(built({"name": name, "scale": 30}))
    assert fingerprint(config) != fingerprint(built({"name": name, "scale": 31}))


def test_what_is_set_arrives() -> None:
    config = built({"name": "rq+ssdg", "live_margin": 0.3, "weight": "5e-1"})
    wanted = RelativeQualitySSDG(LIVE, DOMAINS, live_margin=0.3, weight=0.5)
    assert make_loss(config, list(STYLES)) == wanted
    assert make_loss(built({}), list(STYLES)) == RelativeQuality(LIVE)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"name": "rq", "live_margn": 1}, "loss 'rq' has no parameter 'live_margn'; did you mean 'live_margin'?"),
        ({"name": "cosface", "live_margin": 1}, "loss 'cosface' has no parameter 'live_margin'; did you mean"),
        ({"name": "focal", "h": 1}, "loss 'focal' has no parameter 'h'; it has gamma, scale"),
        ({"name": "rq", "live": [True]}, "has no parameter 'live'"),
        ({"name": "hinge"}, "no loss 'hinge'; choose one of cross-entropy, focal, "),
        ({"name": ["rq"]}, "no loss ['rq']"),
        ({"scale": 0}, "scale 0 must be a number, above 0"),
        ({"live_margin": -0.1}, "live_margin -0.1 must be a number, 0 or more"),
        ({"live_margin": "wide"}, "live_margin 'wide' must be a number"),
        ({"live_margin": float("nan")}, "must be a number"),
        ({"live_margin": True}, "must be a number"),
        (
            {"name": "patchnet-whole", "patch_share": 1.5},
            "patch_share 1.5 must be a part of a face's side",
        ),
        ({"name": "patchnet-whole", "patch_share": 0}, "patch_share 0 must be a part of a face's side"),
        ("rq", "loss"),
    ],
)
def test_mistakes_are_one_line(loss: Any, message: str) -> None:
    with pytest.raises(ValueError, match="config key 'loss") as raised:
        built(loss)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_loss_that_compares_features_is_refused_in_parts() -> None:
    for name, kind in LOSSES.items():
        config = built({"name": name})
        check_parts(config, TrainResources(workers=8))
        if kind.needs_features:
            with pytest.raises(ValueError, match=r"features of a whole batch, but resources.accumulate 2"):
                check_parts(config, TrainResources(accumulate=2))
        else:
            check_parts(config, TrainResources(accumulate=2))
    compare = {name for name, kind in LOSSES.items() if kind.needs_features}
    assert compare == {"adaface", "ssdg", "rq+ssdg", "ssdg-whole", "rq+ssdg-whole"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["loss.name=ssdg", "resources.accumulate=2"], "loss 'ssdg' compares the features of a whole batch"),
        (["loss.live_scale=0.4"], "loss 'rq' has no parameter 'live_scale'"),
        (["sampling.quality_weight=2"], "needs BRISQUE scores that differ"),
        (["sampling.quality_weight=1.5"], "sampling.quality_weight"),
    ],
)
def test_the_command_refuses_before_it_claims(
    settings: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_corpus(tmp_path / "real", small_rows())  # without scores
    with pytest.raises(SystemExit) as ended:
        main(["fit-classifier", f"corpus={tmp_path}/real", f"out={tmp_path}/out", *settings])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_finer_styles_keep_their_domain_and_are_not_live() -> None:
    styles = ["oulu_npu-live", "oulu_npu-print-session_1", "oulu_npu-print-session_2", "siw-live"]
    loss: Any = make_loss(LossConfig.model_validate({"name": "rq+ssdg"}), styles)
    assert loss.domains == ("oulu_npu", "oulu_npu", "oulu_npu", "siw")
    assert [is_live(style) for style in styles] == [True, False, False, True]
