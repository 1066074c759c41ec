"""What every reader says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from factory.datasets import DATASETS, Frames, fields, list_dataset
from factory.prepare.config import DatasetName
from factory.sources.pattern import vocabulary_name
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import TREES, write_video


def test_every_data_set_has_a_name_a_domain_and_a_tree() -> None:
    assert set(DATASETS) == set(TREES) == set(get_args(DatasetName))
    domains = [dataset.DOMAIN for dataset in DATASETS.values()]
    assert len(set(domains)) == len(domains) and all(domain == vocabulary_name(domain) for domain in domains)


@pytest.mark.parametrize("name", [name for name in TREES if name != "pairs"])
def test_captures_give_back_what_the_reader_said(tmp_path: Path, name: str) -> None:
    for instruments in (False, True):
        for source in listed(name, TREES[name](tmp_path / str(instruments)), instruments=instruments).values():
            assert source.fields is not None
            found = fields(source.fields["domain"], vocabulary_name(source.fields["capture"]))
            assert found["instrument" if instruments else "attack"] == source.fields["attack"]
            assert (found["attack"] == "live") == (source.fields["label"] == "live")
            person = found.get("subject", found.get("client", ""))
            assert source.fields["subject"].endswith(person)


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


def test_casia_fasd(tmp_path: Path) -> None:
    found = listed("casia-fasd", trees.casia_fasd(tmp_path))
    attacks = {source.file.rpartition("/")[2][:-4]: facts(source)[1] for source in found.values()}
    assert attacks == {
        **dict.fromkeys(("1", "2", "HR_1"), "live"),
        **dict.fromkeys(("3", "4", "5", "6", "HR_2", "HR_3"), "print"),
        **dict.fromkeys(("7", "8", "HR_4"), "replay"),
    }
    assert facts(found["train_release/1/1.avi/000005"])[2:] == ("train_1", "train", "1")
    assert facts(found["test_release/1/1.avi/000005"])[2:] == ("test_1", "test", "1"), "another person"
    assert facts(found["test_release/30/HR_4.AVI/000005"])[2:] == ("test_30", "test", "hr_4")
    assert [fields("casia_fasd", name)["instrument"] for name in ("4", "hr_3", "8")] == [
        "print_warped",
        "print_cut",
        "replay",
    ]


def test_replay_attack(tmp_path: Path) -> None:
    found = listed("replay-attack", trees.replay_attack(tmp_path))
    assert not any(path.startswith("enroll") for path in found) and len(found) == 2 * 7
    real = "client001_session01_webcam_authenticate_adverse_1"
    assert facts(found[f"train/real/{real}.mov/000002"]) == ("live", "live", "client001", "train", real)
    assert found[f"train/real/{real}.mov/000002"].boxes == f"face-locations/train/real/{real}.face"
    held = "attack_print_client001_session01_highdef_photo_adverse"
    captures = {facts(source)[4] for source in found.values() if held in source.path}
    assert captures == {f"{held}_fixed", f"{held}_hand"}, "two recordings of one name"
    mobile = "attack_mobile_client003_session01_mobile_video_controlled"
    assert facts(found[f"devel/attack/hand/{mobile}.mov/000002"])[:4] == ("spoof", "replay", "client003", "dev")
    assert fields("replay_attack", f"{mobile}_hand") == {
        "presented": "mobile", "subject": "client003", "session": "01", "device": "mobile", "sample": "video",
        "light": "controlled", "support": "hand", "attack": "replay", "instrument": "replay_mobile",
    }  # fmt: skip
    assert fields("replay_attack", real)["take"] == "1" and fields("replay_attack", real)["light"] == "adverse"


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
