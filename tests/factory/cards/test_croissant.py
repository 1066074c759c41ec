"""The Croissant document states the facts; that the reference reader takes it is tested in tests/contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.cards.croissant import CONTEXT, croissant
from factory.cards.facts import CorpusFacts, corpus_facts
from factory.corpus.row import FACTS, INDEX_SCHEMA
from tests.factory.cards.corpora import SECRET, generated


def described(facts: CorpusFacts) -> Any:
    """The document as a reader of its file gets it."""
    return json.loads(json.dumps(croissant(facts)))


def fields(document: dict[str, Any], name: str) -> list[str]:
    [records] = [found for found in document["recordSet"] if found["name"] == name]
    return [field["name"] for field in records["field"]]


@pytest.mark.parametrize("formats", [("parquet", "webdataset"), ("webdataset",)])
def test_every_file_is_listed_and_every_column_is_a_field(tmp_path: Path, formats: tuple[str, ...]) -> None:
    facts = corpus_facts(generated(tmp_path / "out", formats))
    document = described(facts)
    listed = {file["contentUrl"] for file in document["distribution"] if file["@type"] == "cr:FileObject"}
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out" / "data").iterdir()}
    assert listed == {"index.parquet", *written}
    assert fields(document, "index") == INDEX_SCHEMA.names
    assert [found["name"] for found in document["recordSet"]] == ["splits", "index", "images"][: 1 + len(formats)]
    if "parquet" in formats:
        assert fields(document, "images") == [*FACTS, "image"]
    assert SECRET not in json.dumps(document)


def test_a_corpus_of_photographs_is_not_called_synthetic(tmp_path: Path) -> None:
    made = described(corpus_facts(generated(tmp_path / "out")))
    real = described(corpus_facts(write_corpus(tmp_path / "real", small_rows()).storage))
    assert "synthetic" in made["keywords"] and "synthetic" not in real["keywords"]
    assert made["rai:dataCollectionType"] == ["Synthetic Data Generation"]
    assert real["rai:dataCollectionType"] == ["Secondary Data Analysis"]
    assert "prov:used" in made["prov:wasGeneratedBy"] and "prov:used" not in real["prov:wasGeneratedBy"]
    assert real["license"] == "cc0-1.0" and made["license"] == ["OULU agreement"]


def test_every_term_of_the_document_is_explained_by_its_context(tmp_path: Path) -> None:
    def terms(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(terms, value))
        if not isinstance(value, dict):
            return set()
        return {key for key in value if not key.startswith("@")} | set().union(*map(terms, value.values()))

    document = described(corpus_facts(generated(tmp_path / "out")))
    prefixes = {name for name in CONTEXT if not name.startswith("@")}
    own = terms({name: value for name, value in document.items() if name not in ("@context", "recordSet")})
    assert {name.partition(":")[0] for name in own if ":" in name} <= prefixes
