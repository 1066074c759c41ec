"""What is missing, foreign or broken in a tree is named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.datasets import fields, frame_number
from factory.sources import listing_digest
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import TREES, write_hdf5, write_text, write_video


@pytest.mark.parametrize(
    ("name", "removed", "missing"),
    [
        (
            "oulu-npu",
            "Dev_files",
            "not a complete OULU-NPU tree, it lacks Dev_files/: give the folder that holds Train_f",
        ),
        ("casia-fasd", "test_release", "it lacks test_release/:"),
        ("replay-attack", "devel/attack", "it lacks devel/attack/:"),
        ("msu-mfsd", "test_sub_list.txt", "it lacks test_sub_list.txt:"),
        ("wmca", "face-station", "it lacks face-station/:"),
        ("padisi", "face_partitions", "it lacks padisi_USC_FACE_ground_truth.csv:"),
        ("padisi", "multi", "it lacks ID_<transaction_id>_<trial_id>_<trial_name>.npz:"),
        ("celeba-spoof", "metas/intra_test/test_label.json", "it lacks metas/intra_test/test_label.json:"),
        ("siw", "Test/live", "it lacks Test/live/:"),
        ("nuaa", "imposter_test_raw.txt", "it lacks imposter_test_raw.txt:"),
        ("siw-m", "Spoof", "it lacks Spoof/:"),
        ("siw-m", "PROTOCOL/trainlist_all.txt", "it lacks trainlist_all.txt:"),
        ("rose-youtu", "test", "it lacks test/:"),
        ("casia-surf", "Data/Val/fake_part", "it lacks Data/Val/fake_part/:"),
        ("casia-cefa", "Ethnicity/CA", "it lacks Ethnicity/CA/:"),
        ("hifimask", "Data", "it lacks Data/:"),
        ("hifimask", "protocol/CASIA_HiFiMask@p1_image_dev.txt", "it lacks protocol/CASIA_HiFiMask@p1_video_dev.txt:"),
        ("uniattackdata", "Data/live", "it lacks Data/live/:"),
        (
            "uniattackdata",
            "protocol/UniAttackData@p1_video_test.txt",
            "it lacks protocol/UniAttackData@p1_video_test.txt:",
        ),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, name: str, removed: str, missing: str) -> None:
    root = TREES[name](tmp_path / "tree")
    (shutil.rmtree if (root / removed).is_dir() else Path.unlink)(root / removed)
    with pytest.raises(ValueError, match=re.escape(missing)) as caught:
        listed(name, root)
    assert "\n" not in str(caught.value) and str(root) in str(caught.value)


@pytest.mark.parametrize("name", list(TREES))
def test_a_folder_of_something_else(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / "readme.txt", "x")
    with pytest.raises(ValueError, match="lacks|no pair list|not a pair list"):
        listed(name, tmp_path)
    with pytest.raises(ValueError, match="is a file or glob: give the folder"):
        listed(name, tmp_path / "readme.txt")
    with pytest.raises(ValueError, match="does not exist"):
        listed(name, tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "listed_in", "line", "message"),
    [
        ("msu-mfsd", "test_sub_list.txt", "\n22\n", "test_sub_list.txt: client022 is in train and in test"),
        (
            "nuaa",
            "client_test_raw.txt",
            "0001\\0001_00_00_01_0.jpg",
            "client_test_raw.txt: ClientRaw/0001/0001_00_00_01_0",
        ),
        (
            "wmca",
            "grandtest.csv",
            "d/1_1_1_0_00,0,x,dev\nd/1_1_1_0_00,0,x,eval",
            "line 2: d/1_1_1_0_00 is in dev and in test",
        ),
        (
            "padisi",
            "face_partitions/padisi_USC_FACE_dataset_partition_3folds_part0.csv",
            "{},{},{},test".format(*trees.IDENTITIES[0][:3]),
            "part0.csv: ID_a4acb647.*_FACE_NEUTRAL_WITHOUT_GLASS is in train and in test",
        ),
        ("siw-m", "PROTOCOL/testlist_live.txt", "Live_1\n", "trainlist_live.txt: live_1 is in test and in train"),
        (
            "hifimask",
            "protocol/CASIA_HiFiMask@p1_video_test.txt",
            "CASIA_HiFiMask/Data/1_21_0_6_6_8 0",
            "line 3: 1_21_0_6_6_8 is in train and in test",
        ),
        (
            "uniattackdata",
            "protocol/UniAttackData@p1_video_dev.txt",
            "UniAttackData/Data/live/east-asia/EA-321/real.rssdk/color 0",
            "EA-321 is in train and in dev",
        ),
    ],
)
def test_what_is_in_two_splits_is_refused(tmp_path: Path, name: str, listed_in: str, line: str, message: str) -> None:
    root = TREES[name](tmp_path)
    with (root / listed_in).open("a") as file:
        file.write(line)
    with pytest.raises(ValueError, match=message) as caught:
        listed(name, root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "whole", "absent", "first"),
    [
        ("oulu-npu", 4950, 4950 - 9, "Train_files/1_1_02_1, Train_files/1_1_02_2, "),
        ("casia-fasd", 600, 600 - 14, "train_release/2/1, train_release/2/2, train_release/2/HR_1, "),
        (
            "msu-mfsd",
            8 * 35,
            8 * 35 - 9,
            "scene01/real/real_client001_laptop_SD_scene01, scene01/attack/attack_client00",
        ),
        ("replay-attack", 3, 1, "train/real/client004_session01_webcam_authenticate_adverse_1\n"),
    ],
)
def test_recordings_that_are_not_there_are_counted_and_the_first_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, whole: int, absent: int, first: str
) -> None:
    root = TREES[name](tmp_path)
    if name == "replay-attack":
        lists = ["attack/hand/attack_print_client001_session01_highdef_photo_adverse.mov", "nothing"]
        write_text(root / "protocols/attack-grandtest-allsupports-train.txt", "".join(f"train/{x}\r\n" for x in lists))
        real = "train/real/client00{}_session01_webcam_authenticate_adverse_1\n"
        write_text(root / "protocols/real-train.txt", real.format(1) + real.format(4))
    write_text(root / "Train_files/1_1_02_1.txt", "1,2,3,4,5\n")  # the eyes are not the video
    assert not rejects(listed(name, root))
    said = capsys.readouterr().err
    assert (
        f"{root} lacks {absent:,} of the {whole:,} recordings of " in said
        and f": {first}" in said
        and said.count("\n") == 1
    )
    if name == "replay-attack":
        write_video(root / f"{real.format(4).strip()}.mov")
        listed(name, root)
        assert capsys.readouterr().err == ""


def test_no_recording_has_a_known_name(tmp_path: Path) -> None:
    for split in ("Train", "Dev", "Test"):
        write_video(tmp_path / f"{split}_files" / "video.avi")
    with pytest.raises(ValueError, match=r"no usable recording of OULU-NPU like Train_files/1_1_01_1.avi \(3 others"):
        listed("oulu-npu", tmp_path)


def test_frames_that_were_cut_from_videos_have_other_readers(tmp_path: Path) -> None:
    for split in ("Train", "Dev", "Test"):
        write_text(tmp_path / f"{split}_files" / "1_1_01_1" / "0000.png", "no video")
    with pytest.raises(
        ValueError, match=r"\(0 others: none\); pictures .* --dataset pairs with a list, or by --pattern"
    ):
        listed("oulu-npu", tmp_path)


def test_extra_files_and_broken_recordings(tmp_path: Path) -> None:
    root = trees.oulu_npu(tmp_path)
    write_text(root / "Train_files/notes.pdf", "x")
    write_text(root / "Train_files/._1_1_01_1.avi", "x")
    write_text(root / "other/1_1_01_1.avi", "x")
    write_video(root / "Train_files/copy of 1_1_01_1.avi")
    write_text(root / "Train_files/2_1_01_1.avi", "no video")
    (root / "Train_files/3_1_01_1.avi").symlink_to("absent")
    for name in ("4_1_01_1.avi", "5_1_01_1.mp4", "6_1_01_1.mov"):
        write_text(root / "Train_files" / name, "")
    found = listed("oulu-npu", root)
    assert rejects(found) == {
        **{f"Train_files/{name}": "broken video" for name in ("4_1_01_1.avi", "5_1_01_1.mp4", "6_1_01_1.mov")},
        "Train_files/copy of 1_1_01_1.avi": "unknown name",
        "Train_files/2_1_01_1.avi": "broken video",
        "Train_files/3_1_01_1.avi": "broken link",
    }
    assert facts(found["Train_files/2_1_01_1.avi"]) == ("live", "live", "01", "train", "2_1_01_1")
    assert len(found) == 2 * 9 + 6


def test_the_digest_knows_files_facts_and_boxes(tmp_path: Path) -> None:
    def digest(name: str, **given: Any) -> str:
        return listing_digest(listed(name, tmp_path / name, **given).values())

    changes: dict[str, list[Callable[[Path], object]]] = {
        "oulu-npu": [
            lambda root: write_video(root / "Train_files/1_1_01_1.avi", 21),
            lambda root: write_text(root / "Train_files/1_1_01_1.txt", "1,2,3,4,5\n"),
        ],
        "wmca": [lambda root: write_hdf5(root / f"{trees.WMCA[0]}.hdf5", range(30))],
        "nuaa": [lambda root: write_text(root / "client_train_raw.txt", "0001\\0001_00_00_01_0.jpg\n")],
    }
    for name, edits in changes.items():
        root = TREES[name](tmp_path / name)
        seen = [digest(name), digest(name)]
        assert seen[0] == seen[1]
        for edit in edits:
            edit(root)
            seen.append(digest(name))
        assert len(set(seen)) == len(edits) + 1
    assert digest("oulu-npu") != digest("oulu-npu", instruments=True)


def test_frame_numbers_and_unknown_captures() -> None:
    assert frame_number("Train_files/1_1_01_1.avi/000012") == 12
    assert frame_number("face-station/12.02.18/100_03_015_2_10.hdf5/000005") == 5
    assert frame_number("ClientRaw/0001/0001_00_00_01_0.jpg") is None
    assert frame_number("shard.tar/print/0001/7.jpg") is None
    with pytest.raises(ValueError, match="domain 'studio' is not one of the data sets"):
        fields("studio", "1_1_01_1")
    with pytest.raises(ValueError, match="capture '1_1_01_9' is not one of OULU-NPU"):
        fields("oulu_npu", "1_1_01_9")
