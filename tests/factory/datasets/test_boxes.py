"""The faces' places as data sets write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from factory.datasets import BOXES, ShippedBoxes, boxes
from factory.sources.faces import Box, landmark_box
from tests.factory.datasets.trees import write_text


def test_eyes_alone_find_the_box_of_all_landmarks() -> None:
    points = np.array([100.0, 200, 160, 200, 110, 200 + 60 * boxes.MOUTH, 150, 200 + 60 * boxes.MOUTH])
    assert boxes.of_eyes(*points[:4]) == pytest.approx(landmark_box(points))


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
