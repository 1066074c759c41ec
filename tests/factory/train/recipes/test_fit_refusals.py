"""What the trainings refuse before their folder is claimed, and what they warn of: one line each."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import row, small_rows, write_corpus
from factory.cli import main
from factory.core.config import build
from factory.corpus import Corpus
from factory.protocols import check_held_out
from factory.train.recipes import generator
from tests.gloo import NETWORK, write_style_folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("refusals")
    write_corpus(folder / "real", small_rows(subjects=4, splits=("train", "dev")))
    write_style_folder(folder / "style")
    return folder


def refused(capsys: Any, arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([], "give style_encoder to start anew, initial to go on from a model, or both to go on with other styles"),
        (["initial=x", "style_encoder=y"], "x is not a model folder"),
        (["initial=x", "network.dropout=0.0"], "network is that of the initial model: leave it out"),
        (["initial=nowhere"], "is not a model folder"),
        (["initial=x", f"train.seed={2**43}"], "'train.seed': Input should be less than 8796093022208"),
    ],
)
def test_what_a_generator_starts_from_is_said_once(
    settings: list[str], message: str, root: Path, tmp_path: Path, capsys: Any
) -> None:
    refused(capsys, ["fit-generator", f"corpus={root}/real", f"out={tmp_path}/out", *settings], message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["network.base_channels=12"], "is [8, 8, 8] channels wide at strides 8, 16 and 32, the network [12, 12, 12]"),
        (
            ["train={steps: 2, batch_size: 2, learning_rate: 0.1, evaluate_every: 2}", "evaluation.grid_steps=9"],
            "grid_steps 9 is above network.timesteps 5: lower it",
        ),
        (
            ["train={steps: 2, batch_size: 2, learning_rate: 0.1, evaluate_every: 2}", "held_out=train"],
            "held_out is 'train', the split that is trained on",
        ),
        (["split=nowhere"], "split 'nowhere' has no row: choose among dev, train"),
        (
            ["train={steps: 2, batch_size: 2, learning_rate: 0.1, evaluate_every: 2}", "held_out=nowhere"],
            "or set held_out to a split that has pairs, or leave out train.evaluate_every",
        ),
    ],
)
def test_a_network_that_cannot_be_is_refused_before_the_folder_is_claimed(
    settings: list[str], message: str, root: Path, tmp_path: Path, capsys: Any
) -> None:
    given = [f"corpus={root}/real", f"style_encoder={root}/style", f"out={tmp_path}/out", "network.timesteps=5"]
    network = [f"network.{name}={value}" for name, value in NETWORK.items()]
    refused(capsys, ["fit-generator", *given, *network, *settings], message)
    assert not (tmp_path / "out").exists()


def test_what_no_pair_shows_is_said(root: Path, tmp_path: Path, capsys: Any) -> None:
    rows = [r for r in small_rows(subjects=4) if (r.attack, r.domain) != ("live", "phone") or r.subject == "s0"]
    rows = [r for r in rows if (r.attack, r.domain, r.subject) != ("replay", "phone", "s0")]
    write_corpus(tmp_path / "real", rows)
    given = [f"corpus={tmp_path}/real", f"style_encoder={root}/style", f"out={tmp_path}/out"]
    with pytest.raises(SystemExit):
        main(["fit-generator", *given])  # the network does not fit
    said = capsys.readouterr().err.splitlines()[0]
    assert said.startswith(
        "fit-generator: 8 of 22 spoofs of split 'train' have no live face of their domain and subject"
    )
    assert said.endswith("can only guide; none of phone-replay has")


def test_how_many_pairs_share_their_scene_is_said(
    root: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "fit", lambda *given: {})
    monkeypatch.setattr(generator, "check_network", lambda config: None)
    for name, sitting, told in (("old", None, "0 of 24"), ("new", "lamp", "12 of 24")):
        rows = [
            dataclasses.replace(
                each, capture=f"{each.attack}_{each.capture}", sitting=sitting if each.domain == "cam" else None
            )
            for each in small_rows(subjects=4)
        ]
        write_corpus(tmp_path / name, rows)
        given = {"corpus": f"{tmp_path}/{name}", "style_encoder": f"{root}/style", "out": f"{tmp_path}/out-{name}"}
        generator.run(build(generator.FitGeneratorConfig, given))
        assert (
            f"fit-generator: {told} pairs of split 'train' share the scene (0 the capture, {told[:2].strip()} the s"
            in (capsys.readouterr().err)
        )


def test_people_of_both_splits_are_said(root: Path, tmp_path: Path, capsys: Any) -> None:
    split = lambda r: dataclasses.replace(r, split="dev" if r.capture == "c1" else "train")  # noqa: E731
    write_corpus(tmp_path / "real", [split(r) for r in small_rows(subjects=2, domains=("cam",))])
    check_held_out(Corpus(f"{tmp_path}/real"), "train", "dev")
    assert capsys.readouterr().err.startswith("warning: 2 subjects of split 'dev', such as cam s0, are in 'train' as")
    check_held_out(Corpus(f"{root}/real"), "train", "dev")
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "rows", "message"),
    [
        ("fit-style", [row(n) for n in range(3)], "has 1 style(s): telling styles apart needs two or more"),
        ("fit-classifier", [row(n) for n in range(3)], "has 1 style(s)"),
        ("fit-generator", [row(n) for n in range(3)], "has no (live, spoof) pair"),
    ],
)
def test_a_corpus_that_cannot_teach_is_one_line(
    verb: str, rows: list[Any], message: str, root: Path, tmp_path: Path, capsys: Any
) -> None:
    write_corpus(tmp_path / "bad", rows)
    encoder = [f"style_encoder={root}/style"] if verb == "fit-generator" else []
    refused(capsys, [verb, f"corpus={tmp_path}/bad", f"out={tmp_path}/out", *encoder], message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("resources.workers=3", "train.batch_size 256 does not divide among 3 workers"),
        ("resources.accumulate=7", "choose a multiple of 7"),
        ("train.evaluate_evry=7", "unknown config key 'train.evaluate_evry'; did you mean 'evaluate_every'?"),
        ("train.evaluate_every=2 held_out=test", "has no row of a style to train on"),
        ("train.evaluate_every=2 held_out=train", "held_out is 'train', the split that is trained on: choose one of"),
        ("network.depths=[1,0,1,1]", "config key 'network.depths.1': Input should be greater than 0"),
        ("network.channels=[8,8]", "config key 'network.channels': Tuple should have at least 4 items"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(
    setting: str, message: str, root: Path, tmp_path: Path, capsys: Any
) -> None:
    train = ["train.steps=2", "train.batch_size=256", "train.learning_rate=0.1"]
    refused(capsys, ["fit-style", f"corpus={root}/real", f"out={tmp_path}/out", *train, *setting.split(" ")], message)
    assert not (tmp_path / "out").exists()
