"""The facts of a card are those of the corpus: counted by hand, and of the bytes that are there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from benchmarks.corpora import row, write_corpus
from factory.cards.facts import SIZES, corpus_facts, hub_license
from factory.corpus.row import SPOOF
from tests.factory.cards.corpora import generated


def test_a_generated_corpus_is_counted(tmp_path: Path) -> None:
    facts = corpus_facts(generated(tmp_path / "out"))
    assert (facts.rows, facts.generated, facts.labels) == (8, 8, {"spoof": 8})
    assert facts.styles == {"cam-print": {"train": 6, "test": 2}}
    assert {split: (one.rows, one.subjects) for split, one in facts.splits.items()} == {
        "train": (6, 6),
        "test": (2, 2),
    }
    assert facts.formats == ["parquet", "webdataset"] and len(facts.files) == 4
    for file in (facts.index, *facts.files):
        data = (tmp_path / "out" / file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert dict(facts.brisque)["below 0"] == 1 and sum(count for _, count in facts.brisque) == 8
    assert facts.without_score == 0 and facts.side == "32×32"
    assert facts.size_auc == pytest.approx((0.25 * 36 + 1.0 * 4) / 40)  # weighted by pairs
    recipe = facts.recipe
    assert recipe is not None
    assert (recipe.t0, recipe.cfg_scale, recipe.sampler) == ((100, 107), (1.0, 8.0), ["ddim"])
    assert recipe.match == ["style"]


def test_a_prepared_corpus_has_no_recipe(tmp_path: Path) -> None:
    rows = [row(0, brisque=None), row(1, label=SPOOF, attack="print", subject="s0", license="MIT", brisque=120.0)]
    facts = corpus_facts(write_corpus(tmp_path / "real", rows).storage)
    assert (facts.generated, facts.recipe, facts.size_auc) == (0, None, None)
    assert facts.labels == {"live": 1, "spoof": 1} and facts.splits["train"].subjects == 1
    assert facts.licenses == {"cc0-1.0": 1, "MIT": 1} and facts.hub_license == "mit"
    assert facts.without_score == 1 and dict(facts.brisque)["100 and more"] == 1
    assert facts.size_category == SIZES[0]


def test_the_hub_knows_licences_by_their_names_alone() -> None:
    assert hub_license("CC-BY-4.0") == "cc-by-4.0"
    assert hub_license("OULU agreement") is None and hub_license("cc-by") is None
