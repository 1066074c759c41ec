from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpora import row
from factory.corpus.shards import OutputConfig, commit, score_statistics, shard_sizes, shard_span
from factory.run.ledger import Ledger
from factory.run.record import Reject
from factory.storage import Storage

BOTH = OutputConfig(formats=("parquet", "webdataset"))


@given(rows=st.integers(0, 10**7), per_shard=st.integers(1, 5000), batch=st.integers(1, 300))
def test_shards_are_even_and_cover_every_row_once(rows: int, per_shard: int, batch: int) -> None:
    shards, size, longer = shard_sizes(rows, per_shard, batch)
    assert size * shards + longer == rows
    if rows:
        assert longer < shards
        assert size >= min(batch, rows)
        for number in {0, shards // 2, shards - 1}:
            first, count = shard_span(number, rows, shards)
            after = shard_span(number + 1, rows, shards)[0]
            assert first + count == after
            assert count in (size, size + 1)
        assert shard_span(0, rows, shards)[0] == 0
        assert shard_span(shards, rows, shards)[0] == rows


def test_record_names_the_bytes_that_are_there(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    rows = [row(i, brisque=float(i)) for i in range(3)]
    rejects: list[Reject] = [{"key": "row-9999", "reason": "not an image"}]
    record = commit(storage, "spoof", "train-000000", rows, rejects, BOTH, {"attempt": 1})
    assert sorted(record["files"]) == ["parquet", "webdataset"]
    for file in record["files"].values():
        data = (tmp_path / file["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    assert record["planned"] == record["rows"] + len(record["rejects"]) == 4
    assert record["rejects_by_reason"] == {"not an image": 1}
    assert record["brisque"]["mean"] == 1.0
    assert Ledger(storage).done() == {"train-000000"}


def test_bytes_depend_on_the_rows_alone(tmp_path: Path) -> None:
    digests = []
    for folder in ("a", "b"):
        record = commit(Storage(str(tmp_path / folder)), "x", "train-000000", [row(1), row(2)], [], BOTH, {})
        digests.append({name: file["sha256"] for name, file in record["files"].items()})
    assert digests[0] == digests[1]


def test_loser_of_a_race_adopts_the_winner(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    winner = commit(storage, "x", "train-000000", [row(1, brisque=1.0)], [], BOTH, {})
    (tmp_path / "ledger" / "train-000000.json").unlink()  # the winner died before its record
    adopted = commit(storage, "x", "train-000000", [row(1, brisque=2.0)], [], BOTH, {})
    assert adopted["files"] == winner["files"]
    assert adopted["brisque"]["mean"] == 1.0


def test_what_the_winner_left_out_is_a_reject_and_not_lost(tmp_path: Path) -> None:
    """On GPUs of two kinds one driver may make what the other rejected: planned stays written + rejected."""
    storage = Storage(str(tmp_path))
    commit(storage, "x", "train-000000", [row(1), row(3)], [{"key": "row-0002", "reason": "NaN"}], BOTH, {})
    (tmp_path / "ledger" / "train-000000.json").unlink()
    mine: list[Reject] = [{"key": "row-0003", "reason": "NaN"}]
    adopted = commit(storage, "x", "train-000000", [row(1), row(2)], mine, BOTH, {})
    assert (adopted["planned"], adopted["rows"]) == (3, 2)
    assert adopted["rejects"] == [{"key": "row-0002", "reason": "left out by the driver whose file stands"}]


def test_a_file_of_other_keys_is_not_adopted(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    commit(storage, "x", "train-000000", [row(1)], [], BOTH, {})
    (tmp_path / "ledger" / "train-000000.json").unlink()
    with pytest.raises(ValueError, match=r"data/x-train-000000\.parquet holds other keys than the plan"):
        commit(storage, "x", "train-000000", [row(2)], [], BOTH, {})
    assert not Ledger(storage).done()


def test_statistics_leave_out_what_has_no_score() -> None:
    assert score_statistics([1.0, None, 3.0]) == {
        "count": 2, "failed": 1, "mean": 2.0, "std": 1.0, "min": 1.0, "max": 3.0,
    }  # fmt: skip
    assert score_statistics([None]) == {"count": 0, "failed": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"codec": "jpeg"}, "needs output.quality"),
        ({"codec": "png", "quality": 90}, "lossless"),
        ({"formats": []}, "formats"),
        ({"formats": ["parquet", "parquet"]}, "twice"),
        ({"formats": ["csv"]}, "formats"),
        ({"rows_per_shard": 0}, "rows_per_shard"),
    ],
)
def test_impossible_outputs_are_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OutputConfig.model_validate(given)
