"""HTER of classifiers with and without the spoofs: which evaluations are compared, and how sure the difference is."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from difffas.metrics.rates import hter
from factory.evaluate import metrics_of
from factory.evaluate.scores import read
from factory.report import comparison
from factory.report.comparison import Comparison, compare
from factory.report.sections import Folder
from factory.run import Claim
from factory.storage import Storage

SPOOFS = "d" * 64


def folder_of(root: Path, identity: dict[str, Any], summary: dict[str, Any], fingerprint: str = "e" * 64) -> Folder:
    claim: Claim = {"job": "any", "fingerprint": fingerprint, "identity": identity}  # type: ignore[typeddict-item]
    return Folder(Storage(str(root)), claim, summary, "digest")


def scores_csv(seed: int, people: int, named: bool = True) -> bytes:
    rng = np.random.default_rng(seed)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["claimed_id", "is_bonafide", "attack_type", "score", "split"])
    for split in ("test", "dev"):
        for person in range(people):
            for attack in ("live", "live", "print", "replay"):
                score = rng.normal(0.6 if attack == "live" else 0.4, 0.2)
                writer.writerow([f"p{person}" if named else "", attack == "live", attack, score, split])
    return text.getvalue().encode()


class Studies:
    """Models and their evaluations, written below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.models: dict[str, Folder] = {}
        self.evaluations: dict[str, Folder] = {}

    def add(
        self, name: str, generated: str | None, people: int = 9, corpus: str = "c", named: bool = True, **settings: Any
    ) -> bytes:
        number = len(self.models)
        identity = {"generated": generated, "loss": {"name": "rq"}, "sampling": {"generated_share": None}, **settings}
        self.models[name] = folder_of(self.root, identity, {}, fingerprint=f"{number:064d}")
        data = scores_csv(number, people, named)
        (self.root / name).mkdir()
        (self.root / name / "scores.csv").write_bytes(data)
        judged = {"classifier": f"{number:064d}", "corpus": corpus, "split": "test", "dev_split": "dev"}
        summary = dict(metrics_of(data, "test", "dev", resamples=0))
        self.evaluations[name] = folder_of(self.root / name, judged, summary)
        return data

    def figure(self, name: str, key: str) -> float:
        found = self.evaluations[name].summary[key]
        assert isinstance(found, float)
        return found

    def compared(self) -> Comparison | None:
        return compare(self.evaluations, self.models, SPOOFS)


@pytest.fixture
def studies(tmp_path: Path) -> Studies:
    return Studies(tmp_path)


def test_the_difference_and_its_interval_are_those_of_people_drawn_anew(
    studies: Studies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recomputed by copying the rows of every drawn person."""
    monkeypatch.setattr(comparison, "RESAMPLES", 60)
    data = [studies.add("with", SPOOFS), studies.add("without", None)]
    found = studies.compared()
    assert found is not None
    rates, parts = [], []
    for each, name in zip(data, ("with", "without"), strict=True):
        rates.append(studies.figure(name, "hter@dev_eer"))
        parts.append((read(each).of("test").score_set(), studies.figure(name, "threshold@dev_eer")))
    assert (found.with_spoofs, found.without) == tuple(rates)
    assert found.difference == rates[0] - rates[1]
    drawn = np.random.default_rng(0).multinomial(9, np.full(9, 1 / 9), size=60)
    differences = []
    for counts in drawn:
        mine = []
        for scores, threshold in parts:
            times = [counts[int(str(name)[1:])] for name in scores.subjects or ()]
            rows = np.repeat(np.arange(len(times)), times)
            mine.append(hter(np.asarray(scores.scores)[rows], np.asarray(scores.labels)[rows], threshold))
        differences.append(mine[0] - mine[1])
    assert found.interval == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])))
    assert (found.people, found.classifiers, found.threshold, found.unit) == (9, (1, 1), "dev EER", "frames")
    assert found.differences == []


def test_several_classifiers_are_averaged_and_other_settings_are_named(studies: Studies) -> None:
    studies.add("with", SPOOFS, loss={"name": "rq"}, sampling={"generated_share": 0.5})
    studies.add("again", SPOOFS, loss={"name": "rq"}, sampling={"generated_share": 0.5})
    studies.add("without", None, loss={"name": "cross-entropy"})
    found = studies.compared()
    assert found is not None
    rates = [studies.figure(name, "hter@dev_eer") for name in ("with", "again")]
    assert found.with_spoofs == pytest.approx(np.mean(rates))
    assert found.classifiers == (2, 1)
    assert found.differences == ["loss"], "the share of generated faces belongs to the spoofs"


def test_nothing_is_compared_without_one_of_each_kind_on_one_corpus(studies: Studies) -> None:
    assert studies.compared() is None
    studies.add("with", SPOOFS)
    studies.add("of others", "f" * 64)
    studies.add("elsewhere", None, corpus="another")
    assert studies.compared() is None
    studies.add("without", None)
    assert studies.compared() is not None
    del studies.models["without"]
    assert studies.compared() is None, "an evaluation whose classifier is unknown says nothing of the spoofs"


def test_the_threshold_is_never_that_of_the_test_set(studies: Studies) -> None:
    for name, generated in (("with", SPOOFS), ("without", None)):
        studies.add(name, generated)
    studies.evaluations["without"].summary["hter@dev_eer"] = None
    found = studies.compared()
    assert found is not None and found.threshold == "0.5"
    studies.evaluations["without"].summary["hter@0.5"] = None
    assert studies.compared() is None


def test_unnamed_people_and_one_person_give_no_interval(tmp_path: Path) -> None:
    for name, given, people in (("unnamed", {"named": False}, None), ("one", {"people": 1}, 1)):
        (tmp_path / name).mkdir()
        studies = Studies(tmp_path / name)
        for kind, generated in (("with", SPOOFS), ("without", None)):
            studies.add(kind, generated, **given)
        found = studies.compared()
        assert found is not None and found.interval is None and found.people == people
