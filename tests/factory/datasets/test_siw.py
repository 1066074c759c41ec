"""What the reader of SiW says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path

from factory.datasets import Frames, fields, list_dataset
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_video


def test_siw(tmp_path: Path) -> None:
    root = trees.siw(tmp_path)
    write_video(root / "Train/live/007/007-1-2-1-1.mov")
    found = listed("siw", root)
    assert facts(found["Train/live/003/003-1-1-1-1.mov/000005"]) == ("live", "live", "003", "train", "003_1_1_1_1")
    assert facts(found["Train/spoof/003/003-1-2-1-1.mov/000005"])[1] == "print"
    assert facts(found["Train/live/006/006-2-1-1-1.m.mov/000005"])[4] == "006_2_1_1_1"
    assert facts(found["Test/spoof/001/001-2-3-4-2.mp4/000015"]) == ("spoof", "replay", "001", "test", "001_2_3_4_2")
    assert "Test/live/001/001-1-1-1-2.MP4/000005" in found
    assert rejects(found) == {"Train/live/007/007-1-2-1-1.mov": "unknown name"}, "a print among the live"
    assert fields("siw", "001_2_3_4_2") == {
        "subject": "001", "sensor": "2", "type": "3", "medium": "4", "session": "2", "attack": "replay",
        "instrument": "replay_4",
    }  # fmt: skip
    early = list_dataset("siw", str(root), Frames(4, within=8))
    assert {source.at for source in early if not source.reject} == {1, 3, 5, 7}
