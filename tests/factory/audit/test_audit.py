"""Planted faults are found with the right reason, whatever the order; a killed audit goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from factory.audit import AuditConfig, run
from factory.audit.walk import place_of
from factory.core.config import build
from factory.core.errors import Quarantined
from factory.core.progress import Progress
from factory.storage import Storage
from tests.factory.audit.planted import EXPECTED, planted_rows, settings, spoof, write_world


def audit(inputs: dict[str, Any], out: Path | str, **given: Any) -> dict[str, Any]:
    return run(build(AuditConfig, settings(inputs, out, **given)))


def verdicts(out: Path) -> dict[str, dict[str, Any]]:
    return {line["key"]: line for line in pq.read_table(out / "audit.parquet").to_pylist()}


def inline(
    name: str, out: Storage, folder: str, shards: Any, task: Any, actor: Any, arguments: Any, workers: int, gpus: float
) -> None:
    """What `walk` does, in this process."""
    work = actor(*arguments())
    for shard in shards:
        row = work({"shard": shard, "place": place_of(folder, shard), **task(shard)})
        assert not row["fault"], row["fault"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """Folder, inputs and summary of an audit of everything that is planted."""
    root = tmp_path_factory.mktemp("audit")
    inputs = write_world(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("factory.audit.tables.walk", inline)
        patch.setattr("ray.put", lambda value: value)
        patch.setattr("ray.get", lambda value: value)
        return root, inputs, audit(inputs, root / "audit")


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


@pytest.mark.slow
def test_a_killed_audit_goes_on_where_it_was(
    world: tuple[Path, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, ray_local: None
) -> None:
    root, inputs, summary = world
    out, seen = root / "killed", 0

    def add(self: Progress, images: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 6:  # the second table of spoofs: there are four of real faces
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "add", add)
        with pytest.raises(KeyboardInterrupt):
            audit(inputs, out)
    assert not (out / "summary.json").exists()
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/*.parquet")}
    assert len(before) >= 6
    first = next(iter(sorted((out / "spoofs").glob("*.parquet"))))
    kept = first.read_bytes()
    first.unlink()  # as if it had been killed before
    assert audit(inputs, out) == summary
    assert first.read_bytes() == kept
    changed = [path for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert changed == [first]
    assert (out / "audit.parquet").read_bytes() == (root / "audit" / "audit.parquet").read_bytes()


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_named_and_the_rest_is_measured(
    world: tuple[Path, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, ray_local: None
) -> None:
    root, _, _ = world
    monkeypatch.setattr("factory.line.rounds.ATTEMPTS", 1)
    rows = planted_rows()[:6]
    broken = spoof("broken", 0, np.zeros((32, 32, 3), np.uint8), image=b"no image")
    inputs = write_world(root, [*rows, broken], name="broken")
    with pytest.raises(Quarantined, match=r"1 of 3 shards could not be measured.*image of made-broken: not a supp"):
        audit(inputs, root / "audit-broken")
    assert len(list((root / "audit-broken" / "spoofs").glob("*.parquet"))) == 2


def test_what_does_not_belong_together_is_one_line(world: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    root, inputs, _ = world
    for changed, message in (
        ({"generated": inputs["live"]}, "has no generated row"),
        ({"live": inputs["generated"]}, "does not hold 'real-.-live', the live_key"),
        ({"guides": inputs["generated"]}, "the guide_key of a generated row"),
        ({"style_encoder": f"{root}/real"}, "holds no style_encoder"),
    ):
        with pytest.raises(ValueError, match=message):
            audit(inputs | changed, root / "never")
    with pytest.raises(ValueError, match="no real spoof in split 'dev'"):
        audit(inputs, root / "never", training_split="dev")
    config = json.loads((root / "style/style_encoder/config.json").read_text())
    short = root / "short" / "style_encoder"
    short.mkdir(parents=True, exist_ok=True)
    (short / "config.json").write_text(json.dumps(config | {"styles": ["cam-live", "cam-print"]}))
    with pytest.raises(ValueError, match=r"does not know \['cam-replay'\]"):
        audit(inputs | {"style_encoder": f"{root}/short"}, root / "never")
    with pytest.raises(ValueError, match="'identity' is required"):
        build(AuditConfig, {"inputs": inputs, "out": f"{root}/never"})
    assert not (root / "never").exists()
