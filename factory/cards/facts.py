"""The facts in a corpus's card: counted from its ledger, its index and one shard of each split."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from factory.cards.rendered import RenderedFacts, rendered_facts
from factory.corpus import INDEX, Totals, read_index, read_shard_rows, totals
from factory.corpus.license import strictest_of
from factory.corpus.provenance import VOCABULARY, read_source_type
from factory.corpus.row import LABELS, SCHEMA
from factory.corpus.shards import FORMATS
from factory.images import decode
from factory.run import read_claim
from factory.run.ledger import Ledger
from factory.run.record import ShardFile, ShardRecord
from factory.storage import Storage

SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
# Licences whose names the Hugging Face Hub knows.
HUB_LICENSES = """cc0-1.0 cc-by-4.0 cc-by-3.0 cc-by-sa-4.0 cc-by-nd-4.0 cc-by-nc-4.0 cc-by-nc-3.0 cc-by-nc-sa-4.0
cc-by-nc-nd-4.0 mit apache-2.0 bsd-2-clause bsd-3-clause isc unlicense odc-by odbl"""
_SHARED = ("match", "steps", "sampler", "preset", "generator")  # equal in all rows of a generation
_NAMED = ("live_domain", "live_license", "guide_license")


class FormatFile(ShardFile):
    """A shard's file and its format."""

    format: str


@dataclasses.dataclass(frozen=True)
class SplitFiles:
    """A split's files in one format: the pattern that matches them, their bytes together, the first file."""

    pattern: str
    bytes: int
    first: str


@dataclasses.dataclass(frozen=True)
class SplitFacts:
    """The rows and people of a split, and its files by format."""

    rows: int
    subjects: int
    files: dict[str, SplitFiles]


@dataclasses.dataclass(frozen=True)
class SamplingFacts:
    """How generated rows were sampled: least and largest T₀ and w, and the values of what all rows share.

    New people, of whom no live face was edited, have no T₀ and w.
    """

    t0: tuple[int, int] | None
    cfg_scale: tuple[float, float] | None
    match: list[str]
    steps: list[int]
    sampler: list[str]
    preset: list[str]
    generator: list[str]


@dataclasses.dataclass(frozen=True)
class Source:
    """Where images come from: their role, such as `guides`, domain, licence, and number of rows."""

    role: str
    domain: str
    license: str
    rows: int


@dataclasses.dataclass(frozen=True)
class Sample:
    """Facts that no column holds: image size, and the marks of a few images by label with their counts."""

    side: str
    marks: list[tuple[str, str, int]]


@dataclasses.dataclass(frozen=True)
class CorpusFacts:
    """All that `dataset.md` and `croissant` state about a corpus folder."""

    title: str
    job: str
    fingerprint: str
    software: dict[str, str]
    rows: int
    generated: int
    invented: int  # people whom a generator invented
    size_category: str
    labels: dict[str, int]
    styles: dict[str, dict[str, int]]  # rows by style and split
    splits: dict[str, SplitFacts]
    formats: list[str]
    files: list[FormatFile]
    features: list[tuple[str, str, tuple[str, ...]]]
    index: ShardFile
    codecs: list[str]
    licenses: dict[str, int]
    license: str
    hub_license: str | None
    brisque: list[tuple[str, int]]
    brisque_impl: list[str]
    without_score: int
    totals: Totals
    size_auc: float | None
    recipe: SamplingFacts | None
    rendered: RenderedFacts | None
    sources: list[Source]
    side: str
    marks: list[tuple[str, str, int]]
    vocabulary: str


def _without_places(record: ShardRecord) -> ShardRecord:
    record.pop("places", None)
    return record


def corpus_facts(storage: Storage) -> CorpusFacts:
    """Return all facts about a corpus folder that `dataset.md` and `croissant` state."""
    # The places of ten million images would take a gigabyte.
    claim, records = read_claim(storage), list(map(_without_places, Ledger(storage).records()))
    columns = ("split", "style", "domain", "attack", "subject", "label", "license", "codec", "brisque", "brisque_impl")
    index = read_index(storage, [*columns, "t0", "cfg_scale", *_SHARED, *_NAMED]).unify_dictionaries()
    made = index.filter(pc.is_valid(index["generator"]))
    invented = made.filter(pc.is_null(made["live_domain"]))
    licenses = _counts(index, "license")
    license_name = strictest_of(licenses)
    index_bytes = storage.read(INDEX)
    sample, rendered = _looked_at(storage, records), rendered_facts(storage, records)
    all_rendered = rendered is not None and rendered.pictures == len(index)
    kind = (
        "Generated faces"
        if len(invented)
        else "Generated spoof faces"
        if len(made)
        else "Rendered faces"
        if all_rendered
        else "Faces"
    )
    return CorpusFacts(
        title=f"{kind} {claim['fingerprint'][:8]}",
        job=claim["job"],
        fingerprint=claim["fingerprint"],
        software=claim.get("software", {}),
        rows=len(index),
        generated=len(made),
        invented=len(pc.unique(invented["subject"])),
        size_category=SIZES[max(0, len(str(len(index))) - 3)],
        labels={LABELS[label]: count for label, count in _counts(index, "label").items()},
        styles=_cross(index, "style", "split"),
        splits=_splits(index, records),
        formats=[name for name in FORMATS if any(name in record["files"] for record in records)],
        files=[{**file, "format": name} for record in records for name, file in record["files"].items()],
        features=_features(),
        index={"path": INDEX, "bytes": len(index_bytes), "sha256": hashlib.sha256(index_bytes).hexdigest()},
        codecs=sorted(_counts(index, "codec")),
        licenses=licenses,
        license=license_name,
        hub_license=hub_license(license_name),
        brisque=_histogram(index["brisque"].drop_null().to_numpy()),
        brisque_impl=sorted(_counts(index, "brisque_impl")),
        without_score=index["brisque"].null_count,
        totals=totals(records),
        size_auc=_size_auc(records),
        recipe=_recipe(made),
        rendered=rendered,
        sources=_sources(index, made),
        side=sample.side,
        marks=sample.marks,
        vocabulary=VOCABULARY,
    )


