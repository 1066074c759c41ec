"""The report's section on ablation tables, as plain values for the template."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from difffas.errors import UserError
from factory.ablate import GAPS, STATION
from factory.ablate.figures import column_name
from factory.core.config import fingerprint
from factory.report.sections import Folder
from factory.run import SUMMARY, read_claim
from factory.run.reading import read_json
from factory.storage import Storage


def open_table(url: str) -> Folder:
    """An ablation's folder: the full table, or the last one with gaps.

    Raises:
        UserError: if the folder holds no ablation, or one that never finished.
    """
    storage = Storage(url)
    claim = read_claim(storage)
    if claim["job"] != STATION:
        raise UserError(f"{storage.url} holds a run of {claim['job']}, not an ablation: give another folder")
    with_gaps = [f"{GAPS}/{name}" for name in storage.names(GAPS) if name.endswith(".json")]
    name = SUMMARY if storage.exists(SUMMARY) else with_gaps[-1] if with_gaps else None
    if name is None:
        raise UserError(f"{storage.url} is not finished: run the command that writes it again")
    summary = read_json(storage, name, "delete it and run the command again")
    return Folder(storage, claim, summary, fingerprint([hashlib.sha256(storage.read(name)).hexdigest()]))


def ablations(folders: Mapping[str, Folder]) -> dict[str, Any] | None:
    """The tables in their order: column headings, and rows of cells, with the reason for each gap."""
    if not folders:
        return None
    return {"tables": [_table(folder.summary) for folder in folders.values()]}


def _table(summary: dict[str, Any]) -> dict[str, Any]:
    columns = dict.fromkeys((cell["protocol"], cell["metric"]) for cell in summary["cells"])
    rows: dict[str, list[dict[str, str]]] = {}
    for cell in summary["cells"]:
        why = "; ".join(dict.fromkeys(cell["reasons"].values()))
        rows.setdefault(cell["row"], []).append({"text": cell["text"], "why": why})
    return {
        **{name: summary["table"][name] for name in ("title", "shape", "note", "seeds")},
        "unit": summary["unit"],
        "columns": [column_name(*column) for column in columns],
        "rows": list(rows.items()),
    }
