"""What detectors call live, by style, beside live faces and real spoofs; measures of another audit are enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from factory.run import read_claim
from factory.storage import Storage
from tests.factory.audit.planted import EXPECTED, audit, inline
from tests.factory.audit.tiny_onnx import write_detector

World = tuple[Path, dict[str, Any], dict[str, Any]]


def test_a_detector_of_tints_says_which_spoofs_look_live(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, inputs, before = world
    file = write_detector(root / "tint.onnx", 16)
    monkeypatch.setattr("factory.audit.tables.walk", lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr("factory.audit.detector_scores.walk", inline)
    monkeypatch.setattr("ray.put", lambda value: value)
    monkeypatch.setattr("ray.get", lambda value: value)
    detectors = {"tint": {"file": file, "size": 16}, "wide": {"file": file, "size": 16, "crop": 2.4}}
    summary = audit(inputs, root / "detected", measures=f"{root}/audit", detectors=detectors)
    found = summary["detectors"]["tint"]
    assert found["generated"] == {"faces": 10, "share": pytest.approx(0.1)}  # made-style has the tint of a live face
    assert found["by_style"] == {"cam-replay": {"generated": found["generated"], "real": {"faces": 1, "share": 0.0}}}
    assert found["live"] == {"faces": 6, "share": 1.0} and found["real_lives"] == {"faces": 2, "share": 1.0}
    assert found["real_spoofs"] == {"faces": 3, "share": 0.0}
    assert (found["auc"], found["padded"]) == (1.0, 0.0)
    assert summary["detectors"]["wide"]["padded"] == pytest.approx(0.75)
    said = capsys.readouterr().err
    shares = "10 % of the generated spoofs, 100 % of their live faces and 0 % of real spoofs"
    assert f"audit: detector tint calls live {shares} (AUC 1.00 on real faces)\n" in said
    assert "; 75 % of its input repeats the crop's edge)" in said
    lines = pq.read_table(root / "detected" / "audit.parquet").to_pylist()
    assert {line["key"]: line["reason"] for line in lines} == EXPECTED, "a detector refuses no row"
    assert "detectors" not in before and "detectors" not in read_claim(Storage(f"{root}/audit"))["identity"]
    identity: Any = read_claim(Storage(f"{root}/detected"))["identity"]
    assert identity["detectors"]["tint"]["live_index"] == 1
    write_detector(root / "tint.onnx", 16, limit=0.2)
    with pytest.raises(ValueError, match="belongs to another run"):
        audit(inputs, root / "detected", measures=f"{root}/audit", detectors=detectors)


@pytest.mark.slow
def test_workers_score_as_this_process_does(world: World, ray_local: None, monkeypatch: pytest.MonkeyPatch) -> None:
    root, inputs, _ = world
    monkeypatch.chdir(root)  # the path of a file is relative to where the command runs
    write_detector(root / "relative.onnx", 16)
    detectors = {"tint": {"file": "relative.onnx", "size": 16}}
    summary = audit(inputs, root / "by-workers", measures=f"{root}/audit", detectors=detectors)
    found = summary["detectors"]["tint"]
    assert found["generated"]["share"] == pytest.approx(0.1) and found["auc"] == 1.0
    assert len(list((root / "by-workers" / "detectors").iterdir())) == 4


def test_a_detector_needs_a_plain_name_and_a_file(world: World) -> None:
    root, inputs, _ = world
    with pytest.raises(ValueError, match="detectors"):
        audit(inputs, root / "never", detectors={"a/b": {"file": "x.onnx", "size": 16}})
    with pytest.raises(ValueError, match=r"detector d: .*absent.onnx does not exist"):
        audit(inputs, root / "never", detectors={"d": {"file": f"{root}/absent.onnx", "size": 16}})
    assert not (root / "never").exists()
