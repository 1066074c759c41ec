"""Counts of corpora under a protocol: the rows of each part, the rows of no part, and missing rows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from factory.corpus import Corpus
from factory.corpus.row import LABELS, LIVE
from factory.protocols.families import load, titles
from factory.protocols.leakage import shared_subjects
from factory.protocols.rules import PARTS
from factory.tables.columns import TextColumn

WHO = ["domain", "subject", "attack", "capture"]  # together these columns identify a recording


def describe(name: str | None, corpora: list[str]) -> dict[str, Any]:
    """Return names and titles of all protocols; or one protocol, each corpus's counts under it, and missing rows."""
    if name is None:
        return {"protocols": titles()}
    protocol = load(name)
    told = protocol.model_dump(mode="json", exclude_defaults=True)
    for part in PARTS:
        told[part] = [str(rule) for rule in protocol.rules(part)]
    told |= {"digest": protocol.digest, "training": protocol.training_digest}
    if corpora:
        views = [Corpus(url).under(protocol) for url in corpora]
        told["missing"] = [
            line
            for line in protocol.missing(views[0].official)
            if all(line in protocol.missing(view.official) for view in views[1:])
        ]
        told["corpora"] = {url: figures(view) for url, view in zip(corpora, views, strict=True)}
    return told


def figures(corpus: Corpus) -> dict[str, Any]:
    """Count rows, recordings and subjects of each part by label, domain and attack; and the rows of no part."""
    made = TextColumn(corpus.index, "guide_key").codes >= 0
    found: dict[str, Any] = {}
    parts = {part: corpus.index.filter(pa.array(~made & (corpus.column("split") == part))) for part in (*PARTS, "")}
    found["parts"] = {part: _part(parts[part]) for part in PARTS}
    found["unused"] = _domains(parts[""])
    found["subjects_in_train_and_test"] = len(shared_subjects(corpus, "train", "test"))
    if made.any():
        found["generated"] = _domains(corpus.index.filter(pa.array(made)))
    return found


def _part(lines: pa.Table) -> dict[str, Any]:
    """Count rows and recordings by label, subjects, and rows by domain and attack."""
    recordings = lines.group_by([*WHO, "label"]).aggregate([])["label"].to_numpy()
    rows = lines["label"].to_numpy()
    sizes = {
        label: {"rows": int((rows == number).sum()), "recordings": int((recordings == number).sum())}
        for number, label in enumerate(LABELS, start=LIVE)
    }
    subjects = lines.group_by(["domain", "subject"]).aggregate([]).num_rows
    return {**sizes, "subjects": subjects, "domains": _domains(lines)}


def _domains(lines: pa.Table) -> dict[str, dict[str, int]]:
    """Count rows by domain and attack."""
    counts: dict[str, dict[str, int]] = {}
    found = lines.group_by(["domain", "attack"]).aggregate([([], "count_all")]).to_pylist()
    for line in sorted(found, key=lambda line: (line["domain"], line["attack"])):
        counts.setdefault(line["domain"], {})[line["attack"]] = line["count_all"]
    return counts
