"""The report's section on an audit's limits: what real held-out spoofs keep, as plain values for the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from factory import charts
from factory.report.sections import Folder

PASSED = ("identity", "style", "quality", "all")


def audit(audits: Mapping[str, Folder]) -> dict[str, Any] | None:
    """A line for each style: limits, and shares of real and generated spoofs that keep them; None without limits.

    Audits of versions before the limits had no such figures.
    """
    limits = next((folder.summary["limits"] for folder in audits.values() if "limits" in folder.summary), None)
    if limits is None:
        return None
    summary = next(iter(audits.values())).summary
    return {
        "held_out": limits["held_out"],
        "spoofs": limits["spoofs"],
        "accuracy": _percent(limits["judge_accuracy"]),
        "pooled": any(style["pooled"] for style in limits["by_style"].values()),
        "rows": [_row(name, style, summary["balance"]) for name, style in sorted(limits["by_style"].items())],
        "all": [_percent(limits["passed"][name]) for name in PASSED],
        "accepted": _percent(summary["accepted"] / summary["rows"]),
    }


def _row(name: str, style: dict[str, Any], balance: dict[str, dict[str, dict[str, int]]]) -> dict[str, Any]:
    counts = [styles[name] for styles in balance.values() if name in styles]
    rows = sum(count["rows"] for count in counts)
    return {
        "style": name,
        **{key: style[key] for key in ("spoofs", "pairs", "auc")},
        "identity": _limit(style["identity_distance"], "identity" in style["pooled"]),
        "no_identity": style["no_identity_limit"],
        "probability": _limit(style["style_probability"], "style" in style["pooled"]),
        "no_probability": style["no_style_limit"],
        "passed": [_percent(style["passed"][key]) for key in PASSED],
        "accepted": _percent(sum(count["accepted"] for count in counts) / rows if rows else None),
    }


def _limit(value: float | None, pooled: bool) -> str | None:
    return None if value is None else charts.fixed(value, 3) + ("*" if pooled else "")


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{charts.fixed(100 * share, 0)} %"