def hub_license(name: str) -> str | None:
    """Return the Hub's identifier of a licence, or None if the Hub does not know the licence."""
    return name.lower() if name.lower() in HUB_LICENSES.split() else None


def _features() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the columns in the terms of the Hub's YAML: name, type, class names."""
    kinds = {"image": "image", "label": "class_label"}
    arrow = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}
    return [(field.name, kinds.get(field.name) or arrow[field.type], LABELS) for field in SCHEMA]


def _counts(table: pa.Table, column: str) -> dict[Any, int]:
    """Count rows by value of a column, in the order of the values."""
    counted = {item["values"]: item["counts"] for item in pc.value_counts(table[column]).to_pylist()}
    return {value: counted[value] for value in sorted(value for value in counted if value is not None)}


def _cross(table: pa.Table, first: str, second: str) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    for row in table.group_by([first, second]).aggregate([([], "count_all")]).to_pylist():
        counted.setdefault(row[first], {})[row[second]] = row["count_all"]
    return dict(sorted(counted.items()))


def _splits(index: pa.Table, records: list[ShardRecord]) -> dict[str, SplitFacts]:
    """Return each split's rows, people, and for each format the pattern of its files and their bytes."""
    found: dict[str, SplitFacts] = {}
    known = {name: place for place, name in enumerate(("train", "dev", "test"))}
    for split, rows in sorted(_counts(index, "split").items(), key=lambda item: (known.get(item[0], 3), item[0])):
        people = len(pc.unique(index.filter(pc.equal(index["split"], split))["subject"]))
        found[split] = SplitFacts(rows, people, {})
    for record in records:
        split = record["shard"].rpartition("-")[0]
        if record["rows"] and split in found:
            for name, file in record["files"].items():
                pattern = file["path"].replace(record["shard"], f"{split}-*")
                before = found[split].files.get(name, SplitFiles(pattern, 0, file["path"]))
                found[split].files[name] = dataclasses.replace(before, bytes=before.bytes + file["bytes"])
    return found


def _histogram(scores: np.ndarray) -> list[tuple[str, int]]:
    """Count scores by tens; scores below 0 and scores from 100 on have one line each."""
    edges = np.arange(0, 101, 10)
    counts = np.bincount(np.digitize(scores, edges), minlength=len(edges) + 1)
    names = ["below 0", *(f"{low} to {low + 10}" for low in edges[:-1]), "100 and more"]
    return [(name, int(count)) for name, count in zip(names, counts, strict=True)]


def _size_auc(records: list[ShardRecord]) -> float | None:
    """Return the mean over shards, weighted by their number of pairs of a live face and a spoof."""
    found = [sizes for record in records if (sizes := record.get("size_auc"))]
    pairs = [each["live"] * each["spoof"] for each in found]
    return sum(each["auc"] * count for each, count in zip(found, pairs, strict=True)) / sum(pairs) if pairs else None


def _recipe(made: pa.Table) -> SamplingFacts | None:
    """Return how generated rows were sampled, according to their columns."""
    if not len(made):
        return None
    t0, cfg_scale = (_range(made, name) for name in ("t0", "cfg_scale"))
    return SamplingFacts(t0, cfg_scale, *(list(_counts(made, name)) for name in _SHARED))


def _range(table: pa.Table, column: str) -> Any:
    """The least and largest value of a column; None if no row has a value."""
    found = pc.min_max(table[column]).as_py()
    return None if found["min"] is None else (found["min"], found["max"])


def _sources(index: pa.Table, made: pa.Table) -> list[Source]:
    """Return the images' sources (role, domain, licence, rows) according to the rows' columns."""
    plain = index.filter(pc.is_null(index["generator"]))
    no_source = pc.is_null(made["live_domain"])
    edited, invented = made.filter(pc.invert(no_source)), made.filter(no_source)
    roles = [
        ("live faces", edited, "live_domain", "live_license"),
        ("guides", edited, "domain", "guide_license"),
        ("faces that its generator was fitted on", invented, "domain", "license"),
        ("images", plain, "domain", "license"),
    ]
    return [
        Source(role, domain, license_name, rows)
        for role, table, where, terms in roles
        for domain, by_license in _cross(table, where, terms).items()
        for license_name, rows in sorted(by_license.items())
    ]


def _looked_at(storage: Storage, records: list[ShardRecord]) -> Sample:
    """Return facts that no column holds: image size and marks, from the first shard of each split that has rows."""
    marks: Counter[tuple[str, str]] = Counter()
    side, seen = "", set()
    for record in records:
        split = record["shard"].rpartition("-")[0]
        if record["rows"] and split not in seen:
            seen.add(split)
            rows = read_shard_rows(storage, record["shard"])
            height, width, _ = decode(rows[0].image).shape
            side = f"{height}×{width}"
            marks.update((LABELS[row.label], read_source_type(row.image) or "none") for row in rows)
    return Sample(side, sorted((*key, count) for key, count in marks.items()))
