"""What a benchmark found: means and differences by row and family of protocols, and sentences made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypedDict

from factory.ablate.tables import Table
from factory.benchmark.differences import Difference
from factory.benchmark.evaluations import Evaluations, Spread
from factory.charts import fixed

NAMES = {
    "hter@dev_eer": "HTER at the dev threshold",
    "hter@0.5": "HTER at 0.5",
    "hter@test_eer": "HTER at the test set's own threshold",
    "auc": "AUC",
    "acer@dev_eer": "ACER at the dev threshold",
}
LARGER_IS_BETTER = ("auc", "tpr@fpr=1%")


class MeanRecord(TypedDict):
    """A mean in JSON."""

    row: str
    family: str
    metric: str
    attack: str | None
    mean: float | None
    deviation: float | None
    seeds: int


class DifferenceRecord(TypedDict):
    """A difference to the baseline in JSON, as fractions of 1."""

    row: str
    family: str
    metric: str
    difference: float | None
    low: float | None
    high: float | None
    seeds: int


@dataclasses.dataclass(frozen=True)
class RowResult:
    """A row in a family: the table's metrics, their differences to the baseline, and the APCER of each attack."""

    row: str
    means: dict[str, Spread | None]
    differences: dict[str, Difference | None]  # empty for the baseline
    apcer: dict[str, Spread | None]


@dataclasses.dataclass(frozen=True)
class Family:
    """Protocols that are averaged, and the results of all rows over them and over each alone."""

    name: str
    protocols: tuple[str, ...]
    rows: list[RowResult]
    alone: dict[str, list[RowResult]]  # by protocol

    @property
    def attacks(self) -> list[str]:
        """The attacks that are tested."""
        return list(self.rows[0].apcer)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a row is better than the baseline in a family (1), worse (−1), or neither is shown (0), in words."""

    row: str
    family: str
    better: int
    text: str


def families_of(table: Table, families: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The table's protocols by family, in its order; a protocol that is in none is a family of its own."""
    of = {protocol: name for name, protocols in families.items() for protocol in protocols}
    found: dict[str, tuple[str, ...]] = {}
    for protocol in table.protocols:
        name = of.get(protocol, protocol)
        found[name] = (*found.get(name, ()), protocol)
    return found


def results_of(
    table: Table, evaluations: Evaluations, families: Mapping[str, tuple[str, ...]], baseline: str
) -> list[Family]:
    """The results of every family."""
    return [
        Family(
            name,
            protocols,
            _rows(table, evaluations, protocols, baseline),
            {protocol: _rows(table, evaluations, (protocol,), baseline) for protocol in protocols},
        )
        for name, protocols in families.items()
    ]


def _rows(table: Table, evaluations: Evaluations, protocols: Sequence[str], baseline: str) -> list[RowResult]:
    tested = [each.metrics["n_by_attack"] for place, each in evaluations.judged.items() if place[1] in protocols]
    attacks = sorted({attack for by_attack in tested for attack in by_attack})
    return [
        RowResult(
            row.name,
            {metric: evaluations.spread(row.name, protocols, metric) for metric in table.columns},
            {}
            if row.name == baseline
            else {metric: evaluations.difference(row.name, baseline, protocols, metric) for metric in table.columns},
            {attack: evaluations.spread(row.name, protocols, "apcer@dev_eer", attack) for attack in attacks},
        )
        for row in table.rows
    ]


def verdicts(families: Sequence[Family], metric: str) -> list[Verdict]:
    """One sentence for every row and family: what makes it worse first, then what shows nothing, then what helps."""
    found = []
    for family in families:
        for row in family.rows:
            change = row.differences.get(metric)
            if change is None:
                continue
            better = change.sign * (1 if metric in LARGER_IS_BETTER else -1)
            reached = row.means[metric]
            figure = "" if reached is None else f"{fixed(100 * reached.mean, 2)} %, "
            found.append(Verdict(row.row, family.name, better, figure + points(change)))
    return sorted(found, key=lambda verdict: verdict.better)


def points(change: Difference) -> str:
    """A difference in percentage points, with its interval."""
    text = signed(change.value)
    if change.low is None or change.high is None:
        return f"{text} (no interval: {change.seeds} seed{'s' * (change.seeds != 1)})"
    return f"{text} ({signed(change.low)} to {signed(change.high)})"


def signed(value: float) -> str:
    """A fraction of 1 in percent with its sign, two decimals."""
    return ("+" if value >= 0 else "") + fixed(100 * value, 2)


def mean_records(families: Sequence[Family]) -> list[MeanRecord]:
    """All means in JSON."""
    return [
        {
            "row": row.row,
            "family": family.name,
            "metric": metric,
            "attack": attack,
            "mean": None if spread is None else spread.mean,
            "deviation": None if spread is None else spread.deviation,
            "seeds": 0 if spread is None else spread.seeds,
        }
        for family in families
        for row in family.rows
        for metric, attack, spread in [
            *((metric, None, spread) for metric, spread in row.means.items()),
            *(("apcer@dev_eer", attack, spread) for attack, spread in row.apcer.items()),
        ]
    ]


def difference_records(families: Sequence[Family]) -> list[DifferenceRecord]:
    """All differences in JSON, over families and over each protocol alone, under whose name they stand."""
    parts = [(family.name, family.rows) for family in families]
    parts += [(name, rows) for family in families for name, rows in family.alone.items() if len(family.alone) > 1]
    return [
        {
            "row": row.row,
            "family": name,
            "metric": metric,
            "difference": None if change is None else change.value,
            "low": None if change is None else change.low,
            "high": None if change is None else change.high,
            "seeds": 0 if change is None else change.seeds,
        }
        for name, rows in parts
        for row in rows
        for metric, change in row.differences.items()
    ]
