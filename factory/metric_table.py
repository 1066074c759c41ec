"""The metrics of several evaluations side by side: names in full, percent, and a reason for every gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from factory.charts import fixed

# Where the threshold comes from: its name in the summary, a label, what to think of it.
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


def metric_table(summaries: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups of rows from summaries as `difffas.metrics.report` gives them, one column per evaluation.

    A group is {"title", "note", "rows"}, a row {"label", "meaning", "cells"}, a cell {"value", "text", "why", "best"}:
    `text` is None where there is no value and `why` says why. `best` marks AUC, D-EER, HTER and ACER where columns
    differ; APCER and BPCER trade against each other, so neither has a best.
    """
    columns = list(summaries.values())
    whole = [
        _row("AUC", "chance that a live face scores above an attack", columns, "auc", largest=True),
        _row("D-EER", "where both error rates are equal", columns, "d_eer", largest=False),
        _counts("live faces", columns, "n_live"),
        *(_counts(f"attacks, {name}", columns, "n_by_attack", name) for name in _attacks(columns, "n_by_attack")),
    ]
    groups = [{"title": "Any threshold", "note": "", "rows": whole}]
    for name, label, note in THRESHOLDS:
        rows = [
            _row(f"{rate} at {label}", meaning, columns, f"{key}@{name}", False if key in ("hter", "acer") else None)
            for key, rate, meaning in RATES
        ]
        rows += [
            _row(f"APCER at {label}, {attack}", "", columns, f"apcer@{name}", None, attack)
            for attack in _attacks(columns, f"apcer@{name}")
        ]
        thresholds = [_cell(summary, f"threshold@{name}", None, 1) for summary in columns]
        rows.append({"label": "threshold", "meaning": "score from which a face is accepted", "cells": thresholds})
        groups.append({"title": f"Threshold: {label}", "note": note, "rows": rows})
    return groups


def _row(
    label: str,
    meaning: str,
    columns: list[dict[str, Any]],
    key: str,
    largest: bool | None,
    attack: str | None = None,
) -> dict[str, Any]:
    """One rate in percent; `largest` says whether the largest or the least is best, None that neither is by itself."""
    cells = [_cell(summary, key, attack, 100) for summary in columns]
    values = [cell["value"] for cell in cells if cell["value"] is not None]
    if largest is not None and len(set(values)) > 1:
        best = max(values) if largest else min(values)
        cells = [{**cell, "best": cell["value"] == best} for cell in cells]
    return {"label": label, "meaning": meaning, "cells": cells}


def _counts(label: str, columns: list[dict[str, Any]], key: str, attack: str | None = None) -> dict[str, Any]:
    found = [summary[key] if attack is None else summary[key].get(attack, 0) for summary in columns]
    cells = [{"value": count, "text": f"{count:,}", "why": "", "best": False} for count in found]
    return {"label": label, "meaning": "", "cells": cells}


def _cell(summary: dict[str, Any], key: str, attack: str | None, factor: float) -> dict[str, Any]:
    value = summary.get(key)
    if attack is not None and value is not None:
        value = value.get(attack)
    if value is None:
        return {"value": None, "text": None, "why": _why(summary, key, attack), "best": False}
    text = fixed(factor * value, 2 if factor == 100 else 4)
    return {"value": value, "text": text, "why": "", "best": False}


def _why(summary: dict[str, Any], key: str, attack: str | None) -> str:
    if attack is not None and attack not in summary["n_by_attack"]:
        return f"the test split of this evaluation holds no {attack}"
    for name, kind in (("n_live", "live face"), ("n_spoof", "attack")):
        if not summary[name]:
            return f"the test split of this evaluation holds no {kind}"
    if key.endswith("@dev_eer") and not (summary["n_dev_live"] and summary["n_dev_spoof"]):
        return "needs a development split with live faces and attacks"
    return "evaluate did not record it"


def _attacks(columns: list[dict[str, Any]], key: str) -> list[str]:
    return sorted({attack for summary in columns for attack in summary.get(key) or {}})
