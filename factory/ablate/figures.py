"""The figures of a table: cells computed from evaluations, as Markdown for people and CSV for programs."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, TypeVar

from factory.ablate.graph import OWN, RowEvaluation
from factory.ablate.tables import Table
from factory.charts import fixed
from factory.tables.sheet import table

Value = TypeVar("Value", float, str)

AVERAGE = "average"
PER = {"frame": "per frame", "video": "per video: the mean score of a recording's frames"}
CSV = ("row", "protocol", "metric", "statistic", "seed", "value", "reason", "run")


class CellRecord(TypedDict):
    """A cell in JSON; seeds are text there."""

    row: str
    protocol: str
    metric: str
    mean: float | None
    deviation: float | None
    text: str
    values: dict[str, float]
    reasons: dict[str, str]
    runs: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A metric of a row under one protocol, or averaged over several: for each seed a value, or why it is missing.

    `runs` are the evaluations of the seeds; empty for an average. Values are fractions of 1.
    """

    row: str
    protocol: str
    metric: str
    values: dict[int, float]
    reasons: dict[int, str]
    runs: dict[int, str]

    @property
    def name(self) -> str:
        """Row and column, for messages."""
        return f"{self.row} / {column_name(self.protocol, self.metric)}"

    @property
    def mean(self) -> float | None:
        """Mean over the seeds that have a value; None if no seed has one."""
        return statistics.fmean(self.values.values()) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds, n − 1 in the denominator; None for fewer than two values."""
        return statistics.stdev(self.values.values()) if len(self.values) > 1 else None

    @property
    def filled(self) -> bool:
        """Whether every seed has a value."""
        return not self.reasons

    @property
    def text(self) -> str:
        """Percent with two decimals; with the number of seeds if some have no value."""
        if self.mean is None:
            return "—"
        spread = "" if self.deviation is None else f" ± {fixed(100 * self.deviation, 2)}"
        seeds = "" if self.filled else f" ({len(self.values)} of {len(self.values) + len(self.reasons)} seeds)"
        return f"{fixed(100 * self.mean, 2)}{spread}{seeds}"

    def record(self) -> CellRecord:
        """The cell in JSON."""
        return {
            "row": self.row,
            "protocol": self.protocol,
            "metric": self.metric,
            "mean": self.mean,
            "deviation": self.deviation,
            "text": self.text,
            "values": _by_text(self.values),
            "reasons": _by_text(self.reasons),
            "runs": _by_text(self.runs),
        }


def cells_of(
    table: Table, evaluations: Sequence[RowEvaluation], figure: Callable[[RowEvaluation, str], float | str]
) -> list[Cell]:
    """The cells of a table, row by row in the order of its columns.

    `figure` returns a metric of an evaluation, or as text the reason why it is missing.
    """
    cells = []
    for row in table.rows:
        for metric in table.columns:
            mine = [
                _cell(
                    [each for each in evaluations if (each.row, each.protocol) == (row.name, protocol)], metric, figure
                )
                for protocol in table.protocols
            ]
            cells += mine
            if table.averaged:
                cells.append(_average([cell for cell in mine if cell.protocol in table.averaged], table.seeds))
    return cells


def _cell(
    evaluations: Sequence[RowEvaluation], metric: str, figure: Callable[[RowEvaluation, str], float | str]
) -> Cell:
    found = {each.seed: figure(each, metric) for each in evaluations}
    return Cell(
        evaluations[0].row,
        evaluations[0].protocol,
        metric,
        {seed: value for seed, value in found.items() if not isinstance(value, str)},
        {seed: value for seed, value in found.items() if isinstance(value, str)},
        {each.seed: each.evaluation for each in evaluations if each.evaluation is not None},
    )


def _average(cells: Sequence[Cell], seeds: Sequence[int]) -> Cell:
    """For each seed, the mean over the protocols, if the seed has a value under all of them."""
    values, reasons = {}, {}
    for seed in seeds:
        lacking = [cell.protocol for cell in cells if seed not in cell.values]
        if lacking:
            reasons[seed] = f"no figure under {', '.join(lacking)}"
        else:
            values[seed] = statistics.fmean(cell.values[seed] for cell in cells)
    return Cell(cells[0].row, AVERAGE, cells[0].metric, values, reasons, {})


def column_name(protocol: str, metric: str) -> str:
    """A column's heading; for the corpus's own splits it is only the metric."""
    return metric if protocol == OWN else f"{protocol} {metric}"


def markdown_of(table: Table, cells: Sequence[Cell], unit: str) -> str:
    """The table in Markdown: percent, mean ± standard deviation; below it a reason for every empty cell."""
    columns = dict.fromkeys((cell.protocol, cell.metric) for cell in cells)
    notes: dict[str, int] = {}
    lines = [
        _line(["", *(column_name(*column) for column in columns)]),
        _line(["---", *("---:" for _ in columns)]),
    ]
    for row in table.rows:
        texts = []
        for cell in (cell for cell in cells if cell.row == row.name):
            marks = [notes.setdefault(reason, len(notes) + 1) for reason in dict.fromkeys(cell.reasons.values())]
            texts.append(cell.text + "".join(f" [{mark}]" for mark in marks))
        lines.append(_line([row.name, *texts]))
    seeds = ", ".join(map(str, table.seeds))
    what = f"mean ± standard deviation (n − 1) over seeds {seeds}" if len(table.seeds) > 1 else f"one seed, {seeds}"
    counted = f" The average is over {', '.join(table.averaged)}." if table.averaged else ""
    paragraphs = [
        f"# {table.title}",
        f"{table.shape.strip()} {table.note.strip()}".strip(),
        "\n".join(lines),
        f"Percent, {what}; {PER[unit]}.{counted}",
        "\n".join(f"{mark}. {reason}" for reason, mark in notes.items()),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def csv_of(cells: Sequence[Cell]) -> str:
    """The table in long form: for every cell one line per seed, then its mean and its standard deviation.

    Values are fractions of 1 with all digits; for the statistics, `reason` counts the missing seeds.
    """
    lines: list[Sequence[Any]] = [CSV]
    for cell in cells:
        named = (cell.row, cell.protocol, cell.metric)
        for seed in sorted({*cell.values, *cell.reasons}):
            value = cell.values.get(seed)
            reason, run = cell.reasons.get(seed, ""), cell.runs.get(seed, "")
            lines.append([*named, "value", seed, "" if value is None else repr(value), reason, run])
        lacking = f"{len(cell.reasons)} seeds have no value" if cell.reasons else ""
        for name, figure in (("mean", cell.mean), ("deviation", cell.deviation)):
            lines.append([*named, name, "", "" if figure is None else repr(figure), lacking, ""])
    return table(lines)


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _by_text(by_seed: Mapping[int, Value]) -> dict[str, Value]:
    return {str(seed): value for seed, value in sorted(by_seed.items())}
