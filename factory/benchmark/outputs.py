"""The files of a benchmark, made from what it found: page, Markdown, CSV and pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from factory.ablate import Unit
from factory.ablate.tables import Table
from factory.benchmark import page, pictures
from factory.benchmark.evaluations import Evaluations
from factory.benchmark.maps import Map as Map
from factory.benchmark.page import StrengthShown
from factory.benchmark.results import Family, Verdict, difference_records
from factory.benchmark.tables import markdown, results_csv
from factory.benchmark.traces import Trace
from factory.storage import Storage
from factory.strength import CELLS, GRID
from factory.tables.sheet import table_of

PAGE, MARKDOWN, RESULTS, DIFFERENCES = "benchmark.html", "benchmark.md", "results.csv", "differences.csv"
POINTS, TRACES, STRENGTH_GRID, STRENGTH_CELLS = "features.csv", "traces.csv", "strength.png", "strength.csv"


@dataclasses.dataclass(frozen=True)
class Found:
    """Everything that a benchmark found; `left_out` says why a part is missing."""

    table: Table
    unit: Unit
    baseline: str
    metric: str
    evaluations: Evaluations
    families: list[Family]
    verdicts: list[Verdict]
    traces: list[Trace]
    maps: list[Map]
    strength: Storage | None
    left_out: dict[str, str]
    generation_seed: int | None
    given: str | None  # a finished generator, or a finished corpus of spoofs

    def notes(self) -> list[str]:
        """What a reader has to know before the figures."""
        table, people = self.table, len(self.evaluations.people)
        counts = (
            f"{_count(table.rows, 'row')}, {_count(table.protocols, 'protocol')}, {_count(table.seeds, 'seed')}, "
            f"{people} test people; figures are per {self.unit}, mean ± standard deviation over seeds (n − 1)."
        )
        return [counts, self._shared(), table.note.strip()]

    def _shared(self) -> str:
        """Where generated faces come from, and which seeds share them."""
        if self.given is not None:
            return f"Generated faces come from {self.given}, which was given: its card says what it had learned from."
        if self.generation_seed is None:
            return "Each seed has its own generator and generated faces."
        return (
            "Style encoder, generator and generated faces are made once for each training part, on its sources alone, "
            f"with seed {self.generation_seed}, and shared by all seeds and rows: deviations are those of the "
            f"classifiers' seeds."
        )


def files(found: Found) -> dict[str, bytes]:
    """Every file by name."""
    names = [row.name for row in found.table.rows]
    made: dict[str, str | bytes] = {RESULTS: results_csv(found.evaluations, found.families)}
    if differences := difference_records(found.families):
        made[DIFFERENCES] = table_of(differences)
    if found.traces:
        made[TRACES] = table_of(found.traces)
    charts: dict[str, str] = {}
    for protocol in found.table.protocols:
        curves = pictures.mean_curves(found.evaluations, protocol, names)
        if curves:
            charts[protocol] = pictures.roc(curves, f"ROC, {protocol}", names)
            legend = {f"line row-{names.index(row) % pictures.LINES}": row for row in curves}
            made[f"roc-{_plain(protocol)}.svg"] = pictures.picture(charts[protocol], f"ROC, {protocol}", legend)
    for number, each in enumerate(found.maps):
        legend = {f"point {kind}": kind for kind in pictures.KINDS}
        made[f"features-{number}.svg"] = pictures.picture(each.chart, f"Features: {each.row}", legend)
    if found.maps:
        made[POINTS] = table_of([point for each in found.maps for point in each.points])
    shown = None
    if found.strength is not None:
        made[STRENGTH_GRID] = found.strength.read(GRID)
        made[STRENGTH_CELLS] = found.strength.read(CELLS)
        shown = StrengthShown.of(found.strength)
    made[MARKDOWN] = markdown(
        found.table,
        found.families,
        found.verdicts,
        found.baseline,
        found.metric,
        found.notes(),
        found.evaluations.gaps,
        found.traces,
    )
    made[PAGE] = page.render(
        page.Content(
            title=found.table.title,
            notes=found.notes(),
            baseline=found.baseline,
            metric=found.metric,
            columns=list(found.table.columns),
            rows=names,
            families=found.families,
            verdicts=found.verdicts,
            charts=charts,
            traces=found.traces,
            maps=[(each.row, each.chart) for each in found.maps],
            strength=shown,
            gaps=found.evaluations.gaps,
            left_out=found.left_out,
        )
    )
    return {name: data.encode() if isinstance(data, str) else data for name, data in made.items()}


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


def _plain(protocol: str) -> str:
    """A protocol's name as part of a file's: one of a user's own is a path."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in protocol)
