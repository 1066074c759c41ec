"""What the reader of OULU-NPU says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.datasets import boxes, fields, oulu_npu
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed


def test_oulu_npu(tmp_path: Path) -> None:
    found = listed("oulu-npu", trees.oulu_npu(tmp_path))
    assert list(found)[-1] == "Train_files/1_1_01_5.avi/000015" and len(found) == 2 * 9
    assert facts(found["Train_files/1_1_01_1.avi/000005"]) == ("live", "live", "01", "train", "1_1_01_1")
    assert facts(found["Train_files/1_1_01_3.avi/000005"]) == ("spoof", "print", "01", "train", "1_1_01_3")
    assert facts(found["Dev_files/6_2_35_5.avi/000015"]) == ("spoof", "replay", "35", "dev", "6_2_35_5")
    assert facts(found["Test_files/1_3_36_4.avi/000005"]) == ("spoof", "replay", "36", "test", "1_3_36_4")
    source = found["Train_files/1_1_01_1.avi/000005"]
    assert (source.format, source.file, source.group, source.at) == ("video", "Train_files/1_1_01_1.avi", 0, 5)
    assert source.boxes == "Train_files/1_1_01_1.txt" and found["Test_files/1_3_36_4.avi/000005"].boxes == ""
    assert fields("oulu_npu", "6_2_35_5") == {
        "phone": "6", "session": "2", "subject": "35", "file": "5", "attack": "replay", "instrument": "replay_2",
    }  # fmt: skip


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
