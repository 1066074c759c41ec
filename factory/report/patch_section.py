"""The report's section on patch sides (Fig. 9): the same samples by generators that differ in p_m and p_v."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc

from difffas.errors import UserError
from factory.corpus import Corpus
from factory.corpus.row import LIVE, SPOOF, Row
from factory.report.triplets import Picture, find_pictures, picture

SIDES = re.compile(r"(\d+),(\d+)")
SAME = ("live_key", "guide_key", "t0", "cfg_scale", "steps", "sampler", "seed")  # columns that must be equal
SHOWN = 3  # samples, from as many styles as possible


@dataclasses.dataclass(frozen=True)
class Patches:
    """Generated corpora by (p_m, p_v), and the rows of the shown samples: one row of each corpus per sample."""

    corpora: dict[tuple[int, int], Corpus]
    samples: list[dict[tuple[int, int], Row]]


def open_patches(urls: Mapping[str, str]) -> Patches | None:
    """Open the corpora and choose the samples, by a hash of their seeds; None without corpora.

    Raises:
        UserError: if a name is not of the form p_m,p_v, or the corpora have no sample in common.
    """
    corpora: dict[tuple[int, int], Corpus] = {}
    for name, url in urls.items():
        sides = SIDES.fullmatch(name)
        if sides is None:
            raise UserError(
                f"patches {name!r} is not of the form p_m,p_v such as 6,2: name the corpora by patch sides"
            )
        corpora[int(sides[1]), int(sides[2])] = Corpus(url)
    return Patches(corpora, _samples(corpora)) if corpora else None


@dataclasses.dataclass(frozen=True)
class PatchSample:
    """A sample by every generator: `spoofs` has p_m with the pictures in the order of p_v, None without a corpus."""

    row: Row
    live: Picture | None
    guide: Picture | None
    spoofs: list[tuple[int, list[Picture | None]]]


@dataclasses.dataclass(frozen=True)
class PatchSides:
    """The values of p_v, and the samples."""

    variance: list[int]
    samples: list[PatchSample]


def patches(opened: Patches | None, lives: Sequence[Corpus], guides: Sequence[Corpus]) -> PatchSides | None:
    """For every sample, its live face, its guide, and a matrix of spoofs: p_m downwards, p_v to the right."""
    if opened is None:
        return None
    first = [next(iter(sample.values())) for sample in opened.samples]
    live = find_pictures(lives, {row.live_key: row.live_domain for row in first}, "domain", LIVE)
    guide = find_pictures(guides, {row.guide_key: row.style for row in first}, "style", SPOOF)
    mean, variance = (sorted({sides[axis] for sides in opened.corpora}) for axis in (0, 1))
    samples = [
        PatchSample(
            row=row,
            live=live.get(row.live_key),
            guide=guide.get(row.guide_key),
            spoofs=[(p_m, [_shown(sample.get((p_m, p_v))) for p_v in variance]) for p_m in mean],
        )
        for row, sample in zip(first, opened.samples, strict=True)
    ]
    return PatchSides(variance, samples)


def _shown(row: Row | None) -> Picture | None:
    return None if row is None else picture(row)


def _samples(corpora: Mapping[tuple[int, int], Corpus]) -> list[dict[tuple[int, int], Row]]:
    """Rows that every corpus has: with equal seeds and settings, from equal faces."""
    first, *others = corpora.values()
    common = pc.unique(first.index["seed"].drop_null())
    for corpus in others:
        common = common.filter(pc.is_in(common, value_set=corpus.index["seed"].combine_chunks()))
    ranked = sorted(common.to_pylist(), key=lambda seed: hashlib.blake2b(str(seed).encode(), digest_size=8).digest())
    found: dict[str, list[int]] = {}
    for seed in ranked:
        lines = [corpus.index.slice(corpus.where(seed=seed)[0], 1) for corpus in corpora.values()]
        if len({tuple(line[name][0].as_py() for name in SAME) for line in lines}) == 1:
            found.setdefault(lines[0]["style"][0].as_py(), []).append(seed)
        if len(found) == SHOWN or sum(map(len, found.values())) == 10 * SHOWN:
            break
    if not found:
        raise UserError("the corpora of patches have no sample in common: generate them by one plan and sampler")
    turns = sorted((turn, style, seed) for style, seeds in found.items() for turn, seed in enumerate(seeds))
    chosen = [seed for _, _, seed in turns[:SHOWN]]
    rows = {
        sides: corpus.rows(np.array([corpus.where(seed=seed)[0] for seed in chosen]))
        for sides, corpus in corpora.items()
    }
    return [{sides: rows[sides][place] for sides in corpora} for place in range(len(chosen))]
