"""What the stages found, joined: the nearest of each spoof, the groups, and the figures."""

from __future__ import annotations

import dataclasses
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa

from factory.audit.semantic.groups import Groups
from factory.audit.semantic.pairs import CONTROL, GENERATED
from factory.audit.semantic.vectors import PARTS
from factory.audit.semantic.work import Facts

LISTED = 100  # rows that the summary names; audit.parquet has all
SEMANTIC_FIELDS = [
    ("semantic_duplicate_of", pa.string()),
    ("semantic_duplicate_cosine", pa.float64()),
    ("semantic_group", pa.string()),
    ("semantic_copy_of", pa.string()),
    ("semantic_copy_cosine", pa.float64()),
]


class NearRow(TypedDict):
    """A row that is near another one."""

    key: str
    of: str
    cosine: float


class SemanticRows(TypedDict):
    """How many rows are near another one, and those that are nearest."""

    count: int
    listed: list[NearRow]


class SemanticGroups(TypedDict):
    """Groups of spoofs that hang together by near pairs: how many, and how many spoofs the largest have."""

    count: int
    spoofs: int
    largest: list[int]


class SemanticControl(TypedDict):
    """How many real spoofs that the generator has not seen are as near to a training spoof."""

    count: int
    within: int


class Recall(TypedDict):
    """What buckets miss, measured on spoofs that were compared with all rows; shares are None without any pair."""

    spoofs: int
    pairs: int
    pairs_found: float | None
    refused: int  # of these spoofs, as comparing with all rows refuses them
    refused_found: float | None


class SemanticFigures(TypedDict):
    """What the check found."""

    cosine: float
    duplicates: SemanticRows
    groups: SemanticGroups
    copies: SemanticRows
    control: SemanticControl
    recall: Recall
    rows: int
    buckets: int
    largest_bucket: int
    comparisons: int  # pairs of rows


@dataclasses.dataclass(frozen=True)
class Semantic:
    """What is near each audited spoof: places and keys, one entry each.

    Args:
        duplicate: int64, place of the nearest spoof that has the same style and a smaller key; −1 if there is none.
        group: int64, place of the spoof with the smallest key in the group; −1 if the spoof has no group.
        copied: key of the nearest training spoof, or None. Its cosine is then NaN.
    """

    duplicate: np.ndarray
    duplicate_cosine: np.ndarray
    group: np.ndarray
    copied: pa.Array
    copied_cosine: np.ndarray
    figures: SemanticFigures

    def columns(self, key: np.ndarray) -> dict[str, Any]:
        """The columns of `SEMANTIC_FIELDS`, for the keys of the spoofs."""
        keys = pa.array(key, pa.string())
        return {
            "semantic_duplicate_of": keys.take(pa.array(self.duplicate, mask=self.duplicate < 0)),
            "semantic_duplicate_cosine": pa.array(self.duplicate_cosine, from_pandas=True),
            "semantic_group": keys.take(pa.array(self.group, mask=self.group < 0)),
            "semantic_copy_of": self.copied,
            "semantic_copy_cosine": pa.array(self.copied_cosine, from_pandas=True),
        }


@dataclasses.dataclass(frozen=True)
class Stages:
    """What the stages found.

    Args:
        found: by row, with the columns of `FOUND`; a row may be there several
            times. counted: by spoof that was compared with all rows, with the columns of `COUNTED`.
        sizes: rows at home in each bucket. comparisons: pairs of rows that were compared.
    """

    found: dict[str, np.ndarray]
    counted: dict[str, np.ndarray]
    sizes: np.ndarray
    comparisons: int


