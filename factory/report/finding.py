"""What the report opens with: its finding in one sentence, and five numbers with what they rest on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import numpy as np

from factory.audit.calibration import Limits
from factory.audit.summary import IdentityFigures, StyleFigures
from factory.charts import fixed
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.report.comparison import LEVEL, Comparison
from factory.report.explorer.verdicts import Verdicts
from factory.report.sections import Folder

STRUCTURE = "structure"  # an audit's embedder that does not recognise faces


class ShownSummary(TypedDict):
    """The part of an audit's summary that the numbers need; older audits lack the limits."""

    refused_by_reason: dict[str, int]
    style: NotRequired[StyleFigures]
    identity: NotRequired[IdentityFigures]
    limits: NotRequired[Limits]


@dataclasses.dataclass(frozen=True)
class Number:
    """A number of the report's opening: None if it was not measured, which `detail` explains."""

    title: str
    figure: str | None
    detail: str
    section: str  # of the page, where the number is shown in full


@dataclasses.dataclass(frozen=True)
class Finding:
    """The finding in one sentence, and the five numbers."""

    sentence: str
    numbers: list[Number]


def finding(
    generated: Corpus, audits: Mapping[str, Folder], verdicts: Verdicts | None, comparison: Comparison | None
) -> Finding:
    """The opening of a report on generated spoofs; it says in words what the inputs did not measure."""
    audit = next(iter(audits.values()), None)
    judged = _judged(generated, audit, verdicts)
    return Finding(
        _sentence(generated, judged, comparison),
        [_spoofs(generated), *(one.number for one in judged), _hter(comparison)],
    )


@dataclasses.dataclass(frozen=True)
class _Share:
    """A share of the spoofs as a number, and as words of the sentence; `words` are empty if it was not measured."""

    number: Number
    words: str


def _judged(generated: Corpus, audit: Folder | None, verdicts: Verdicts | None) -> list[_Share]:
    """What the audit says: style reached, identity kept, accepted."""
    summary: ShownSummary = audit.figures(ShownSummary) if audit else {"refused_by_reason": {}}
    real = summary["limits"]["passed"] if "limits" in summary else None
    reached = summary["style"]["reached"] if "style" in summary else None
    kept = summary["identity"]["kept"] if "identity" in summary else None
    accepted, detail = _accepted(generated, verdicts)
    unmeasured = "the audit does not say" if verdicts else "no audit was given"
    return [
        _share("reach their style", reached, _of_real(real["style"] if real else None), unmeasured),
        _share("keep the person", kept, _identity(audit, real["identity"] if real else None), unmeasured),
        _share(
            "accepted", accepted, detail + _most_refused(summary["refused_by_reason"]), unmeasured, "pass the audit"
        ),
    ]


def _accepted(generated: Corpus, verdicts: Verdicts | None) -> tuple[float | None, str]:
    """The share of the audited spoofs that are accepted, and the counts in words."""
    if verdicts is None:
        return None, ""
    found = verdicts.of(generated.index["key"]).accepted[generated.column("label") == SPOOF]
    accepted, rows = int((found == 1).sum()), int((found >= 0).sum())
    return accepted / rows if rows else None, f"{accepted:,} of {rows:,}"


def _share(title: str, share: float | None, detail: str, unmeasured: str, verb: str = "") -> _Share:
    if share is None:
        return _Share(Number(title, None, unmeasured, "audit"), "")
    text = percent(share)
    return _Share(Number(title, text, detail, "audit"), f"{text} {verb or title}")


def percent(share: float) -> str:
    """A share in percent, with as many decimals as tell it from none and from all: 92 %, 99.8 %, 100 %."""
    decimals = next(n for n in (0, 1, 2, 3) if n == 3 or share in (0, 1) or fixed(100 * share, n) not in _ENDS)
    return f"{fixed(100 * share, decimals)}\u00a0%"


_ENDS = {fixed(end, decimals) for end in (0, 100) for decimals in (0, 1, 2, 3)}


def _of_real(share: float | None) -> str:
    return "" if share is None else f"real spoofs: {percent(share)}"


