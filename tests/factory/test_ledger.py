from __future__ import annotations

from pathlib import Path

import pytest

from factory.ledger import Ledger
from factory.storage import Storage


def test_the_first_record_stands(tmp_path: Path) -> None:
    ledger = Ledger(Storage(str(tmp_path)))
    assert ledger.done() == set()
    assert ledger.commit("train-000001", {"rows": 1}) == {"rows": 1}
    assert ledger.commit("train-000001", {"rows": 2}) == {"rows": 1}
    assert ledger.commit("train-000000", {"rows": 3}) == {"rows": 3}
    assert ledger.done() == {"train-000000", "train-000001"}
    assert list(ledger.records()) == [{"rows": 3}, {"rows": 1}]


def test_a_corrupt_record_is_named(tmp_path: Path) -> None:
    ledger = Ledger(Storage(str(tmp_path)))
    ledger.commit("train-000000", {"rows": 1})
    (tmp_path / "ledger" / "train-000000.json").write_bytes(b'{"rows":')
    with pytest.raises(ValueError, match=r"train-000000\.json is corrupt"):
        ledger.read("train-000000")
