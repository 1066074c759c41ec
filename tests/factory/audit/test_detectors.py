"""Foreign detectors: what they see of a crop, what they say, and how their faults are told."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.audit.detectors import Detector, DetectorConfig, detectors_identity, judged, prepared
from factory.core.config import build
from tests.factory.audit.planted import person
from tests.factory.audit.tiny_onnx import write_detector


def config(file: Path | str = "x.onnx", **given: Any) -> DetectorConfig:
    return build(DetectorConfig, {"file": str(file), "size": 16, **given})


def test_the_input_is_the_wanted_square_in_the_wanted_numbers() -> None:
    face = np.zeros((48, 48, 3), np.uint8)
    face[:, :, 0], face[20:28, 20:28, 2] = 100, 200
    settings: dict[str, Any] = {
        "crop": 0.2,
        "size": 8,
        "channels": "bgr",
        "scale": 0.5,
        "mean": [1, 2, 3],
        "std": [1, 1, 2],
    }
    found = prepared(face[None], config(**settings))
    assert found.shape == (1, 3, 8, 8) and found.dtype == np.float32
    assert found[0, :, 4, 4].tolist() == [99.0, -2.0, 23.5]  # blue, green, red of the middle
    whole = prepared(face[None], config(size=48, scale=1))
    assert np.array_equal(whole[0], face.transpose(2, 0, 1).astype(np.float32))


def test_beyond_the_stored_crop_the_edge_is_repeated_and_said() -> None:
    face = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    wide = config(crop=2.4, size=96, scale=1)
    found = prepared(face[None], wide)[0].transpose(1, 2, 0)
    assert np.array_equal(found[24:72, 24:72], face) and np.array_equal(found[0, 0], face[0, 0])
    assert np.array_equal(found[40, :24], np.repeat(face[16, :1], 24, axis=0))
    assert wide.padded == pytest.approx(0.75) and config(crop=1.2).padded == config(crop=0.9).padded == 0.0


def test_live_is_the_likeliest_class_of_logits_probabilities_or_one_output() -> None:
    three = np.log([[0.2, 0.5, 0.3], [0.4, 0.35, 0.25]])
    found = judged(three, config())
    assert found.live.tolist() == [True, False] and found.score.tolist() == pytest.approx([0.5, 0.35])
    same = judged(np.exp(three), config(output="probabilities"))
    assert same.live.tolist() == [True, False] and same.score.tolist() == pytest.approx([0.5, 0.35])
    one = judged(np.array([[-1.0], [2000.0]]), config(live_index=0))
    assert one.live.tolist() == [False, True] and one.score.tolist() == pytest.approx([0.2689, 1.0], abs=1e-4)


def test_a_network_judges_tints_and_its_digest_enters_the_identity(tmp_path: Path) -> None:
    file = write_detector(tmp_path / "tint.onnx", 16)
    faces = np.stack([person(n, attack, n) for n in range(4) for attack in ("live", "print", "replay")])
    assert Detector("tint", config(file))(faces).live.tolist() == [True, False, False] * 4
    single = write_detector(tmp_path / "single.onnx", 16, batch=1)
    assert Detector("single", config(single))(faces).live.tolist() == [True, False, False] * 4
    first = detectors_identity({"tint": config(file)})["tint"]
    assert len(first["digest"]) == 64 and "file" not in first and first["size"] == 16
    assert detectors_identity({"tint": config(write_detector(tmp_path / "copy.onnx", 16))})["tint"] == first
    other = write_detector(tmp_path / "other.onnx", 16, limit=0.2)
    assert detectors_identity({"tint": config(other)})["tint"]["digest"] != first["digest"]


def test_faults_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    fixed = write_detector(tmp_path / "fixed.onnx", 16)
    cases: list[tuple[Path | str, dict[str, Any], str]] = [
        (tmp_path / "none.onnx", {}, "detector d: .*none.onnx does not exist"),
        (tmp_path / "text.onnx", {}, "detector d: .*text.onnx is not an ONNX network: "),
        (fixed, {"size": 24}, r"detector d does not take \(1, 3, 24, 24\) float32"),
        (fixed, {"live_index": 2}, r"gives \(1, 2\) for 1 faces: live_index 2 is not among its classes"),
        (write_detector(tmp_path / "nan.onnx", 16, limit=float("nan")), {}, "not finite: check scale, mean and std"),
    ]
    for file, given, message in cases:
        with pytest.raises(ValueError, match=message) as told:
            Detector("d", config(file, **given))
        assert "\n" not in str(told.value)
    monkeypatch.chdir(tmp_path)
    onnx = pytest.importorskip("onnx")
    split = onnx.load(fixed)
    (weights,) = (tensor for tensor in split.graph.initializer if tensor.name == "difference")
    onnx.external_data_helper.set_external_data(weights, "weights.bin")
    onnx.save(split, tmp_path / "split.onnx")
    assert (tmp_path / "weights.bin").exists()
    with pytest.raises(ValueError, match="split.onnx is not an ONNX network: .*External data path"):
        Detector("d", config("split.onnx"))
    with pytest.raises(ValueError, match="std': must be above 0"):
        config(std=[1, 0, 1])
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    with pytest.raises(ValueError, match=r"detector d needs onnxruntime: pip install 'difffas-factory\[onnx\]'"):
        Detector("d", config(fixed))
