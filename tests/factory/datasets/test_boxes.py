"""The faces' places as data sets write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from factory.datasets import BOXES, ShippedBoxes, boxes, celeba_spoof, msu_mfsd, oulu_npu, replay_attack
from factory.sources.faces import Box, landmark_box
from tests.factory.datasets.trees import write_text


def test_replay_attack_counts_width_and_height() -> None:
    text = "0 0 0 0 0\n1 10 12 20 24\n\n2 11 13 20 24\n"
    assert replay_attack.box(text, 1, 320, 240) == Box(10, 12, 20, 24)
    assert replay_attack.box(text, 0, 320, 240) is None, "no detection"
    assert replay_attack.box(text, 7, 320, 240) is None


def test_msu_mfsd_counts_corners() -> None:
    text = "0,0.00,0.00,0.00,0.00,0,0,0,0\n1,110.5,120,310.5,370,150,200,260,200,\n"
    assert msu_mfsd.box(text, 1, 640, 480) == Box(110.5, 120, 200, 250)
    assert msu_mfsd.box(text, 0, 640, 480) is None


def test_celeba_spoof_is_in_a_frame_of_224() -> None:
    assert celeba_spoof.box("61 45 61 112 0.9970805", 0, 448, 112) == Box(122, 22.5, 122, 56)
    assert celeba_spoof.box("61 45 0 112 0.99\n", 0, 448, 112) is None
    assert celeba_spoof.box("", 0, 448, 112) is None


def test_oulu_npu_has_eyes_alone() -> None:
    upright = oulu_npu.box("3,100,200,160,200\n", 3, 1080, 1920)
    assert upright is not None
    assert upright.x + upright.width / 2 == pytest.approx(130)
    assert upright.width == upright.height == pytest.approx(2.67 * boxes.MOUTH * 60)
    assert upright.y < 200 < 200 + boxes.MOUTH * 60 < upright.y + upright.height, "eyes and mouth are within"
    assert oulu_npu.box("3,160,200,100,200\n", 3, 1080, 1920) == pytest.approx(upright), "whichever eye comes first"
    tilted = oulu_npu.box("3,100,200,160,230\n", 3, 1080, 1920)
    assert tilted is not None and tilted.x + tilted.width / 2 < 130, "the mouth is where the chin is"
    assert oulu_npu.box("3,0,0,0,0\n", 3, 1080, 1920) is None
    assert oulu_npu.box("3,5,5,5,5\n", 3, 1080, 1920) is None


def test_eyes_alone_find_the_box_of_all_landmarks() -> None:
    points = np.array([100.0, 200, 160, 200, 110, 200 + 60 * boxes.MOUTH, 150, 200 + 60 * boxes.MOUTH])
    assert boxes.of_eyes(*points[:4]) == pytest.approx(landmark_box(points))


@pytest.mark.parametrize("text", ["1 2 3\n", "1 a b c d\n", "x\n1 2 3 4 5", "1 nan 2 3 4", "1,2,3,4,5\n"])
def test_lines_without_these_numbers_are_broken(text: str) -> None:
    with pytest.raises(ValueError, match=r"^broken box file$"):
        replay_attack.box(text, 1, 320, 240)


def test_boxes_of_files(tmp_path: Path) -> None:
    write_text(tmp_path / "a.face", "0 1 2 3 4\n1 5 6 7 8\n")
    write_text(tmp_path / "b.face", "0 9 9 9 9\n")
    shipped = ShippedBoxes("replay-attack", str(tmp_path))
    assert [shipped.find("a.face", n, 320, 240) for n in (0, 1)] == [Box(1, 2, 3, 4), Box(5, 6, 7, 8)]
    assert shipped.find("b.face", 0, 320, 240) == Box(9, 9, 9, 9)
    with pytest.raises(ValueError, match="^no face$"):
        shipped.find("b.face", 1, 320, 240)
    with pytest.raises(ValueError, match="^no box file$"):
        shipped.find("", 1, 320, 240)
    with pytest.raises(FileNotFoundError):
        shipped.find("absent.face", 1, 320, 240)
    with pytest.raises(ValueError, match="wmca ships no face boxes"):
        ShippedBoxes("wmca", str(tmp_path))
    assert set(BOXES) == {"oulu-npu", "replay-attack", "msu-mfsd", "celeba-spoof"}


def test_a_box_file_that_never_ends(tmp_path: Path) -> None:
    with open(tmp_path / "a.face", "wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(ValueError, match="broken box file"):
        ShippedBoxes("replay-attack", str(tmp_path)).find("a.face", 0, 320, 240)
