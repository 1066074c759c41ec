from __future__ import annotations

from pathlib import Path

import pytest

from factory.run.ledger import Ledger
from factory.run.record import ShardRecord
from factory.storage import Storage


def record(shard: str, rows: int) -> ShardRecord:
    styles = {"cam-print": rows}
    return {
        "shard": shard, "planned": rows, "rows": rows, "rejects": [], "rejects_by_reason": {}, "styles": styles,
        "files": {},
    }  # fmt: skip


def test_the_first_record_stands(tmp_path: Path) -> None:
    ledger = Ledger(Storage(str(tmp_path)))
    assert ledger.done() == set()
    first, later, other = record("train-000001", 1), record("train-000001", 2), record("train-000000", 3)
    assert ledger.commit("train-000001", first) == first
    assert ledger.commit("train-000001", later) == first
    assert ledger.commit("train-000000", other) == other
    assert ledger.done() == {"train-000000", "train-000001"}
    assert list(ledger.records()) == [other, first]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"rows":', "is corrupt"),
        ("null", "is corrupt"),
        ("{}", "is not a valid shard record"),
        ('{"shard":"train-000000"}', "is not a valid shard record"),
        ("other", "is the record of train-000001, not of train-000000"),
    ],
)
def test_what_is_no_record_is_named(tmp_path: Path, text: str, fault: str) -> None:
    ledger = Ledger(Storage(str(tmp_path)))
    ledger.commit("train-000001", record("train-000001", 1))
    whole = (tmp_path / "ledger" / "train-000001.json").read_text()
    (tmp_path / "ledger" / "train-000000.json").write_text(whole if text == "other" else text)
    with pytest.raises(ValueError, match=rf"train-000000\.json {fault}"):
        ledger.read("train-000000")
