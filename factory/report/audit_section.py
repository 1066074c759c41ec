"""The report's section on an audit's limits: what real held-out spoofs keep, as plain values for the template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from factory import charts
from factory.audit.calibration import Limits, Passed, StyleLimits
from factory.audit.detector_scores import DetectorFigures
from factory.audit.semantic.findings import NearRow, SemanticFigures
from factory.audit.summary import Balance
from factory.audit.tones import ToneDrift
from factory.report.sections import Folder

PAIRS = 20  # nearest pairs that the page lists


class ShownSummary(TypedDict):
    """The part of an audit's summary that the section shows."""

    rows: int
    accepted: int
    refused_by_reason: dict[str, int]
    balance: dict[str, dict[str, Balance]]
    limits: Limits
    skin_tone: NotRequired[list[ToneDrift]]
    detectors: NotRequired[dict[str, DetectorFigures]]
    semantic: NotRequired[SemanticFigures]


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
    mirror: str | None
    no_mirror: str | None
    passed: list[str | None]  # identity, style, quality, face, all
    accepted: str | None
    share: int  # percent of the bar


class ToneRow(TypedDict):
    """Drift of skin tone on one way between domains, as texts in degrees."""

    live_domain: str
    style: str
    rows: int
    drift: str
    real_pairs: int
    real_drift: str | None
    live_difference: str | None


class DetectorRow(TypedDict):
    """What one detector calls live in one style, or in all; shares as texts."""

    style: str | None
    generated: str | None
    real: str | None


class DetectorTable(TypedDict):
    """What one detector says."""

    name: str
    auc: float | None
    padded: str | None
    live: str | None
    real_lives: str | None
    rows: list[DetectorRow]


class Nearness(TypedDict):
    """Spoofs that resemble one another, or training spoofs, by an embedding; shares as texts."""

    cosine: str
    duplicates: int
    copies: int
    spoofs: int  # in groups
    groups: int
    largest: int  # spoofs of the largest group
    control: str | None  # of real spoofs that the generator has not seen, as near to a training spoof
    found: str | None  # of refused spoofs, where some were compared with all rows
    duplicate_pairs: list[NearRow]
    copy_pairs: list[NearRow]


class AuditLimits(TypedDict):
    """The section's content."""

    held_out: bool
    spoofs: int
    accuracy: str | None
    pooled: bool
    rows: list[StyleRow]
    all: list[str | None]
    accepted: str | None
    refused: list[tuple[str, int, int]]  # reason, rows, percent of the bar; the most frequent first
    tones: list[ToneRow]  # empty for an audit of an older version
    farthest: ToneRow | None  # where the drift differs most from that of real spoofs
    detectors: list[DetectorTable]
    nearness: Nearness | None  # None unless the audit looked for it


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
        "refused": _refused(summary),
        "tones": [_tone(line) for line in summary.get("skin_tone", [])],
        "farthest": _farthest(summary.get("skin_tone", [])),
        "detectors": [_detector(name, found) for name, found in sorted(summary.get("detectors", {}).items())],
        "nearness": _nearness(summary["semantic"]) if "semantic" in summary else None,
    }


def _refused(summary: ShownSummary) -> list[tuple[str, int, int]]:
    reasons = sorted(summary["refused_by_reason"].items(), key=lambda pair: (-pair[1], pair[0]))
    return [(reason, count, round(100 * count / summary["rows"])) for reason, count in reasons if count]


def _farthest(tones: list[ToneDrift]) -> ToneRow | None:
    known = [(abs(line["drift"] - real), line) for line in tones if (real := line["real_drift"]) is not None]
    return _tone(max(known, key=lambda pair: pair[0])[1]) if known else None


def _tone(line: ToneDrift) -> ToneRow:
    return {
        "live_domain": line["live_domain"],
        "style": line["style"],
        "rows": line["rows"],
        "drift": charts.fixed(line["drift"], 1),
        "real_pairs": line["real_pairs"],
        "real_drift": _degrees(line["real_drift"]),
        "live_difference": _degrees(line["live_difference"]),
    }


def _detector(name: str, found: DetectorFigures) -> DetectorTable:
    lines = [
        *((style, one["generated"], one["real"]) for style, one in sorted(found["by_style"].items())),
        (None, found["generated"], found["real_spoofs"]),
    ]
    return {
        "name": name,
        "auc": found["auc"],
        "padded": _percent(found["padded"]) if found["padded"] else None,
        "live": _percent(found["live"]["share"]),
        "real_lives": _percent(found["real_lives"]["share"]),
        "rows": [
            {"style": style, "generated": _percent(made["share"]), "real": _percent(real["share"])}
            for style, made, real in lines
        ],
    }


def _nearness(found: SemanticFigures) -> Nearness:
    control = found["control"]
    return {
        "cosine": charts.fixed(found["cosine"], 2),
        "duplicates": found["duplicates"]["count"],
        "copies": found["copies"]["count"],
        "spoofs": found["groups"]["spoofs"],
        "groups": found["groups"]["count"],
        "largest": max(found["groups"]["largest"], default=0),
        "control": _percent(control["within"] / control["count"]) if control["count"] else None,
        "found": _percent(found["recall"]["refused_found"]),
        "duplicate_pairs": found["duplicates"]["listed"][:PAIRS],
        "copy_pairs": found["copies"]["listed"][:PAIRS],
    }


def _degrees(angle: float | None) -> str | None:
    return None if angle is None else charts.fixed(angle, 1)


def _row(name: str, style: StyleLimits, balance: dict[str, dict[str, Balance]]) -> StyleRow:
    counts = [styles[name] for styles in balance.values() if name in styles]
    rows = sum(count["rows"] for count in counts)
    accepted = sum(count["accepted"] for count in counts) / rows if rows else None
    return {
        "style": name,
        "spoofs": style["spoofs"],
        "pairs": style["pairs"],
        "auc": style["auc"],
        "identity": _limit(style["identity_distance"], "identity" in style["pooled"]),
        "no_identity": style["no_identity_limit"],
        "probability": _limit(style["style_probability"], "style" in style["pooled"]),
        "no_probability": style["no_style_limit"],
        "mirror": _limit(style.get("mirror_distance"), "style" in style["pooled"]),
        "no_mirror": style.get("no_mirror_limit", "measured by an older version"),
        "passed": _passed(style["passed"]),
        "accepted": _percent(accepted),
        "share": round(100 * (accepted or 0)),
    }


def _passed(passed: Passed) -> list[str | None]:
    """The shares as texts; an older version judged no face."""
    shares = (passed["identity"], passed["style"], passed["quality"], passed.get("face"), passed["all"])
    return [_percent(share) for share in shares]


def _limit(value: float | None, pooled: bool) -> str | None:
    return None if value is None else charts.fixed(value, 3) + ("*" if pooled else "")


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{charts.fixed(100 * share, 0)} %"
