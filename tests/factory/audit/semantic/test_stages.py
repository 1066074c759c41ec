"""The stages find the same whatever the order of rows and tables, however often they die, and within their memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from factory.audit.semantic import stages
from factory.audit.semantic.settings import SemanticConfig
from factory.audit.semantic.tables import VectorTables
from tests.factory.audit.semantic.made import Killed, by_key, find_in, in_this_process, planted, write_rows

CONFIG = SemanticConfig(buckets=12, probes=2, recall_rows=40, cosine=0.93)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "ASSIGNED", 60)
    monkeypatch.setattr(stages, "HELD", 100 * 2 * 16)


def test_with_all_buckets_the_pairs_are_those_of_all_with_all(tmp_path: Path) -> None:
    vectors, styles, kinds, keys = planted()
    rows = write_rows(tmp_path, vectors, styles, kinds, keys, per_table=40)
    with in_this_process():
        found = find_in(rows, CONFIG.model_copy(update={"buckets": 4, "probes": 4}))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine, spoofs = unit @ unit.T, int((kinds == 0).sum())
    told = by_key(rows, found)
    for row in range(spoofs):
        line = told[keys[row]]
        near = (cosine[row] > 0.9305) & (np.arange(300) != row)
        early = {keys[o] for o in np.flatnonzero(near & (kinds == 0) & (styles == styles[row])) if keys[o] < keys[row]}
        seen = {keys[other] for other in np.flatnonzero(near & (kinds == 1))}
        assert (line["semantic_duplicate_of"] in early) if early else (line["semantic_duplicate_cosine"] or 0) < 0.931
        assert (line["semantic_copy_of"] in seen) if seen else (line["semantic_copy_cosine"] or 0) < 0.931
    assert found.figures["duplicates"]["count"] > 20 and found.figures["copies"]["count"] > 20
    recall = found.figures["recall"]
    assert (recall["pairs_found"], recall["refused_found"], recall["spoofs"]) == (1.0, 1.0, 40)


def test_the_order_of_rows_and_tables_does_not_matter(tmp_path: Path) -> None:
    vectors, styles, kinds, keys = planted()
    order = np.concatenate([np.random.default_rng(2).permutation(240), 240 + np.random.default_rng(3).permutation(60)])
    one = write_rows(tmp_path / "one", vectors, styles, kinds, keys, per_table=40)
    shuffled = vectors[order], styles[order], kinds[order], [keys[place] for place in order]
    other = write_rows(tmp_path / "other", *shuffled, per_table=77)
    config = CONFIG.model_copy(update={"probes": 1, "recall_rows": 240, "cosine": 0.75})
    with in_this_process():
        found, again = find_in(one, config), find_in(other, config)
    assert by_key(one, found) == by_key(other, again)
    assert found.figures == again.figures
    assert 0 < (found.figures["recall"]["pairs_found"] or 0) < 1, "what buckets miss is the same, too"


def test_killed_at_any_place_the_bytes_are_the_same(tmp_path: Path) -> None:
    planted_rows = planted()
    rows = write_rows(tmp_path / "whole", *planted_rows, per_table=40)
    with in_this_process():
        find_in(rows, CONFIG)
    wanted = {
        path.relative_to(tmp_path / "whole"): path.read_bytes() for path in (tmp_path / "whole").rglob("*.parquet")
    }
    killed = write_rows(tmp_path / "killed", *planted_rows, per_table=40)
    for at in (0, 0, 2, 3, 5):
        with in_this_process(at), pytest.raises(Killed):
            find_in(killed, CONFIG)
    with in_this_process():
        find_in(killed, CONFIG)
    found = {
        path.relative_to(tmp_path / "killed"): path.read_bytes() for path in (tmp_path / "killed").rglob("*.parquet")
    }
    assert found == wanted and len(wanted) > 15


def test_a_worker_holds_no_more_vectors_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, styles, kinds, keys = planted()
    vectors[:200] = vectors[0] + 0.01 * vectors[:200]  # most of all rows are in one bucket
    rows = write_rows(tmp_path, vectors, styles, kinds, keys, per_table=40)
    held: list[int] = []
    plain = VectorTables.gather

    def gather(self: VectorTables, wanted: np.ndarray) -> np.ndarray:
        held.append(len(wanted))
        return plain(self, wanted)

    with in_this_process():
        monkeypatch.setattr(VectorTables, "gather", gather)
        found = find_in(rows, CONFIG)
    sample, *tiles, probes = held
    assert (sample, max(tiles), probes) == (300, 100, 40) and len(tiles) > 10
    kept = (found.duplicate[:200] < 0).sum()
    assert kept == 3, "of equal rows of each of three styles one stays"
    assert found.figures["groups"]["largest"][0] > 50
