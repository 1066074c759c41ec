"""What the reader of MSU-MFSD says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path

from factory.datasets import fields, msu_mfsd
from factory.sources.faces import Box
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_video


def test_msu_mfsd(tmp_path: Path) -> None:
    root = trees.msu_mfsd(tmp_path)
    write_video(root / "scene01/real/real_client055_laptop_SD_scene01.mov")
    write_video(root / "scene01/real/real_client099_laptop_SD_scene01.mov")
    found = listed("msu-mfsd", root)
    live = found["scene01/real/real_client001_android_SD_scene01.mp4/000005"]
    assert facts(live) == ("live", "live", "client001", "test", "real_client001_android_sd_scene01")
    assert live.boxes == "scene01/real/real_client001_android_SD_scene01.face" and live.turn == 0
    upside_down = found["scene01/real/real_client003_android_SD_scene01.mp4/000005"]
    assert upside_down.turn == 180 and facts(upside_down)[3] == "train"
    assert facts(found["scene01/real/real_client055_laptop_SD_scene01.mov/000005"])[3] == "train"
    assert rejects(found) == {"scene01/real/real_client099_laptop_SD_scene01.mov": "in no list"}
    attacks = {facts(source)[1:4] for source in found.values() if "attack/" in source.path}
    assert attacks == {
        (name, *who) for name in ("print", "replay") for who in (("client001", "test"), ("client002", "train"))
    }
    assert fields("msu_mfsd", "attack_client001_laptop_sd_ipad_video_scene01")["instrument"] == "replay_ipad"


def test_msu_mfsd_counts_corners() -> None:
    text = "0,0.00,0.00,0.00,0.00,0,0,0,0\n1,110.5,120,310.5,370,150,200,260,200,\n"
    assert msu_mfsd.box(text, 1, 640, 480) == Box(110.5, 120, 200, 250)
    assert msu_mfsd.box(text, 0, 640, 480) is None
