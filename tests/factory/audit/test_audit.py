"""Planted faults are found with the right reason, whatever the order; a killed audit goes on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from factory.audit import AuditConfig
from factory.audit.corpora import open_corpora
from factory.audit.measures import to_parquet
from factory.audit.tables import check_mirror_distances
from factory.core.config import build
from factory.core.errors import Quarantined
from factory.core.progress import Progress
from factory.storage import Storage
from tests.factory.audit.planted import (
    EXPECTED,
    LIMITS,
    audit,
    fitted_classifier,
    inline,
    planted_rows,
    settings,
    spoof,
    write_world,
)


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
    lax = {
        "identity_distance": None,
        "style_probability": None,
        "memorised_bits": None,
        "near_duplicate_bits": None,
        "brisque_z": None,
    }
    found = audit(inputs, root / "lax", measures=f"{root}/audit", thresholds={**lax, "leaks": False})
    assert found["accepted"] == 10
    assert found["memorised"]["count"] == found["near_duplicates"]["count"] == 0
    with pytest.raises(ValueError, match="are of another batch_size"):
        audit(inputs, root / "other", measures=f"{root}/audit", batch_size=2)
    assert not (root / "other").exists()


def test_real_spoofs_set_the_limits(
    world: tuple[Path, dict[str, Any], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, inputs, summary = world
    monkeypatch.setattr("factory.audit.tables.walk", lambda *_: pytest.fail("measured again"))
    found = audit(inputs, root / "real-limits", measures=f"{root}/audit", thresholds={"brisque_z": 5.0})
    style = found["limits"]["by_style"]["cam-replay"]
    assert found["limits"]["held_out"] and found["limits"]["spoofs"] == 3
    assert (style["spoofs"], style["pairs"], style["pooled"]) == (1, 1, ["identity", "style"])
    assert style["auc"] == 1.0 and found["limits"]["judge_accuracy"] == 1.0
    assert 0 < style["identity_distance"] < 0.6 and 0.4 < style["style_probability"] <= 0.5
    assert found["limits"]["passed"] == {"identity": 1.0, "style": 1.0, "quality": 1.0, "face": None, "all": 1.0}
    refused = {key: line["reason"] for key, line in verdicts(root / "real-limits").items()}
    assert refused["made-swapped"] == "identity" and refused["made-style"] == "style"
    distances = [line["identity_distance"] for line in verdicts(root / "real-limits").values()]
    assert found["identity"]["kept"] == pytest.approx(np.mean(np.array(distances) <= style["identity_distance"]))
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("audit: 100 % of held-out real spoofs pass identity, style and quality (identity 100 %")
    given = summary["limits"]["by_style"]["cam-replay"]
    assert (given["identity_distance"], given["style_probability"]) == (0.6, 0.5)


@pytest.mark.slow
def test_a_classifier_judges_the_style_and_a_poor_one_refuses_nothing(
    world: tuple[Path, dict[str, Any], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, inputs, _ = world
    monkeypatch.setattr("factory.audit.tables.walk", inline)
    monkeypatch.setattr("ray.put", lambda value: value)
    monkeypatch.setattr("ray.get", lambda value: value)
    thresholds = LIMITS | {"style_probability": "real"}
    for right, expected in ((True, EXPECTED), (False, EXPECTED | {"made-style": None})):
        name = f"judge-{right}"
        fitted_classifier(right=right).save(root / name / "classifier")
        judged = inputs | {"judge": f"{root}/{name}"}
        found = audit(judged, root / f"audit-{name}", thresholds=thresholds)
        assert {key: line["reason"] for key, line in verdicts(root / f"audit-{name}").items()} == expected
        assert found["limits"]["judge_accuracy"] == float(right)
        assert ("WARNING: the judge" in capsys.readouterr().err) is not right
    for others, given in (("audit", judged), ("audit-judge-True", judged), ("audit-judge-True", inputs)):
        with pytest.raises(ValueError, match="are of another judge: leave them out"):
            audit(given, root / "never", measures=f"{root}/{others}")
    fitted_classifier(("cam-live", "cam-print")).save(root / "narrow")
    with pytest.raises(ValueError, match=r"the judge of .*narrow does not know \['cam-replay'\], only"):
        audit(inputs | {"judge": f"{root}/narrow"}, root / "never")
    assert not (root / "never").exists()


def test_the_tone_of_every_spoof_is_beside_that_of_its_live_face(
    world: tuple[Path, dict[str, Any], dict[str, Any]],
) -> None:
    root, _, summary = world
    (line,) = summary["skin_tone"]
    assert (line["live_domain"], line["guide_domain"], line["style"]) == ("cam", "cam", "cam-replay")
    assert (line["rows"], line["real_pairs"], line["live_difference"]) == (10, 1, None)
    drifts = [row["tone_drift"] for row in verdicts(root / "audit").values()]
    assert line["drift"] == pytest.approx(np.median(drifts))
    assert all(row["mirror_distance"] is None for row in verdicts(root / "audit").values())
    assert summary["face"]["count"] == 0 and summary["face"]["kept"] is None


def test_tables_of_before_tones_are_still_read(
    world: tuple[Path, dict[str, Any], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, inputs, _ = world
    shutil.copytree(root / "audit", root / "toneless")
    for path in [*(root / "toneless" / "spoofs").iterdir(), *(root / "toneless" / "pairs").iterdir()]:
        table = pq.read_table(path).drop_columns(["mirror_distance", "tone", "live_tone"])
        path.write_bytes(to_parquet(table))
    monkeypatch.setattr("factory.audit.tables.walk", lambda *_: pytest.fail("measured again"))
    found = audit(inputs, root / "later", measures=f"{root}/toneless", thresholds={"brisque_z": None})
    assert found["skin_tone"] == [] and found["limits"]["by_style"]["cam-replay"]["identity_distance"] > 0
    corpora = open_corpora(build(AuditConfig, settings(inputs, root / "never")))
    with pytest.raises(ValueError, match="without mirror distances: leave them out, or set thresholds.mirror"):
        check_mirror_distances(Storage(f"{root}/toneless"), corpora)


def test_an_older_audit_has_no_pairs(world: tuple[Path, dict[str, Any], dict[str, Any]]) -> None:
    root, inputs, _ = world
    shutil.copytree(root / "audit", root / "older")
    shutil.rmtree(root / "older" / "pairs")
    with pytest.raises(ValueError, match="are of an older version, without real pairs: leave them out"):
        audit(inputs, root / "never", measures=f"{root}/older")
    assert not (root / "never").exists()


@pytest.mark.soak
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


@pytest.mark.soak
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
