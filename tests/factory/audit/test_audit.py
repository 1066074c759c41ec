"""Planted faults are found with the right reason, whatever the order; a killed audit goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.factory.audit.planted import EXPECTED, audit, planted_rows, write_world


def verdicts(out: Path) -> dict[str, dict[str, Any]]:
    return {line["key"]: line for line in pq.read_table(out / "audit.parquet").to_pylist()}


def test_what_is_planted_is_found(world: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    root, _, summary = world
    found = verdicts(root / "audit")
    assert {key: line["reason"] for key, line in found.items()} == EXPECTED
    assert all(line["accepted"] == (line["reason"] is None) for line in found.values())
    copy = found["made-memorised"]
    assert copy["nearest_spoof"] == "real-3-replay"
    assert copy["nearest_spoof_bits"] <= 2 and copy["nearest_spoof_distance"] < 0.02
    assert found["made-twin"]["near_duplicate_of"] == "made-good-2"
    assert found["made-twin"]["near_duplicate_bits"] == 0
    assert found["made-leak"]["leak"] == "subject" and found["made-good-0"]["leak"] is None
    assert found["made-flat"]["brisque_z"] is None
    assert found["made-good-0"]["brisque_z"] == pytest.approx(0.2, abs=0.9)
    assert found["made-style"]["style_probability"] < 0.2 < 0.8 < found["made-good-0"]["style_probability"]
    assert (summary["rows"], summary["accepted"], summary["refused"]) == (10, 3, 7)
    assert summary["refused_by_reason"]["leak"] == 1
    assert [row["key"] for row in summary["memorised"]["listed"]] == ["made-memorised"]
    assert summary["memorised"]["unseen"]["count"] == 3  # print of s8, print and replay of s9, in the test split
    assert summary["memorised"]["unseen"]["within_limits"] == 0
    assert summary["balance"]["train"]["cam-replay"] == {"rows": 9, "accepted": 2}
    assert summary["identity"]["kept"] == pytest.approx(0.7)
    assert 0 < summary["quality"]["kolmogorov_smirnov"]["real_spoof"] <= 1


def test_again_is_a_no_op_and_other_thresholds_take_over_the_measures(
    world: tuple[Path, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, inputs, summary = world
    monkeypatch.setattr("factory.audit.tables.walk", lambda *_: pytest.fail("measured again"))
    assert audit(inputs, root / "audit") == summary
    with pytest.raises(ValueError, match="belongs to another run"):
        audit(inputs, root / "audit", thresholds={})
    lax = {"style_probability": None, "memorised_bits": None, "near_duplicate_bits": None, "brisque_z": None}
    found = audit(inputs, root / "lax", measures=f"{root}/audit", thresholds={**lax, "leaks": False})
    assert found["accepted"] == 10
    assert found["memorised"]["count"] == found["near_duplicates"]["count"] == 0
    with pytest.raises(ValueError, match="are of another batch_size"):
        audit(inputs, root / "other", measures=f"{root}/audit", batch_size=2)
    assert not (root / "other").exists()


@pytest.mark.slow
def test_workers_and_the_order_of_rows_and_shards_do_not_matter(
    world: tuple[Path, dict[str, Any], dict[str, Any]], ray_local: None
) -> None:
    root, _, summary = world
    rows = planted_rows()
    shuffled = [rows[place] for place in np.random.default_rng(3).permutation(len(rows))]
    inputs = write_world(root, shuffled, per_shard=10, name="shuffled")
    found = audit(inputs, root / "audit-shuffled", resources={"workers": 1})
    before, after = verdicts(root / "audit"), verdicts(root / "audit-shuffled")
    assert before.keys() == after.keys()
    for key, line in before.items():
        for name, value in line.items():
            assert after[key][name] == (pytest.approx(value, abs=1e-5) if isinstance(value, float) else value), name
    assert found["balance"] == summary["balance"] and found["refused_by_reason"] == summary["refused_by_reason"]
