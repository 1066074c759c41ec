"""Which people are for training, development and test."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping


def split_subjects(subjects: Iterable[str], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Split of every subject: subjects are ranked by a hash of (seed, name) and cut at the cumulative fractions.

    Counts are within one of their quota. A split whose quota is below one still gets a subject, if there are enough
    subjects for every split that has a fraction. Subjects with the same name in two domains count as one subject.
    """
    ranked = sorted(set(subjects), key=lambda name: hashlib.blake2b(f"{seed}/{name}".encode()).digest())
    splits = [name for name, fraction in fractions.items() if fraction > 0]
    assigned: dict[str, str] = {}
    cumulative, first = 0.0, 0
    for number, split in enumerate(splits):
        cumulative += fractions[split]
        last = math.floor(cumulative * len(ranked) + 0.5)
        if len(ranked) >= len(splits):
            last = min(max(last, first + 1), len(ranked) - (len(splits) - 1 - number))
        last = len(ranked) if number == len(splits) - 1 else last
        assigned |= dict.fromkeys(ranked[first:last], split)
        first = last
    return assigned
