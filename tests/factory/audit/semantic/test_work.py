"""Workers find what all-with-all finds where rows share a bucket, and say what they miss where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from factory.audit.semantic.buckets import Tile, members
from factory.audit.semantic.pairs import CONTROL, GENERATED, TRAINING
from factory.audit.semantic.work import compared, missed
from tests.factory.audit.semantic.made import write_rows

LIMIT = 50_000  # cosine 0.95, 18°


def at(degrees: list[float]) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_a_tile_tells_rows_and_roots_by_their_numbers(tmp_path: Path) -> None:
    kinds = [GENERATED] * 5 + [TRAINING, CONTROL]
    keys = ["e", "d", "c", "b", "a", "t", "u"]
    rows = write_rows(tmp_path, at([0, 90, 5, 91, 180, 178, 179]), np.zeros(7), np.array(kinds), keys, per_table=3)
    buckets = np.array([[0], [1], [0], [1], [2], [2], [2]], np.int32)
    found, count = compared(rows.tables, rows.facts, members(buckets, 3), Tile(0, 3), LIMIT)
    told = {int(row): place for place, row in enumerate(found["row"])}
    assert count == 7 and set(told) == {0, 1, 2, 3, 4, 6}
    rank = rows.facts.rank
    assert found["duplicate"][[told[0], told[1]]].tolist() == [rank[2], rank[3]], "c and b have smaller keys"
    assert found["root"][[told[0], told[2]]].tolist() == [0, 0] and found["root"][told[3]] == 1
    assert found["copied"][[told[4], told[6]]].tolist() == [rank[5], rank[5]]
    nothing, _ = compared(rows.tables, rows.facts, members(buckets, 3), Tile(1, 1), LIMIT)
    assert not len(nothing["row"])


def test_recall_counts_pairs_and_refusals_that_buckets_miss(tmp_path: Path) -> None:
    kinds = [GENERATED] * 4 + [TRAINING]
    styles, keys = np.array([0, 0, 0, 1, 0]), ["a", "b", "c", "d", "t"]
    rows = write_rows(tmp_path, at([0, 5, 10, 90, 92]), styles, np.array(kinds), keys, per_table=2)
    apart = np.array([[0, 1], [1, 2], [2, 0], [0, 3], [3, 1]], np.int32)
    probes = np.array([0, 1, 3])
    found = [missed(rows.tables, rows.facts, apart[:, :n], probes, LIMIT, range(3))[0] for n in (1, 2)]
    assert found[0]["pairs"].tolist() == [2, 2, 1] and found[0]["refused"].tolist() == [0, 1, 1]
    assert found[0]["met"].tolist() == found[0]["met_refused"].tolist() == [0, 0, 0]
    # a looks into the bucket of b, b into that of c, c into that of a, d into that of t.
    assert found[1]["met"].tolist() == [2, 2, 1] and found[1]["met_refused"].tolist() == [0, 1, 1]
    parts = [
        missed(rows.tables, rows.facts, apart[:, :1], probes, LIMIT, range(n, n + 1))[0]["pairs"] for n in range(3)
    ]
    assert np.array_equal(np.sum(parts, axis=0), found[0]["pairs"])
