"""Combines licences: a generated image derives from two other images, a corpus from all its rows."""

from __future__ import annotations

import re
from collections.abc import Iterable

BOTH = " AND "  # joins licences that bind together

# Beginnings of licence names, and the demands of such a licence. A name that continues with anything but a version,
# such as `unlicensed` or `MIT for the code`, is another licence; an unknown licence demands everything.
_TERMS = {
    ("cc0", "public domain", "unlicense"): "",
    ("mit", "bsd", "apache", "isc"): "notice",
    ("cc-by-4", "cc-by-3", "odc-by"): "notice credit",
    ("cc-by-sa", "odbl"): "notice credit alike",
    ("cc-by-nd",): "notice credit unchanged",
    ("cc-by-nc-4", "cc-by-nc-3"): "notice credit noncommercial",
    ("cc-by-nc-sa",): "notice credit noncommercial alike",
    ("cc-by-nc-nd",): "notice credit noncommercial unchanged",
}
_KNOWN = {beginning: frozenset(terms.split()) for beginnings, terms in _TERMS.items() for beginning in beginnings}
_VERSION = re.compile(r"(?:[-. ](?:v?\d[\d.]*|clause|licen[cs]e|mark|international|universal))*")
_ALL = frozenset({"notice", "credit", "noncommercial", "alike", "unchanged", "its own"})


def strictest(first: str, second: str) -> str:
    """Return the more restrictive of two licences, see `strictest_of`."""
    return strictest_of((first, second))


def strictest_of(licenses: Iterable[str]) -> str:
    """Return the most restrictive of several licences; incomparable ones bind together: `a AND b`.

    A licence is more restrictive than another if it demands everything that the other demands, and more. A given
    licence may have the form `a AND b`.
    """
    names = {
        name.strip().lower(): name.strip() for text in sorted(licenses, reverse=True) for name in text.split(BOTH)
    }
    terms = {name: _asks(name) for name in names}
    kept = [name for name in names if not any(terms[name] < other for other in terms.values())]
    return BOTH.join(sorted(names[name] for name in kept))


def _asks(name: str) -> frozenset[str]:
    text = name.replace("_", "-")
    return next(
        (
            asks
            for beginning, asks in _KNOWN.items()
            if text.startswith(beginning) and _VERSION.fullmatch(text, len(beginning))
        ),
        _ALL,
    )
