"""The report's section on an audit's limits: what real held-out spoofs keep, as plain values for the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from factory import charts
from factory.audit.calibration import Limits, Passed, StyleLimits
from factory.audit.summary import Balance
from factory.report.sections import Folder


class ShownSummary(TypedDict):
    """The part of an audit's summary that the section shows."""

    rows: int
    accepted: int
    balance: dict[str, dict[str, Balance]]
    limits: Limits


class StyleRow(TypedDict):
    """One style: its limits as text, why it has none, and shares of real and of generated spoofs that pass."""

    style: str
    spoofs: int
    pairs: int
    auc: float | None
    identity: str | None
    no_identity: str | None
    probability: str | None
    no_probability: str | None
    passed: list[str | None]  # identity, style, quality, all
    accepted: str | None


class AuditLimits(TypedDict):
    """The section's content."""

    held_out: bool
    spoofs: int
    accuracy: str | None
    pooled: bool
    rows: list[StyleRow]
    all: list[str | None]
    accepted: str | None


def audit(audits: Mapping[str, Folder]) -> AuditLimits | None:
    """A line for each style: limits, and shares of real and generated spoofs that keep them; None without limits.

    Audits of versions before the limits had no such figures.
    """
    summary = next((folder.figures(ShownSummary) for folder in audits.values() if "limits" in folder.summary), None)
    if summary is None:
        return None
    limits = summary["limits"]
    return {
        "held_out": limits["held_out"],
        "spoofs": limits["spoofs"],
        "accuracy": _percent(limits["judge_accuracy"]),
        "pooled": any(style["pooled"] for style in limits["by_style"].values()),
        "rows": [_row(name, style, summary["balance"]) for name, style in sorted(limits["by_style"].items())],
        "all": _passed(limits["passed"]),
        "accepted": _percent(summary["accepted"] / summary["rows"]),
    }


def _row(name: str, style: StyleLimits, balance: dict[str, dict[str, Balance]]) -> StyleRow:
    counts = [styles[name] for styles in balance.values() if name in styles]
    rows = sum(count["rows"] for count in counts)
    return {
        "style": name,
        "spoofs": style["spoofs"],
        "pairs": style["pairs"],
        "auc": style["auc"],
        "identity": _limit(style["identity_distance"], "identity" in style["pooled"]),
        "no_identity": style["no_identity_limit"],
        "probability": _limit(style["style_probability"], "style" in style["pooled"]),
        "no_probability": style["no_style_limit"],
        "passed": _passed(style["passed"]),
        "accepted": _percent(sum(count["accepted"] for count in counts) / rows if rows else None),
    }


def _passed(passed: Passed) -> list[str | None]:
    return [_percent(share) for share in (passed["identity"], passed["style"], passed["quality"], passed["all"])]


def _limit(value: float | None, pooled: bool) -> str | None:
    return None if value is None else charts.fixed(value, 3) + ("*" if pooled else "")


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{charts.fixed(100 * share, 0)} %"
