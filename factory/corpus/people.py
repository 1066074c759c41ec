"""Who is in which row, and guides of other people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from factory.corpus import Corpus
from factory.corpus.row import whole_domain


def people(corpus: Corpus) -> np.ndarray:
    """The person in each row; a subject's name is unique only within its whole domain."""
    rows = zip(*map(corpus.column, ("domain", "subject")), strict=True)
    return np.array([f"{whole_domain(domain)}/{subject}" for domain, subject in rows])


def people_shown(corpus: Corpus) -> np.ndarray:
    """The person in each row, as `people`; the person of a generated row is that of its live face."""
    rows = zip(*map(corpus.column, ("live_domain", "domain", "subject")), strict=True)
    return np.array([f"{whole_domain(live or domain)}/{subject}" for live, domain, subject in rows])


def other_people(
    live: Corpus, guides: Corpus, faces: np.ndarray, styles: Sequence[str], spoofs: np.ndarray, drawn: np.ndarray
) -> np.ndarray:
    """For each live face a guide of its style, of another person if possible; int64 (N,), positions in `guides`.

    Args:
        faces: positions in `live`, N; `styles` are theirs. spoofs: positions in `guides` to choose from.
        drawn: N numbers in [0, 1) that choose.
    """
    own, theirs = people(live), people(guides)
    style_of_spoof = guides.column("style")[spoofs]
    found = []
    for face, style, number in zip(faces, styles, drawn, strict=True):
        shown = spoofs[style_of_spoof == style]
        others = shown[theirs[shown] != own[face]]
        shown = others if len(others) else shown
        found.append(int(shown[int(number * len(shown))]))
    return np.array(found)
