"""What several tables tell of one row is joined: the nearest counts, and groups hang together over all of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from factory.audit.semantic.findings import Stages, findings, semantic_remarks
from factory.audit.semantic.pairs import CONTROL, GENERATED, TRAINING
from factory.audit.semantic.work import COUNTED, FOUND, Facts

KEYS = ["d", "c", "b", "a", "t", "u"]  # four spoofs, a training spoof, a control


def found(*lines: tuple[int, int, int, int, int, int]) -> dict[str, np.ndarray]:
    return dict(zip(("row", *FOUND), np.array(lines, np.int64).T, strict=True))


def test_the_nearest_of_all_tables_counts() -> None:
    rank = np.array([3, 2, 1, 0, 4, 5])
    facts = Facts(rank, np.zeros(6, np.int32), np.array([GENERATED] * 4 + [TRAINING, CONTROL], np.int8))
    told = found(
        (0, 2, 900, -1, -1, 0),  # d is near c
        (0, 1, 200, 4, 300, 2),  # in another bucket nearer b, and a copy of t
        (0, 0, 200, -1, -1, 0),  # as near a, whose key is smaller
        (1, 1, 100, -1, -1, 2),
        (5, -1, -1, 4, 40_000, 5),
    )
    counted = dict(
        zip(("row", *COUNTED), np.array([[0, 3, 2, 3, 2], [0, 1, 1, 1, 0], [2, 0, 0, 0, 0]]).T, strict=True)
    )
    joined = findings(pa.array(KEYS), facts, Stages(told, counted, np.array([4, 2]), 7), 0.95)
    columns = pa.table(joined.columns(np.array(KEYS[:4], dtype=object))).to_pydict()
    assert columns["semantic_duplicate_of"] == ["a", "b", None, None]
    assert columns["semantic_duplicate_cosine"] == [pytest.approx(0.9998), pytest.approx(0.9999), None, None]
    assert columns["semantic_group"] == ["b", "b", "b", None], "d, c and b by links of two tables; a has none"
    assert columns["semantic_copy_of"] == ["t", None, None, None]
    figures = joined.figures
    assert figures["duplicates"]["listed"][0] == {"key": "c", "of": "b", "cosine": pytest.approx(0.9999)}
    assert figures["groups"] == {"count": 1, "spoofs": 3, "largest": [3]}
    assert figures["control"] == {"count": 1, "within": 1}
    assert figures["recall"] == {"spoofs": 2, "pairs": 4, "pairs_found": 0.75, "refused": 1, "refused_found": 1.0}
    assert (figures["largest_bucket"], figures["comparisons"], figures["rows"]) == (4, 7, 6)
    said = semantic_remarks(figures)
    assert "2 duplicates and 1 copies at cosine 0.95; 3 spoofs in 1 groups" in said[0]
    assert "buckets find 100.0 % of 1 that are refused" in said[0]
    assert said[1].startswith("semantic: 100 % of real spoofs that the generator has not seen are as near")
