"""From a score file to metrics and pictures, without a classifier."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.corpora import NoConfig, small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.patches import Patches
from factory.cli import main
from factory.core.config import build
from factory.evaluate import EvaluateConfig, metrics_of, run
from factory.evaluate.scores import read
from factory.run import Run

HEADER = "claimed_id,test_label,is_bonafide,attack_type,sample_n,score"


def score_file(path: Path, seed: int = 0, people: int = 8, frames: int = 2, split: str | None = None) -> Path:
    """A file as bob writes it, or with our split column."""
    rng = np.random.default_rng(seed)
    lines = [HEADER + (",split" if split else "")]
    for person in range(people):
        for attack in ("", "print", "mask"):
            for frame in range(frames):
                score = rng.normal(0.45 if attack else 0.6, 0.12)
                facts = [person, f"{person}-{attack or 'live'}", not attack, attack, frame, score]
                lines.append(",".join(map(str, [*facts, *([split] if split else [])])))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def evaluate(**given: Any) -> dict[str, Any]:
    return dict(run(build(EvaluateConfig, {"resamples": 50, **{name: str(value) for name, value in given.items()}})))


def test_a_score_file_alone_is_enough(tmp_path: Path) -> None:
    path = score_file(tmp_path / "scores.csv")
    found = evaluate(scores=path)
    scores = read(path.read_bytes())
    live, values = scores.columns["is_bonafide"], scores.columns["score"]
    assert found["unit"] == "frame"
    assert found["auc"] == pytest.approx(roc_auc_score(live, values), abs=1e-12)
    means = values.reshape(-1, 2).mean(axis=1)
    assert found["video"]["unit"] == "video"
    assert found["video"]["auc"] == pytest.approx(roc_auc_score(live[::2], means), abs=1e-12)
    assert (found["n_spoof"], found["video"]["n_spoof"]) == (32, 16)
    assert found["n_subjects"] == found["video"]["n_subjects"] == 8
    assert found["hter@dev_eer"] is found["bpcer20@dev"] is None
    assert found["interval"]["bounds"]["auc"] != found["video"]["interval"]["bounds"]["auc"]
    assert list(tmp_path.iterdir()) == [path]  # without `out` nothing is written


def test_the_folder_has_the_scores_the_curves_and_the_same_metrics(tmp_path: Path) -> None:
    path, dev = score_file(tmp_path / "eval.csv"), score_file(tmp_path / "dev.csv", seed=1)
    found = evaluate(scores=path, dev_scores=dev, out=tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "det.svg",
        "roc.svg",
        "run.json",
        "scores.csv",
        "summary.json",
    ]
    assert found == evaluate(scores=path, dev_scores=dev)
    written = tmp_path / "out" / "scores.csv"
    assert json.loads(json.dumps(metrics_of(written.read_bytes(), "test", "dev", resamples=50))) == found
    assert evaluate(scores=written) == found
    assert found["n_dev_live"] == 16
    assert found["bpcer20@dev"] is not None
    assert evaluate(scores=path, dev_scores=dev, out=tmp_path / "out") == found
    with pytest.raises(ValueError, match="belongs to another run"):
        evaluate(scores=dev, out=tmp_path / "out")


def test_a_classifier_scores_a_corpus(tmp_path: Path) -> None:
    """Scores are the classifier's liveness of every row, frames of one capture are a video."""
    torch.manual_seed(0)
    classifier = SpoofClassifier(["cam-live", "cam-print"], ["cam-live"], backbone="test_resnet").eval()
    Run(str(tmp_path / "model"), "fit-classifier", {}, NoConfig())
    classifier.save(tmp_path / "model" / "classifier")
    rows = small_rows(subjects=6, captures=3, domains=("cam",), splits=("dev", "test"))
    rows = [dataclasses.replace(r, capture="c0" if r.capture == "c1" else r.capture) for r in rows]
    corpus = write_corpus(tmp_path / "real", rows)
    given = {"classifier": tmp_path / "model", "corpus": tmp_path / "real", "out": tmp_path / "out"}
    found = evaluate(**given, threads=1, batch_size=4)
    scores = read((tmp_path / "out" / "scores.csv").read_bytes())
    positions = [corpus.column("key").tolist().index(key) for key in scores.columns["key"]]
    images = torch.from_numpy(corpus.pixels(positions)).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        expected = classifier.liveness(classifier(images))
    np.testing.assert_allclose(scores.columns["score"], expected, atol=1e-6)
    assert scores.splits() == ["dev", "test"]
    assert (found["n_live"], found["video"]["n_live"]) == (9, 6)
    assert found["n_subjects"] == 3
    assert found["hter@dev_eer"] is not None
    assert evaluate(scores=tmp_path / "out" / "scores.csv") == found


