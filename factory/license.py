"""Which of two licences binds more: a generated image derives from a live face and from a guide."""

from __future__ import annotations

# Beginnings of licence names, least restrictive first; what matches none of them is taken to bind most.
_LADDER = (
    ("cc0", "public domain", "unlicense"),
    ("mit", "bsd", "apache", "isc"),
    ("cc-by-4", "cc-by-3", "odc-by"),
    ("cc-by-sa", "odbl"),
    ("cc-by-nd",),
    ("cc-by-nc-4", "cc-by-nc-3"),
    ("cc-by-nc-sa",),
    ("cc-by-nc-nd",),
)


def strictest(first: str, second: str) -> str:
    """The more restrictive of two licences; two that cannot be compared bind together: `a AND b`."""
    if first == second:
        return first
    ranks = [_rank(first), _rank(second)]
    if ranks[0] == ranks[1]:
        return " AND ".join(sorted((first, second)))
    return first if ranks[0] > ranks[1] else second


def _rank(license_name: str) -> int:
    name = license_name.lower().replace("_", "-").strip()
    for rank, beginnings in enumerate(_LADDER):
        if name.startswith(beginnings):
            return rank
    return len(_LADDER)