def _identity(audit: Folder | None, real: float | None) -> str:
    """What identity was judged by, and how many real spoofs keep it."""
    measured = audit.claim["identity"].get("measured", {}) if audit else {}
    by = measured.get("identity") if isinstance(measured, dict) else None
    how = "by the place of head and background only" if by == STRUCTURE else f"by {by}" if by else ""
    return "; ".join(filter(None, (_of_real(real), how)))


def _most_refused(reasons: Mapping[str, int]) -> str:
    if not any(reasons.values()):
        return ""
    reason = max(sorted(reasons), key=reasons.__getitem__)
    return f"; refused most often: {reason} ({reasons[reason]:,})"


def _spoofs(generated: Corpus) -> Number:
    styles, people = _styles(generated), _people(generated)
    detail = f"{styles:,} {'style' if styles == 1 else 'styles'}, {people:,} {'person' if people == 1 else 'people'}"
    return Number("spoofs", f"{_count(generated):,}", detail, "counts")


def _hter(comparison: Comparison | None) -> Number:
    title = "HTER with − without them, points"
    if comparison is None:
        return Number(title, None, "no classifiers with and without the spoofs were given", "detection")
    rates = f"{_points(comparison.with_spoofs)} − {_points(comparison.without)}\u00a0% at {comparison.threshold}"
    parts = [rates if comparison.unit == "frames" else f"{rates}, of {comparison.unit}"]
    if comparison.interval is not None:
        low, high = comparison.interval
        parts.append(f"{LEVEL}\u00a0% interval {_signed(low)} to {_signed(high)}, {comparison.people}\u00a0people")
    elif comparison.people == 1:
        parts.append("no interval: one person was tested")
    else:
        parts.append("no interval: the people tested are not named")
    if max(comparison.classifiers) > 1:
        parts.append(f"means of {comparison.classifiers[0]} and {comparison.classifiers[1]} classifiers")
    if comparison.differences:
        parts.append(f"they also differ in {', '.join(comparison.differences)}")
    return Number(title, _signed(comparison.difference), "; ".join(parts), "detection")


def _sentence(generated: Corpus, judged: list[_Share], comparison: Comparison | None) -> str:
    """One sentence of what was measured."""
    words = [one.words for one in judged if one.words]
    count = _count(generated)
    of_all = f"{count:,} {'spoof' if count == 1 else 'spoofs'}"
    if words:
        start = f"Of {of_all}, {_listed(words)}"
    else:
        people = _people(generated)
        verb = "was" if count == 1 else "were"
        start = f"{of_all} {verb} made from the faces of {people:,} {'person' if people == 1 else 'people'}"
    return f"{start}{_effect(comparison)}."


def _effect(comparison: Comparison | None) -> str:
    """What training on the spoofs does, with how sure that is."""
    if comparison is None:
        return ""
    mine, other = (f"{_points(rate)}\u00a0%" for rate in (comparison.with_spoofs, comparison.without))
    who = "the classifier’s HTER is" if comparison.classifiers == (1, 1) else "the classifiers’ mean HTER is"
    if mine == other:
        return f"; with or without them, {who} {mine}"
    sure = ""
    if comparison.interval is None:
        sure = ", and how far chance explains that was not measured"
    elif comparison.interval[0] <= 0 <= comparison.interval[1]:
        sure = ", a difference within chance"
    return f"; trained with them, {who} {mine} instead of {other}{sure}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _points(rate: float) -> str:
    return fixed(100 * rate, 2)


def _signed(difference: float) -> str:
    text = _points(difference)
    return text if text.startswith("−") or not text.strip("0.") else f"+{text}"


def _count(generated: Corpus) -> int:
    return int((generated.column("label") == SPOOF).sum())


def _styles(generated: Corpus) -> int:
    return len(np.unique(generated.column("style")[generated.column("label") == SPOOF]))


def _people(generated: Corpus) -> int:
    """The people whom spoofs show: a person is a (domain, subject) pair, and in a spoof the live face's."""
    mine = generated.column("label") == SPOOF
    columns = (generated.column(name)[mine].tolist() for name in ("live_domain", "subject"))
    return len(set(zip(*columns, strict=True)))