def test_a_classifier_of_patches_scores_by_their_mean_and_refuses_smaller_faces(tmp_path: Path) -> None:
    torch.manual_seed(0)
    styles = ["cam-live", "cam-print"]
    corpus = write_corpus(tmp_path / "real", small_rows(subjects=4, domains=("cam",), splits=("dev", "test")))
    for name, side in (("fits", 24), ("large", 33)):
        classifier = SpoofClassifier(styles, styles[:1], backbone="test_resnet", patches=Patches(side, 2)).eval()
        Run(str(tmp_path / name), "fit-classifier", {}, NoConfig())
        classifier.save(tmp_path / name / "classifier")
    given = {"corpus": tmp_path / "real", "out": tmp_path / "out", "threads": 1, "batch_size": 4}
    with pytest.raises(ValueError, match=r"has faces of 32 pixels, and .*large looks at patches of 33: prepare"):
        evaluate(classifier=tmp_path / "large", **given)
    assert not (tmp_path / "out").exists()
    evaluate(classifier=tmp_path / "fits", **given)
    scores = read((tmp_path / "out" / "scores.csv").read_bytes())
    positions = [corpus.column("key").tolist().index(key) for key in scores.columns["key"]]
    faces = torch.from_numpy(corpus.pixels(positions)).permute(0, 3, 1, 2) / 127.5 - 1
    whole = SpoofClassifier.load(tmp_path / "fits" / "classifier")
    whole.patches = None
    with torch.no_grad():
        pieces = [faces[:, :, top : top + 24, left : left + 24] for top in (0, 8) for left in (0, 8)]
        expected = torch.stack([whole.liveness(whole(piece)) for piece in pieces]).mean(0)
    np.testing.assert_allclose(scores.columns["score"], expected, atol=1e-6)


def test_pictures_stand_alone_in_light_and_dark(tmp_path: Path) -> None:
    evaluate(scores=score_file(tmp_path / "s.csv"), out=tmp_path / "out")
    for name, heading in (("roc", "ROC: live faces accepted"), ("det", "DET: live faces rejected")):
        text = (tmp_path / "out" / f"{name}.svg").read_text(encoding="utf-8")
        root = ET.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
        assert words[0].startswith(heading)
        assert words[-2:] == ["frames", "videos"]
        assert "prefers-color-scheme: dark" in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        lines = [e for e in root.iter("{http://www.w3.org/2000/svg}path") if "line-1" in e.get("class", "")]
        assert len(lines) == 2  # the curve and its key


def test_one_frame_each_is_no_video_level_and_one_class_no_picture(tmp_path: Path) -> None:
    assert evaluate(scores=score_file(tmp_path / "single.csv", frames=1))["video"] is None
    live = tmp_path / "live.csv"
    live.write_text("is_bonafide,attack_type,score\nTrue,,0.7\nTrue,,0.3\n", encoding="utf-8")
    found = evaluate(scores=live, out=tmp_path / "out")
    assert found["bpcer@0.5"] == 0.5
    assert found["auc"] is None
    assert not list((tmp_path / "out").glob("*.svg"))


def test_splits_by_name(tmp_path: Path) -> None:
    path = score_file(tmp_path / "s.csv", split="eval")
    assert evaluate(scores=path, split="eval")["n_live"] == 16
    with pytest.raises(ValueError, match=r"s.csv has no line of split 'test'; it has 'eval'"):
        evaluate(scores=path)
    with pytest.raises(ValueError, match="has no line of split 'tuning'; it has 'eval'"):
        evaluate(scores=path, split="eval", dev_split="tuning")
    # a file of the development set may call itself anything
    assert evaluate(scores=path, split="eval", dev_scores=score_file(tmp_path / "d.csv"))["n_dev_spoof"] == 32


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give classifier, corpus and out, or scores"),
        ({"classifier": "a", "corpus": "b"}, "give classifier, corpus and out, or scores"),
        ({"scores": "a", "corpus": "b"}, "scores replaces classifier and corpus"),
        ({"classifier": "a", "corpus": "b", "out": "c", "dev_scores": "d"}, "dev_scores goes with scores"),
    ],
)
def test_what_does_not_go_together(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(EvaluateConfig, given)


@pytest.mark.parametrize("dev", [False, True])
def test_scores_the_wrong_way_round_are_warned_of_and_can_be_turned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dev: bool
) -> None:
    """0.2 live, 0.7 and 0.9 attacks: AUC 0; turned it is that of 0.8 against 0.3 and 0.1."""
    lines = ["is_bonafide,attack_type,score", "True,,0.2", "False,print,0.7", "False,print,0.9"]
    (tmp_path / "wrong.csv").write_text("\n".join(lines))
    given: dict[str, Any] = {"scores": str(tmp_path / "wrong.csv"), "resamples": 0}
    given |= {"dev_scores": str(tmp_path / "wrong.csv")} if dev else {}
    found = run(build(EvaluateConfig, given))
    assert found["auc"] == 0.0
    assert "AUC 0 is below 0.5, worse than chance" in (said := capsys.readouterr().err)
    assert "if a higher one means spoof, set higher_is=spoof" in said
    turned = run(build(EvaluateConfig, {**given, "higher_is": "spoof", "out": str(tmp_path / "out")}))
    assert (turned["auc"], turned["hter@test_eer"], turned["hter@0.5"]) == (1.0, 0.0, 0.0)
    assert turned["hter@dev_eer"] == (0.0 if dev else None)
    assert "0.8" in (tmp_path / "out" / "scores.csv").read_text()
    assert capsys.readouterr().err == ""
    with pytest.raises(ValueError, match="belongs to another run"):
        run(build(EvaluateConfig, {**given, "out": str(tmp_path / "out")}))
    with pytest.raises(ValueError, match="higher_is is for score files"):
        build(EvaluateConfig, {"classifier": "a", "corpus": "b", "out": "c", "higher_is": "spoof"})


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = score_file(tmp_path / "scores.csv")
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "--scores", str(path), "resamples=0"])
    assert caught.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["interval"] is None
    assert 0 <= found["hter@test_eer"] <= found["hter@0.5"] + 0.5
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "--scores", f"{tmp_path}/none.csv"])
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"difffas: error: score file {tmp_path}/none.csv does not exist\n"
