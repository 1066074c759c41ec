"""What the reader of CASIA-SURF CeFA says of a miniature tree with the documents' names."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.datasets import fields
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_frames


def test_casia_cefa(tmp_path: Path) -> None:
    root = trees.casia_cefa(tmp_path)
    found = listed("casia-cefa", root)
    said = {path.rpartition("/color/")[0]: facts(source) for path, source in found.items()}
    assert said == {
        "Ethnicity/AF/AF-012/1_012_1_1_1": ("live", "live", "AF_012", "train", "1_012_1_1_1"),
        "Ethnicity/AF/AF-012/1_012_3_2_2": ("spoof", "print", "AF_012", "train", "1_012_3_2_2"),
        "Ethnicity/CA/CA-225-198006250024/2_225_3_1_4": ("spoof", "replay", "CA_225", "dev", "2_225_3_1_4"),
        "Ethnicity/EA/EA-304/3_304_1_1_1": ("live", "live", "EA_304", "test", "3_304_1_1_1"),
        "Mask/3D-Mask/002/1_002_1_1_2_1_3": ("spoof", "mask", "3D_mask_002", "test", "1_002_1_1_2_1_3"),
        "Mask/Silicone-Mask/001/2_001_1_0_2_1_2": ("spoof", "mask", "Silicone_mask_001", "test", "2_001_1_0_2_1_2"),
    }
    assert len(found) == 2 * len(trees.CEFA), "two pictures of each recording, none of depth"
    assert fields("casia_cefa", "2_001_1_0_2_1_2") == {
        "mask": "2", "subject": "001", "dresses": "1", "glasses": "0", "device": "2", "session": "1", "light": "2",
        "attack": "mask", "instrument": "silicone_mask",
    }  # fmt: skip
    assert fields("casia_cefa", "1_012_3_2_2")["instrument"] == "print_cloth"


def test_the_folders_above_may_be_left_out_and_pictures_be_profiles(tmp_path: Path) -> None:
    root = trees.casia_cefa(tmp_path / "tree")
    for folder in [*root.glob("*/*")]:
        folder.rename(tmp_path / folder.name)
    for color in [*tmp_path.rglob("color")]:
        color.rename(color.with_name("profile"))
    found = listed("casia-cefa", tmp_path)
    assert (
        "AF/AF-012/1_012_1_1_1/profile/0001.jpg" in found and "3D-Mask/002/1_002_1_1_2_1_3/profile/0003.jpg" in found
    )
    assert len(found) == 2 * len(trees.CEFA) and rejects(found) == {}


@pytest.mark.parametrize(
    "name",
    [
        "Ethnicity/AF/AF-012/1_013_1_1_1",  # another person than the folder
        "Ethnicity/AF/AF-012/2_012_1_1_1",  # another ethnicity
        "Ethnicity/AF/CA-012/2_012_1_1_1",
        "Ethnicity/AF/AF-012/1_012_1_1_9",
        "Ethnicity/AF/AF-012/1_012_1_1_2_1_3",  # a mask among the faces
        "Mask/3D-Mask/002/2_002_1_1_2_1_3",  # of silicone
        "Mask/3D-Mask/002/1_003_1_1_2_1_3",
    ],
)
def test_casia_cefa_names_that_contradict_their_folders(tmp_path: Path, name: str) -> None:
    root = trees.casia_cefa(tmp_path)
    write_frames(root / name / "color", 1)
    assert rejects(listed("casia-cefa", root)) == {f"{name}/color/0001.jpg": "unknown name"}


def test_a_subject_of_no_protocol_is_no_row(tmp_path: Path) -> None:
    root = trees.casia_cefa(tmp_path)
    write_frames(root / "Ethnicity/AF/AF-500/1_500_1_1_1/color", 1)
    assert rejects(listed("casia-cefa", root)) == {"Ethnicity/AF/AF-500/1_500_1_1_1/color/0001.jpg": "in no list"}


@pytest.mark.parametrize(
    ("number", "split"), [(0, "train"), (199, "train"), (200, "dev"), (299, "dev"), (300, "test")]
)
def test_the_number_says_the_split(tmp_path: Path, number: int, split: str) -> None:
    root = trees.casia_cefa(tmp_path)
    name = f"Ethnicity/EA/EA-{number:03d}/3_{number:03d}_1_1_1/color"
    write_frames(root / name, 1)
    assert facts(listed("casia-cefa", root)[f"{name}/0001.jpg"])[3] == split
