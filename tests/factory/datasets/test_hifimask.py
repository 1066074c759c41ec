"""What the reader of HiFiMask says of a miniature tree and its lists."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factory.datasets import fields
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_frames


def test_hifimask(tmp_path: Path) -> None:
    root = trees.hifimask(tmp_path)
    found = listed("hifimask", root)
    assert facts(found["Data/1_21_0_6_6_8/0001.png"]) == ("live", "live", "21", "train", "1_21_0_6_6_8")
    assert facts(found["Data/2_66_3_6_5_2/0000.png"]) == ("spoof", "mask", "66", "dev", "2_66_3_6_5_2")
    assert facts(found["Data/1_01_1_1_1_1/0000.png"])[1:4] == ("mask", "01", "test")
    assert rejects(found) == {}
    assert fields("hifimask", "3_53_2_4_0_8") == {
        "complexion": "3", "subject": "53", "type": "2", "scene": "4", "light": "0", "sensor": "8", "attack": "mask",
        "instrument": "plaster_mask",
    }  # fmt: skip


def test_hifimask_without_lists_has_no_split(tmp_path: Path) -> None:
    shutil.rmtree(trees.hifimask(tmp_path) / "protocol")
    found = listed("hifimask", tmp_path)
    assert {facts(source)[3] for source in found.values()} == {None} and rejects(found) == {}


def test_what_the_lists_and_the_tree_do_not_share(tmp_path: Path) -> None:
    root = trees.hifimask(tmp_path)
    write_frames(root / "Data/1_20_0_1_1_3", 1)
    write_frames(root / "Data/1_20_4_1_1_3", 1)
    write_frames(root / "Data/Info", 1)
    shutil.rmtree(root / "Data/2_66_0_5_0_4")
    assert rejects(listed("hifimask", root)) == {
        "Data/1_20_0_1_1_3/0001.jpg": "in no list",
        "Data/1_20_4_1_1_3/0001.jpg": "unknown name",
        "Data/Info/0001.jpg": "unknown name",
        "Data/2_66_0_5_0_4": "missing file",
    }


def test_a_recording_in_two_splits_is_refused(tmp_path: Path) -> None:
    root = trees.hifimask(tmp_path)
    with (root / "protocol/CASIA_HiFiMask@p1_video_test.txt").open("a") as file:
        file.write("CASIA_HiFiMask/Data/1_21_0_6_6_8 0\n")
    with pytest.raises(ValueError, match="p1_video_test.txt, line 3: 1_21_0_6_6_8 is in train and in test"):
        listed("hifimask", root)
