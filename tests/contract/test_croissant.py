"""croissant.json: the reference reader takes it, its hashes hold, and it says where the images come from."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.images import decode

mlc = pytest.importorskip("mlcroissant")


@pytest.fixture(scope="module")
def document(written: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((written / "spoofs" / "croissant.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("corpus", ["spoofs", "real"])
def test_the_reference_reader_finds_no_error(written: Path, corpus: str) -> None:
    dataset = mlc.Dataset(str(written / corpus / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert dataset.metadata.ctx.is_v1_1()
    assert {records.id for records in dataset.metadata.record_sets} == {"splits", "index", "images"}


def test_records_are_rows(written: Path, expected: Any, caplog: pytest.LogCaptureFixture) -> None:
    dataset = mlc.Dataset(str(written / "spoofs" / "croissant.json"))
    caplog.clear()
    images = list(dataset.records("images"))
    assert not caplog.messages, "it has nothing to say of any row"
    assert len(images) == len(expected)
    for record in images:
        row = expected[record["images/key"].decode()]
        assert np.array_equal(np.asarray(record["images/image"]), decode(row["image"]))
        assert (record["images/label"], record["images/t0"]) == (row["label"], row["t0"])
        assert record["images/live_key"].decode() == row["live_key"]
        assert record["images/split"].decode() == row["split"]
    index = list(dataset.records("index"))
    assert {record["index/key"].decode() for record in index} == set(expected)


def test_records_of_one_split(written: Path, expected: Any) -> None:
    dataset = mlc.Dataset(str(written / "spoofs" / "croissant.json"))
    keys = {record["images/key"].decode() for record in dataset.records("images", filters={"images/split": "test"})}
    assert keys == {key for key, row in expected.items() if row["split"] == "test"}


def test_every_file_is_named_with_its_hash(written: Path, document: dict[str, Any]) -> None:
    folder = written / "spoofs"
    files = {part["contentUrl"]: part for part in document["distribution"] if part["@type"] == "cr:FileObject"}
    there = [*folder.glob("data/*"), folder / "index.parquet"]
    assert set(files) == {path.relative_to(folder).as_posix() for path in there}
    for path in there:
        said, data = files[path.relative_to(folder).as_posix()], path.read_bytes()
        assert said["sha256"] == hashlib.sha256(data).hexdigest()
        assert said["contentSize"] == f"{len(data)} B"


def test_it_says_what_was_derived_from_what(document: dict[str, Any], expected: Any) -> None:
    """In W3C PROV, also to a reader that knows JSON-LD and not Croissant."""
    rdflib = pytest.importorskip("rdflib")
    graph = rdflib.Graph().parse(io.StringIO(json.dumps(document)), format="json-ld")
    prov = rdflib.Namespace("http://www.w3.org/ns/prov#")
    [corpus] = graph.subjects(rdflib.RDF.type, rdflib.URIRef("https://schema.org/Dataset"))
    labels = {str(graph.value(entity, prov.label)) for entity in graph.objects(corpus, prov.wasDerivedFrom)}
    lives = {f"live faces of domain {row['live_domain']}" for row in expected.values()}
    assert labels == lives | {f"guides of domain {row['domain']}" for row in expected.values()}
    [activity] = graph.objects(corpus, prov.wasGeneratedBy)
    assert str(graph.value(activity, prov.label)) == "difffas generate"
    [recipe] = graph.objects(activity, rdflib.URIRef("https://schema.org/description"))
    assert str(recipe).startswith("T0 1") and str(recipe).endswith(" steps of ddim")
    used = graph.value(activity, prov.used)
    assert str(graph.value(used, rdflib.URIRef("https://schema.org/identifier"))) == "dummy"
    rai = rdflib.Namespace("http://mlcommons.org/croissant/RAI/")
    for name in ("dataCollection", "dataBiases", "personalSensitiveInformation", "dataSocialImpact"):
        assert graph.value(corpus, rai[name]) is not None, name
    assert "dummy generator" in str(graph.value(corpus, rai["dataCollection"])), "no diffusion model made these"
