"""The report's section on ablation tables, for the template."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TypedDict

from difffas.errors import UserError
from factory.ablate import STATION, Unit
from factory.ablate.figures import PER, column_name
from factory.ablate.gaps import GAPS
from factory.core.config import fingerprint
from factory.report.sections import Folder
from factory.run import SUMMARY, read_claim
from factory.run.reading import read_json
from factory.storage import Storage


class ShownTable(TypedDict):
    """The part of a table's configuration that the section shows."""

    title: str
    shape: str
    note: str
    seeds: list[int]


class ShownCell(TypedDict):
    """The part of a cell that the section shows."""

    row: str
    protocol: str
    metric: str
    text: str
    reasons: dict[str, str]


class ShownSummary(TypedDict):
    """The part of an ablation's summary that the section shows."""

    table: ShownTable
    unit: Unit
    cells: list[ShownCell]


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
    return Folder(storage, claim, summary, fingerprint([hashlib.sha256(storage.read(name)).hexdigest()]), name)


@dataclasses.dataclass(frozen=True)
class TextCell:
    """A figure as text, and the reason for a gap."""

    text: str
    why: str


@dataclasses.dataclass(frozen=True)
class AblationTable:
    """A table of percentages over seeds; the note says what the paper leaves open, `unit` of what the figures are."""

    title: str
    shape: str
    note: str
    seeds: list[int]
    unit: str
    columns: list[str]
    rows: list[tuple[str, list[TextCell]]]


@dataclasses.dataclass(frozen=True)
class Ablations:
    """The tables in their order."""

    tables: list[AblationTable]


def ablations(folders: Mapping[str, Folder]) -> Ablations | None:
    """The tables in their order: column headings, and rows of cells, with the reason for each gap."""
    if not folders:
        return None
    return Ablations([_table(folder.figures(ShownSummary)) for folder in folders.values()])


def _table(summary: ShownSummary) -> AblationTable:
    columns = dict.fromkeys((cell["protocol"], cell["metric"]) for cell in summary["cells"])
    rows: dict[str, list[TextCell]] = {}
    for cell in summary["cells"]:
        why = "; ".join(dict.fromkeys(cell["reasons"].values()))
        rows.setdefault(cell["row"], []).append(TextCell(cell["text"], why))
    table = summary["table"]
    return AblationTable(
        title=table["title"],
        shape=table["shape"],
        note=table["note"],
        seeds=table["seeds"],
        unit=PER[summary["unit"]],
        columns=[column_name(*column) for column in columns],
        rows=list(rows.items()),
    )
