"""The metrics of several evaluations side by side: names in full, percent, and a reason for every gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from factory.charts import fixed

# Origins of the threshold: name in the summary, label, and a note on how to judge it.
THRESHOLDS = (
    ("dev_eer", "dev EER", "where the development split has its equal error rate"),
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

Columns = list[dict[str, Any]]


def metric_table(summaries: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return groups of rows from summaries of `difffas.metrics.report`, one column per evaluation.

    A group is {"title", "note", "rows"}, a row {"label", "meaning", "cells"}, a cell {"value", "text", "interval",
    "why", "best"}. `text` is None for a missing value, and `why` gives the reason; `interval` is text, empty if there
    is no interval. `best` marks AUC, D-EER, TPR, HTER and ACER if columns of one unit (frames, videos) differ; APCER
    and BPCER trade against each other, so neither has a best value.
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
        {"title": "Any threshold", "note": "", "rows": whole},
        *(_at_threshold(columns, name, label, note) for name, label, note in THRESHOLDS),
        *(_at_apcer(columns, origin) for origin in ("dev", "test")),
    ]


def _at_threshold(columns: Columns, name: str, label: str, note: str) -> dict[str, Any]:
    rows = [
        _row(f"{rate} at {label}", meaning, columns, f"{key}@{name}", False if key in BEST else None)
        for key, rate, meaning in RATES
    ]
    rows += [
        _row(f"APCER at {label}, {attack}", "", columns, f"apcer@{name}", None, attack)
        for attack in _attacks(columns, f"apcer@{name}")
    ]
    rows.append(_threshold("threshold", columns, f"threshold@{name}"))
    return {"title": f"Threshold: {label}", "note": note, "rows": rows}


def _at_apcer(columns: Columns, origin: str) -> dict[str, Any]:
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
    return {"title": title, "note": notes[origin], "rows": rows}


def _row(
    label: str, meaning: str, columns: Columns, key: str, largest: bool | None, attack: str | None = None
) -> dict[str, Any]:
    """Return one rate in percent; `largest` says whether the largest or the least is best, None: neither is."""
    cells = [_cell(summary, key, attack, 100) for summary in columns]
    if largest is not None:
        for unit in {summary.get("unit") for summary in columns}:
            mine = [cell for cell, summary in zip(cells, columns, strict=True) if summary.get("unit") == unit]
            values = [cell["value"] for cell in mine if cell["value"] is not None]
            if len(set(values)) > 1:
                best = max(values) if largest else min(values)
                for cell in mine:
                    cell["best"] = cell["value"] == best
    return {"label": label, "meaning": meaning, "cells": cells}


def _threshold(label: str, columns: Columns, key: str) -> dict[str, Any]:
    cells = [_cell(summary, key, None, 1) for summary in columns]
    return {"label": label, "meaning": "score from which a face is accepted", "cells": cells}


def _counts(label: str, columns: Columns, key: str, attack: str | None = None) -> dict[str, Any]:
    found = [summary[key] if attack is None else summary[key].get(attack, 0) for summary in columns]
    cells = [{"value": n, "text": f"{n:,}", "interval": "", "why": "", "best": False} for n in found]
    return {"label": label, "meaning": "", "cells": cells}


def _cell(summary: dict[str, Any], key: str, attack: str | None, factor: float) -> dict[str, Any]:
    value = summary.get(key)
    if attack is not None and value is not None:
        value = value.get(attack)
    if value is None:
        return {"value": None, "text": None, "interval": "", "why": _why(summary, key, attack), "best": False}
    bounds = ((summary.get("interval") or {}).get("bounds") or {}).get(key) if attack is None else None
    interval = " to ".join(fixed(factor * bound, 2) for bound in bounds) if bounds else ""
    text = fixed(factor * value, 2 if factor == 100 else 4)
    return {"value": value, "text": text, "interval": interval, "why": "", "best": False}


def _why(summary: dict[str, Any], key: str, attack: str | None) -> str:
    if attack is not None and attack not in summary["n_by_attack"]:
        return f"the test split of this evaluation holds no {attack}"
    for name, kind in (("n_live", "live face"), ("n_spoof", "attack")):
        if not summary[name]:
            return f"the test split of this evaluation holds no {kind}"
    if "@dev" in key and not (summary["n_dev_live"] and summary["n_dev_spoof"]):
        return "needs a development split with live faces and attacks"
    return "evaluate did not record it"


def _attacks(columns: Columns, key: str) -> list[str]:
    return sorted({attack for summary in columns for attack in summary.get(key) or {}})