def findings(keys: pa.Array, facts: Facts, stages: Stages, cosine: float) -> Semantic:
    """Join what the stages found of rows with these keys: of each the nearest, and the groups."""
    found = stages.found
    count, spoofs = len(facts.rank), int((facts.kind == GENERATED).sum())
    by_rank = np.empty(count, np.int64)
    by_rank[facts.rank] = np.arange(count)
    duplicate, duplicate_parts = _nearest(found["row"], found["duplicate"], found["duplicate_parts"], by_rank)
    copied, copied_parts = _nearest(found["row"], found["copied"], found["copied_parts"], by_rank)
    groups = Groups(count)
    groups.join(facts.rank[found["row"]], facts.rank[found["root"]])  # by rank, so that a root has the smallest key
    root = by_rank[groups.roots()[facts.rank]][:spoofs]
    size = np.bincount(root, minlength=count)
    group = np.where(size[root] > 1, root, -1)
    control = facts.kind == CONTROL
    copy_of = keys.take(pa.array(copied[:spoofs], mask=copied[:spoofs] < 0))
    figures: SemanticFigures = {
        "cosine": cosine,
        "duplicates": _rows(keys, duplicate[:spoofs], duplicate_parts),
        "groups": {
            "count": int((size > 1).sum()),
            "spoofs": int(size[size > 1].sum()),
            "largest": sorted(size[size > 1].tolist(), reverse=True)[:10],
        },
        "copies": _rows(keys, copied[:spoofs], copied_parts),
        "control": {"count": int(control.sum()), "within": int((copied[control] >= 0).sum())},
        "recall": _recall(stages.counted),
        "rows": count,
        "buckets": len(stages.sizes),
        "largest_bucket": int(stages.sizes.max(initial=0)),
        "comparisons": stages.comparisons,
    }
    return Semantic(
        duplicate[:spoofs],
        _cosine(duplicate_parts[:spoofs]),
        group,
        copy_of,
        _cosine(copied_parts[:spoofs]),
        figures,
    )


def semantic_remarks(figures: SemanticFigures) -> list[str]:
    """What the person who runs the audit should know."""
    spoofs, recall, control = figures["groups"]["spoofs"], figures["recall"], figures["control"]
    found = recall["refused_found"]
    missed = "none is refused"
    if found is not None:
        missed = f"buckets find {100 * found:.1f} % of {recall['refused']:,} that are refused"
    lines = [
        f"semantic: {figures['duplicates']['count']:,} duplicates and {figures['copies']['count']:,} copies at cosine "
        f"{figures['cosine']:g}; {spoofs:,} spoofs in {figures['groups']['count']:,} groups; of {recall['spoofs']:,} "
        f"spoofs compared with all rows: {missed}"
    ]
    if control["count"] and control["within"]:
        share = 100 * control["within"] / control["count"]
        lines.append(
            f"semantic: {share:.0f} % of real spoofs that the generator has not seen are as near to a training spoof: "
            "as far as that share, copies say nothing (semantic.cosine, semantic.copies)"
        )
    return lines


def _nearest(
    row: np.ndarray, rank: np.ndarray, parts: np.ndarray, by_rank: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each row, the place of the nearest other row and their distance in millionths; −1 and −1 if there is none.

    Among equally near rows, the one with the smallest key counts.
    """
    count = len(by_rank)
    none = np.iinfo(np.int64).max
    best = np.full(count, none)
    there = rank >= 0
    np.minimum.at(best, row[there], parts[there] * count + rank[there])
    found = best < none
    best = np.where(found, best, 0)
    return np.where(found, by_rank[best % count], -1), np.where(found, best // count, -1)


def _cosine(parts: np.ndarray) -> np.ndarray:
    return np.where(parts >= 0, 1 - parts / PARTS, np.nan)


def _rows(keys: pa.Array, place: np.ndarray, parts: np.ndarray) -> SemanticRows:
    rows = np.flatnonzero(place >= 0)
    names = np.array(keys.take(pa.array(rows)).to_pylist(), dtype=object)
    order = np.lexsort([names.astype(str), parts[rows]])[:LISTED]
    others = keys.take(pa.array(place[rows[order]])).to_pylist()
    return {
        "count": len(rows),
        "listed": [
            {"key": names[turn], "of": other, "cosine": float(1 - parts[rows[turn]] / PARTS)}
            for turn, other in zip(order.tolist(), others, strict=True)
        ],
    }


def _recall(counted: dict[str, np.ndarray]) -> Recall:
    """Sum up over the tables; a spoof is refused if any of them refuses it."""
    rows, place = np.unique(counted["row"], return_inverse=True)
    pairs, met = int(counted["pairs"].sum()), int(counted["met"].sum())
    refused, found = (
        int((np.bincount(place, counted[name], minlength=len(rows)) > 0).sum()) for name in ("refused", "met_refused")
    )
    return {
        "spoofs": len(rows),
        "pairs": pairs,
        "pairs_found": met / pairs if pairs else None,
        "refused": refused,
        "refused_found": found / refused if refused else None,
    }
