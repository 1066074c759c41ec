"""The facts in a corpus's card: counted from its ledger, its index and one shard of each split."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from factory.corpus import INDEX, read_index, read_shard_rows, totals
from factory.corpus.license import strictest_of
from factory.corpus.provenance import VOCABULARY, read_source_type
from factory.corpus.row import LABELS, SCHEMA
from factory.corpus.shards import FORMATS
from factory.images import decode
from factory.run import read_claim
from factory.run.ledger import Ledger
from factory.run.record import ShardRecord
from factory.storage import Storage

SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
# Licences whose names the Hugging Face Hub knows.
HUB_LICENSES = """cc0-1.0 cc-by-4.0 cc-by-3.0 cc-by-sa-4.0 cc-by-nd-4.0 cc-by-nc-4.0 cc-by-nc-3.0 cc-by-nc-sa-4.0
cc-by-nc-nd-4.0 mit apache-2.0 bsd-2-clause bsd-3-clause isc unlicense odc-by odbl"""
_SHARED = ("steps", "sampler", "preset", "generator")  # equal in all rows of a generation
_NAMED = ("live_domain", "live_license", "guide_license")


def corpus_facts(storage: Storage) -> dict[str, Any]:
    """Return all facts about a corpus folder that `dataset.md` and `croissant` state."""
    claim, records = read_claim(storage), list(Ledger(storage).records())
    columns = ("split", "style", "domain", "attack", "subject", "label", "license", "codec", "brisque", "brisque_impl")
    index = read_index(storage, [*columns, "t0", "cfg_scale", *_SHARED, *_NAMED]).unify_dictionaries()
    made = index.filter(pc.is_valid(index["generator"]))
    licenses = _counts(index, "license")
    license_name = strictest_of(licenses)
    index_bytes = storage.read(INDEX)
    return {
        "title": f"{'Generated spoof faces' if len(made) else 'Faces'} {claim['fingerprint'][:8]}",
        "job": claim["job"],
        "fingerprint": claim["fingerprint"],
        "software": claim["software"],
        "rows": len(index),
        "generated": len(made),
        "size_category": SIZES[max(0, len(str(len(index))) - 3)],
        "labels": {LABELS[label]: count for label, count in _counts(index, "label").items()},
        "styles": _cross(index, "style", "split"),
        "splits": _splits(index, records),
        "formats": [name for name in FORMATS if any(name in record["files"] for record in records)],
        "files": [dict(file, format=name) for record in records for name, file in record["files"].items()],
        "features": _features(),
        "index": {"path": INDEX, "bytes": len(index_bytes), "sha256": hashlib.sha256(index_bytes).hexdigest()},
        "codecs": sorted(_counts(index, "codec")),
        "licenses": licenses,
        "license": license_name,
        "hub_license": hub_license(license_name),
        "brisque": _histogram(index["brisque"].drop_null().to_numpy()),
        "brisque_impl": sorted(_counts(index, "brisque_impl")),
        "without_score": index["brisque"].null_count,
        "totals": totals(records),
        "size_auc": _size_auc(records),
        "recipe": _recipe(made),
        "sources": _sources(index, made),
        **_looked_at(storage, records),
    }


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


def _splits(index: pa.Table, records: list[ShardRecord]) -> dict[str, dict[str, Any]]:
    """Return each split's rows, people, and for each format the pattern of its files and their bytes."""
    found: dict[str, dict[str, Any]] = {}
    known = {name: place for place, name in enumerate(("train", "dev", "test"))}
    for split, rows in sorted(_counts(index, "split").items(), key=lambda item: (known.get(item[0], 3), item[0])):
        people = len(pc.unique(index.filter(pc.equal(index["split"], split))["subject"]))
        found[split] = {"rows": rows, "subjects": people, "files": {}}
    for record in records:
        split = record["shard"].rpartition("-")[0]
        if record["rows"] and split in found:
            for name, file in record["files"].items():
                pattern = file["path"].replace(record["shard"], f"{split}-*")
                mine = found[split]["files"].setdefault(name, {"pattern": pattern, "bytes": 0, "first": file["path"]})
                mine["bytes"] += file["bytes"]
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


def _recipe(made: pa.Table) -> dict[str, Any] | None:
    """Return how generated rows were sampled, according to their columns."""
    if not len(made):
        return None
    ranges = {}
    for name in ("t0", "cfg_scale"):
        bounds = pc.min_max(made[name]).as_py()
        ranges[name] = [bounds["min"], bounds["max"]]
    return {**ranges, **{name: list(_counts(made, name)) for name in _SHARED}}


def _sources(index: pa.Table, made: pa.Table) -> list[dict[str, Any]]:
    """Return the images' sources (role, domain, licence, rows) according to the rows' columns."""
    plain = index.filter(pc.is_null(index["generator"]))
    roles = [
        ("live faces", made, "live_domain", "live_license"),
        ("guides", made, "domain", "guide_license"),
        ("images", plain, "domain", "license"),
    ]
    return [
        {"role": role, "domain": domain, "license": license_name, "rows": rows}
        for role, table, where, terms in roles
        for domain, by_license in _cross(table, where, terms).items()
        for license_name, rows in sorted(by_license.items())
    ]


def _looked_at(storage: Storage, records: list[ShardRecord]) -> dict[str, Any]:
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
    return {"side": side, "marks": sorted((*key, count) for key, count in marks.items()), "vocabulary": VOCABULARY}
