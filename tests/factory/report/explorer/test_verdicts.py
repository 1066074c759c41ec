from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build
from factory.report import ReportConfig, run
from factory.report.explorer.verdicts import AUDIT, MOST_REASONS, OTHER, Verdicts
from factory.storage import Storage
from tests.pages import folder, spoofs_of


def audit(out: Path, keys: list[str], reasons: list[str | None], **others: list[object]) -> Verdicts:
    out.mkdir(exist_ok=True)
    table = {
        "key": keys,
        "identity_distance": [None, *(0.5 + n for n in range(len(keys) - 1))],
        "style_probability": [0.25] * len(keys),
        "accepted": [reason is None for reason in reasons],
        "reason": pa.array(reasons, pa.string()),
    }
    pq.write_table(pa.table(table | others), out / AUDIT)
    return Verdicts(Storage(str(out)))


def test_verdicts_are_joined_by_key(tmp_path: Path) -> None:
    verdicts = audit(tmp_path, ["a", "b", "c"], [None, "style", "identity"])
    found = verdicts.of(pa.chunked_array([["c", "unknown"], ["a", "b"]]))
    assert found.accepted.tolist() == [0, -1, 1, 0]
    assert [found.reasons[code] for code in found.reason] == ["identity", "", "", "style"]
    assert np.isnan(found.distance[[1, 2]]).all()
    assert found.distance[[0, 3]].tolist() == [1.5, 0.5]
    assert found.probability[0] == 0.25


def test_many_reasons_are_put_together(tmp_path: Path) -> None:
    count = MOST_REASONS + 40
    reasons: list[str | None] = ["common", "common", *(f"reason {n}" for n in range(count - 2))]
    keys = [str(n) for n in range(count)]
    found = audit(tmp_path, keys, reasons).of(pa.chunked_array([keys]))
    assert len(found.reasons) == MOST_REASONS + 2 <= 256
    told = [found.reasons[code] for code in found.reason]
    assert told[:2] == ["common", "common"]
    assert told.count(OTHER) == count - 2 - (MOST_REASONS - 1)


def test_what_is_no_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no audit.parquet: give the folder of `difffas audit`"):
        Verdicts(Storage(str(tmp_path)))
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / AUDIT)
    with pytest.raises(ValueError, match="has no column 'identity_distance': audit again"):
        Verdicts(Storage(str(tmp_path)))


def test_an_audit_in_the_corpus_is_found_and_another_one_is_another_report(tmp_path: Path) -> None:
    rows = spoofs_of(small_rows(), 6)
    write_corpus(tmp_path / "generated", rows)
    config = {"inputs": {"generated": str(tmp_path / "generated")}, "out": str(tmp_path / "out")}
    audit(tmp_path / "generated", [row.key for row in rows], ["style"] * 6)
    run(build(ReportConfig, config))
    assert '"audited":true,' in (tmp_path / "out" / "explorer.html").read_text()
    given = folder(tmp_path / "other", "audit", {"refused_by_reason": {}})
    audit(tmp_path / "other", [row.key for row in rows], [None] * 6)
    with pytest.raises(ValueError, match="belongs to another run"):
        run(build(ReportConfig, config | {"inputs": config["inputs"] | {"audit": given}}))  # type: ignore[operator]


def test_an_audit_without_its_rows_is_refused(tmp_path: Path) -> None:
    """It would be shown nowhere, or as if no row had been audited."""
    rows = spoofs_of(small_rows(), 6)
    write_corpus(tmp_path / "generated", rows)
    given = folder(tmp_path / "audit", "audit", {"refused_by_reason": {}})
    audit(tmp_path / "audit", [f"other-{row.key}" for row in rows], [None] * 6)
    for inputs, message in (
        ({"audit": given}, "give generated, too"),
        ({"audit": given, "generated": str(tmp_path / "generated")}, "is an audit of another corpus"),
    ):
        with pytest.raises(ValueError, match=message):
            run(build(ReportConfig, {"inputs": inputs, "out": str(tmp_path / "out")}))
    assert not (tmp_path / "out").exists()
