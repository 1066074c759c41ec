"""The metrics of several evaluations side by side: names in full, percent, and a reason for every gap."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from difffas.metrics.document import Metrics
from factory.charts import fixed

# Origins of the threshold: name in the summary, label, and a note on how to judge it.
THRESHOLDS = (
    ("dev_eer", "dev EER", "where the development split has its equal error rate"),
    ("dev_bpcer=1%", "dev BPCER = 1\u00a0%", "where 1 % of the development split's live faces are rejected"),
    ("0.5", "0.5", "fixed in advance"),
    ("test_eer", "test EER", "chosen on the test labels themselves, so optimistic"),
)
RATES = (
    ("hter", "HTER", "half the sum of both error rates, all attacks pooled"),
    ("acer", "ACER", "half the sum of the largest APCER and BPCER"),
    ("bpcer", "BPCER", "live faces rejected"),
    ("apcer_max", "APCER, largest", "attacks accepted, of the worst attack"),
)
BEST = ("hter", "acer")
ONE_IN = {10: "10 %", 20: "5 %", 100: "1 %"}  # APCER limits of BPCER10, BPCER20, BPCER100

Columns = list[Metrics]


@dataclasses.dataclass(frozen=True)
class Cell:
    """One figure: its value and text, None for a missing value, whose reason is `why`; `interval` may be empty."""

    value: float | None
    text: str | None
    interval: str = ""
    why: str = ""
    best: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric of all evaluations."""

    label: str
    meaning: str
    cells: list[Cell]


@dataclasses.dataclass(frozen=True)
class Group:
    """The metrics at one threshold; the note says how to judge it."""

    title: str
    note: str
    rows: list[Row]


def metric_table(summaries: Mapping[str, Metrics]) -> list[Group]:
    """Return groups of rows from summaries of `difffas.metrics.report`, one column per evaluation.

    `best` marks AUC, D-EER, TPR, HTER and ACER if columns of one unit (frames, videos) differ; APCER and BPCER trade
    against each other, so neither has a best value.
    """
    columns = list(summaries.values())
    whole = [
        _row("AUC", "chance that a live face scores above an attack", columns, "auc", largest=True),
        _row("D-EER", "where both error rates are equal", columns, "d_eer", largest=False),
        _row(
            "TPR at FPR = 1\u00a0%",
            "live faces accepted where at most 1 % of all attacks are",
            columns,
            "tpr@fpr=1%",
            largest=True,
        ),
        _counts("live faces", columns, "n_live"),
        *(_counts(f"attacks, {name}", columns, "n_by_attack", name) for name in _attacks(columns, "n_by_attack")),
    ]
    return [
        Group("Any threshold", "", whole),
        *(_at_threshold(columns, name, label, note) for name, label, note in THRESHOLDS),
        *(_at_apcer(columns, origin) for origin in ("dev", "test")),
    ]


def _at_threshold(columns: Columns, name: str, label: str, note: str) -> Group:
    rows = [
        _row(f"{rate} at {label}", meaning, columns, f"{key}@{name}", False if key in BEST else None)
        for key, rate, meaning in RATES
    ]
    rows += [
        _row(f"APCER at {label}, {attack}", "", columns, f"apcer@{name}", None, attack)
        for attack in _attacks(columns, f"apcer@{name}")
    ]
    rows.append(_threshold("threshold", columns, f"threshold@{name}"))
    return Group(f"Threshold: {label}", note, rows)


def _at_apcer(columns: Columns, origin: str) -> Group:
    """Return rows of the BPCER at which the development or the test set keeps every attack's APCER at a given rate."""
    rows = []
    for one_in, rate in ONE_IN.items():
        label = f"BPCER{one_in} at {origin}"
        meaning = f"live faces rejected where on {origin} the largest APCER is at most {rate}"
        rows += [
            _row(label, meaning, columns, f"bpcer{one_in}@{origin}", None),
            _row("APCER, largest, there", "what it is on test", columns, f"apcer_max@{origin}_bpcer{one_in}", None),
            _threshold("threshold", columns, f"threshold@{origin}_bpcer{one_in}"),
        ]
    notes = {"dev": "chosen on the development split", "test": "chosen on the test labels themselves, so optimistic"}
    title = f"Threshold: largest APCER at most 10, 5, 1 % on {origin}"
    return Group(title, notes[origin], rows)


def _row(label: str, meaning: str, columns: Columns, key: str, largest: bool | None, attack: str | None = None) -> Row:
    """Return one rate in percent; `largest` says whether the largest or the least is best, None: neither is."""
    cells = [_cell(summary, key, attack, 100) for summary in columns]
    if largest is not None:
        for unit in {summary.get("unit") for summary in columns}:
            mine = [place for place, summary in enumerate(columns) if summary.get("unit") == unit]
            values = [value for place in mine if (value := cells[place].value) is not None]
            if len(set(values)) > 1:
                best = max(values) if largest else min(values)
                for place in mine:
                    cells[place] = dataclasses.replace(cells[place], best=cells[place].value == best)
    return Row(label, meaning, cells)


def _threshold(label: str, columns: Columns, key: str) -> Row:
    cells = [_cell(summary, key, None, 1) for summary in columns]
    return Row(label, "score from which a face is accepted", cells)


def _counts(label: str, columns: Columns, key: str, attack: str | None = None) -> Row:
    found = [_value(summary, key, attack) or 0 for summary in columns]
    return Row(label, "", [Cell(count, f"{count:,}") for count in found])


def _cell(summary: Metrics, key: str, attack: str | None, factor: float) -> Cell:
    value = _value(summary, key, attack)
    if value is None:
        return Cell(None, None, why=_why(summary, key, attack))
    interval = "" if attack is not None else " to ".join(fixed(factor * bound, 2) for bound in _bounds(summary, key))
    return Cell(value, fixed(factor * value, 2 if factor == 100 else 4), interval)


def _value(summary: Metrics, key: str, attack: str | None) -> float | None:
    """Return a metric, of one attack if given; None if there is none."""
    found = summary.get(key)
    if attack is not None:
        found = found.get(attack) if isinstance(found, dict) else None
    return found if isinstance(found, int | float) else None


def _bounds(summary: Metrics, key: str) -> list[float]:
    """Return the two ends of a metric's interval; empty without an interval."""
    interval = summary.get("interval")
    bounds = interval.get("bounds") if isinstance(interval, dict) else None
    ends = bounds.get(key) if isinstance(bounds, dict) else None
    return [end for end in ends if isinstance(end, int | float)] if isinstance(ends, list) else []


def _why(summary: Metrics, key: str, attack: str | None) -> str:
    if attack is not None and _value(summary, "n_by_attack", attack) is None:
        return f"the test split of this evaluation holds no {attack}"
    for count, kind in ((summary["n_live"], "live face"), (summary["n_spoof"], "attack")):
        if not count:
            return f"the test split of this evaluation holds no {kind}"
    if "@dev" in key and not (summary["n_dev_live"] and summary["n_dev_spoof"]):
        return "needs a development split with live faces and attacks"
    return "evaluate did not record it"


def _attacks(columns: Columns, key: str) -> list[str]:
    found = [summary.get(key) for summary in columns]
    return sorted({attack for by_attack in found if isinstance(by_attack, dict) for attack in by_attack})
