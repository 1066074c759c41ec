"""Counts of corpora under a protocol: the rows of each part, the rows of no part, and missing rows."""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

import pyarrow as pa

from factory.corpus import Corpus
from factory.corpus.generated import are_generated
from factory.corpus.row import LIVE, SPOOF
from factory.protocols.families import load
from factory.protocols.leakage import shared_subjects
from factory.protocols.rules import PARTS

WHO = ["domain", "subject", "attack", "capture"]  # together these columns identify a recording


class Size(TypedDict):
    """The rows of a label, and the recordings that they come from."""

    rows: int
    recordings: int


class Part(TypedDict):
    """The rows of one part."""

    live: Size
    spoof: Size
    subjects: int
    domains: dict[str, dict[str, int]]  # rows by domain and attack


class Counts(TypedDict):
    """The rows of a corpus under a protocol."""

    parts: dict[str, Part]
    unused: dict[str, dict[str, int]]  # rows of no part by domain and attack
    subjects_in_train_and_test: int
    generated: NotRequired[dict[str, dict[str, int]]]  # rows by domain and attack


class Description(TypedDict, total=False):
    """A protocol as its file has it without defaults, but with its rules as text; with corpora, their counts."""

    name: str
    title: str
    source: str
    note: str
    thresholds: list[str]
    disjoint_subjects: bool
    recordings: dict[str, str]
    train: list[str]
    dev: list[str]
    test: list[str]
    generation: dict[str, list[str]]
    digest: str
    training: str  # digest of the training rules
    missing: list[str]  # what no corpus has
    corpora: dict[str, Counts]  # by URL


def describe(name: str, corpora: list[str]) -> Description:
    """Return a protocol, each corpus's counts under it, and missing rows."""
    protocol = load(name)
    told = cast("Description", protocol.model_dump(mode="json", exclude_defaults=True))
    told["train"] = [str(rule) for rule in protocol.train]
    told["dev"] = [str(rule) for rule in protocol.dev]
    told["test"] = [str(rule) for rule in protocol.test]
    told["digest"], told["training"] = protocol.digest, protocol.training_digest
    if corpora:
        views = [Corpus(url).under(protocol) for url in corpora]
        told["missing"] = [
            line
            for line in protocol.missing(views[0].official)
            if all(line in protocol.missing(view.official) for view in views[1:])
        ]
        told["corpora"] = {url: figures(view) for url, view in zip(corpora, views, strict=True)}
    return told


def figures(corpus: Corpus) -> Counts:
    """Count rows, recordings and subjects of each part by label, domain and attack; and the rows of no part."""
    made = are_generated(corpus.index)
    parts = {part: corpus.index.filter(pa.array(~made & (corpus.column("split") == part))) for part in (*PARTS, "")}
    found: Counts = {
        "parts": {part: _part(parts[part]) for part in PARTS},
        "unused": _domains(parts[""]),
        "subjects_in_train_and_test": len(shared_subjects(corpus, "train", "test")),
    }
    if made.any():
        found["generated"] = _domains(corpus.index.filter(pa.array(made)))
    return found


def _part(lines: pa.Table) -> Part:
    """Count rows and recordings by label, subjects, and rows by domain and attack."""
    recordings = lines.group_by([*WHO, "label"]).aggregate([])["label"].to_numpy()
    rows = lines["label"].to_numpy()

    def size(label: int) -> Size:
        return {"rows": int((rows == label).sum()), "recordings": int((recordings == label).sum())}

    subjects = lines.group_by(["domain", "subject"]).aggregate([]).num_rows
    return {"live": size(LIVE), "spoof": size(SPOOF), "subjects": subjects, "domains": _domains(lines)}


def _domains(lines: pa.Table) -> dict[str, dict[str, int]]:
    """Count rows by domain and attack."""
    counts: dict[str, dict[str, int]] = {}
    found = lines.group_by(["domain", "attack"]).aggregate([([], "count_all")]).to_pylist()
    for line in sorted(found, key=lambda line: (line["domain"], line["attack"])):
        counts.setdefault(line["domain"], {})[line["attack"]] = line["count_all"]
    return counts
