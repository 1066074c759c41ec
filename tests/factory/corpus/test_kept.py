"""Stations read an audit: what it leaves out, how that is counted, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from benchmarks.corpora import NoConfig, row, small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from factory import evaluate
from factory.audit.measures import to_parquet
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.kept import AUDIT, STATION, Audit, kept_by
from factory.run import Run
from factory.train.recipes import classifier as fit_classifier
from factory.tune.best import check_regenerate

VERDICTS = {"made-0": None, "made-1": "style", "made-2": None, "made-3": "style", "made-4": "leak, style"}


def write_audit(folder: Path, verdicts: dict[str, str | None], brisque: float = 20.0) -> Path:
    columns = {
        "key": list(verdicts),
        "brisque": [brisque] * len(verdicts),
        "accepted": [reason is None for reason in verdicts.values()],
        "reason": pa.array(verdicts.values(), pa.string()),
    }
    claim = Run(str(folder), STATION, {"verdicts": list(verdicts.items())}, NoConfig())
    claim.storage.create(AUDIT, to_parquet(pa.table(columns)))
    claim.finish({"rows": len(verdicts)})
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader")
    write_corpus(folder / "real", small_rows(subjects=4, splits=("train", "dev")))
    generated = {"attack": "print", "label": 1, "t0": 100, "cfg_scale": 1.0, "brisque": 20.0, "guide_key": "row-0001"}
    made = [row(n, key=f"made-{n}", subject=f"s{n}", **generated) for n in range(5)]
    write_corpus(folder / "made", made)
    write_corpus(
        folder / "mixed",
        [
            *small_rows(subjects=2, splits=("test",)),
            *(row(n, key=f"made-{n}", split="test", **generated) for n in range(5)),
        ],
    )
    write_audit(folder / "audit", VERDICTS)
    return folder


def given(root: Path, **more: Any) -> Any:
    values = {
        "corpus": f"{root}/real",
        "generated": f"{root}/made",
        "out": f"{root}/out",
        "backbone": "test_resnet",
        "train": {"steps": 2, "batch_size": 4, "learning_rate": 1e-2},
        "resources": {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0},
    }
    return build(fit_classifier.FitClassifierConfig, values | more)


def test_only_accepted_rows_are_drawn_and_the_rest_is_counted(root: Path, tmp_path: Path) -> None:
    identity, settings = fit_classifier.prepared(given(root, audit=f"{root}/audit"))
    recipe = fit_classifier.classifier_recipe(settings)
    drawn = {str(key) for step in range(40) for (key,) in recipe.reader(0, 1)(step)["keys"]}
    assert {key for key in drawn if key.startswith("made")} == {"made-0", "made-2"}
    notes = recipe.export(tmp_path)
    assert notes["rows"]["generated"] == 2
    assert notes["left_out_by_audit"] == {"leak, style": 1, "style": 2}
    assert identity["audit"] == Audit(f"{root}/audit").digest
    assert "/" not in identity["audit"]


def test_a_fingerprint_knows_the_audit_by_its_content(root: Path, tmp_path: Path) -> None:
    without, _ = fit_classifier.prepared(given(root))
    assert "audit" not in without
    one, _ = fit_classifier.prepared(given(root, audit=f"{root}/audit"))
    same, _ = fit_classifier.prepared(given(root, audit=str(write_audit(tmp_path / "same", VERDICTS))))
    other, _ = fit_classifier.prepared(
        given(root, audit=str(write_audit(tmp_path / "other", VERDICTS | {"made-1": None})))
    )
    assert one == same != other


def test_real_rows_need_no_audit(root: Path) -> None:
    mixed = Corpus(f"{root}/mixed")
    everything = np.arange(len(mixed))
    positions, left_out = kept_by(f"{root}/audit", mixed, everything)
    assert len(positions) == len(mixed) - 3 and left_out == {"leak, style": 1, "style": 2}
    assert kept_by(None, mixed, everything)[0] is everything


@pytest.mark.parametrize(
    ("verdicts", "brisque", "message"),
    [
        ({"made-0": None}, 20.0, "does not know 'made-1', nor 3 more of the generated rows"),
        (VERDICTS, 21.0, "is of other images under the keys of .*, such as 'made-0'"),
        (dict.fromkeys(VERDICTS, "style"), 20.0, "passes generated_rows and the audit"),
    ],
)
def test_an_audit_that_does_not_fit_is_one_line(
    verdicts: dict[str, str | None], brisque: float, message: str, root: Path, tmp_path: Path
) -> None:
    folder = write_audit(tmp_path / "audit", verdicts, brisque)
    with pytest.raises(ValueError, match=message):
        fit_classifier.prepared(given(root, audit=str(folder)))


def test_what_is_no_audit_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds a run of prepare, not an audit"):
        Audit(f"{root}/real")
    Run(str(tmp_path / "open"), STATION, {}, NoConfig())
    with pytest.raises(ValueError, match="is not finished: run `difffas audit` again"):
        Audit(str(tmp_path / "open"))
    with pytest.raises(ValueError, match="audit is of generated rows: set generated"):
        fit_classifier.prepared(given(root, generated=None, audit=f"{root}/audit"))


def test_a_search_does_not_regenerate_under_an_audit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.tune.best._generation", lambda _: object())
    with pytest.raises(ValueError, match="makes rows that fit.audit does not know"):
        check_regenerate(given(root, audit=f"{root}/audit"), 1)


def test_evaluate_leaves_refused_rows_out_and_says_so(root: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    styles = sorted(set(Corpus(f"{root}/mixed").column("style")))
    live = [style for style in styles if style.endswith("-live")]
    SpoofClassifier(styles, live_styles=live, backbone="test_resnet").save(tmp_path / "model" / "classifier")
    Run(str(tmp_path / "model"), "fit-classifier", {}, NoConfig())
    values = {"classifier": f"{tmp_path}/model", "corpus": f"{root}/mixed", "dev_split": None, "resamples": 0}
    config = {**values, "out": f"{tmp_path}/scores", "audit": f"{root}/audit"}
    found = evaluate.run(build(evaluate.EvaluateConfig, config))
    whole = evaluate.run(build(evaluate.EvaluateConfig, {**values, "out": f"{tmp_path}/whole"}))
    assert found["n_spoof"] == whole["n_spoof"] - 3
    assert found["left_out_by_audit"] == {"test": {"leak, style": 1, "style": 2}}
    assert "left_out_by_audit" not in whole
    with pytest.raises(ValueError, match="replaces classifier and corpus"):
        build(evaluate.EvaluateConfig, {"scores": "scores.csv", "audit": f"{root}/audit"})
