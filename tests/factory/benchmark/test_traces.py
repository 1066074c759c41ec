"""Live faces through a generator without style: what is passed, and the change of BPCER."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.errors import UserError
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import SMALL_STYLE_ENCODER, StyleEncoder
from difffas.unet import SMALL_UNET, SpoofUNet
from factory.benchmark.traces import SCORES, PassConfig, bpcer_changes, passed, run
from factory.core.config import build
from factory.run import Run
from factory.storage import Storage
from factory.tables.sheet import table_of
from tests.ablations import SUMMARY
from tests.benchmarked import PEOPLE, evaluations_of, lines_of

STYLES = ["cam-live", "cam-print"]


@pytest.fixture
def asked(tmp_path: Path) -> PassConfig:
    torch.manual_seed(0)
    unet = SpoofUNet(**SMALL_UNET)
    SpoofPipeline(unet, StyleEncoder(STYLES, **SMALL_STYLE_ENCODER)).save_pretrained(tmp_path / "generator")
    corpus = write_corpus(tmp_path / "faces", small_rows(3, 1, ("cam",), splits=("test",)))
    classifiers = {}
    for seed in (0, 1):
        torch.manual_seed(seed)
        folder = tmp_path / f"classifier-{seed}"
        SpoofClassifier(STYLES, STYLES[:1], backbone="test_resnet").save(folder / "classifier")
        Run(str(folder), "fit-classifier", {"seed": seed}, NOTHING).finish(SUMMARY)
        classifiers[seed] = str(folder)
    given: dict[str, Any] = {
        "corpus": corpus.storage.url,
        "protocol": None,
        "generator": str(tmp_path / "generator"),
        "classifiers": {"a": classifiers},
        "out": str(tmp_path / "out"),
        "settings": {"t0": 20, "steps": 2},
        "threads": 1,
    }
    return build(PassConfig, given)


NOTHING = build(PassConfig, {
    "corpus": "-", "protocol": None, "generator": "-", "classifiers": {}, "out": "-", "settings": {}, "threads": 1,
})  # fmt: skip


def test_every_live_face_is_scored_before_and_after(asked: PassConfig) -> None:
    assert run(asked) == {"faces": 3, "classifiers": 2}
    lines = lines_of(Storage(asked.out).read(SCORES))
    assert [(line["row"], line["seed"], line["subject"]) for line in lines] == [
        ("a", seed, f"s{n}") for seed in "01" for n in range(3)
    ]
    assert len({line["passed"] for line in lines}) > 1
    assert run(asked) == {"faces": 3, "classifiers": 2}, "the second call reads"


def test_the_guide_has_no_part(asked: PassConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    lives = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3), np.uint8)
    one = passed(lives, asked)
    other = passed(lives[::-1], asked)
    assert one.shape == lives.shape
    assert np.abs(one.astype(int) - lives).mean() < 60, "a small T₀ leaves the face"
    assert (one == passed(lives, asked)).all()
    assert (one[0] != other[0]).any()
    turned = lives.copy()
    turned[1] = 255 - turned[1]  # the first face is the guide of both: the second's change must not reach the first
    assert (passed(turned, asked)[0] == one[0]).all()


def test_a_split_without_live_faces_is_refused(asked: PassConfig) -> None:
    with pytest.raises(UserError, match="has no live face to pass"):
        run(asked.model_copy(update={"split": "dev"}))


def test_the_change_of_bpcer_is_at_the_dev_threshold(tmp_path: Path) -> None:
    """Two of eight people fall below the threshold once they are passed, with every seed."""

    def score(split: str, person: str, attack: str) -> float:
        return 0.8 if attack == "live" else 0.2

    found = evaluations_of(tmp_path, {("a", "p", seed): score for seed in (0, 1, 2)})
    lines = [
        {"row": "a", "seed": seed, "key": person, "subject": person, "live": 0.9, "passed": 0.1 if n < 2 else 0.9}
        for seed in (0, 1, 2)
        for n, person in enumerate(PEOPLE)
    ]
    folder = Storage(str(tmp_path / "pass"))
    folder.create(SCORES, table_of(lines).encode())
    (trace,) = bpcer_changes({"p": folder}, found, {"a": True, "b": False})
    assert (trace["bpcer"], trace["passed"], trace["change"]) == (0.0, 0.25, 0.25)
    assert trace["low"] is not None and trace["low"] < 0.25 < (trace["high"] or 0)
