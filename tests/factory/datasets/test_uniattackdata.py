"""What the reader of UniAttackData says of a miniature tree and its lists."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factory.datasets import fields
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_frames


def test_uniattackdata(tmp_path: Path) -> None:
    found = listed("uniattackdata", trees.uniattackdata(tmp_path))
    live, spoof = "Data/live/east-asia/EA-321/real.rssdk", "Data/spoof/east-asia/EA-321"
    assert facts(found[f"{live}/color/0001.jpg"]) == ("live", "live", "EA-321", "train", "real")
    assert facts(found[f"{spoof}/cloth-indoor/color/0001.jpg"])[1:] == ("print", "EA-321", "train", "cloth_indoor")
    assert rejects(found) == {} and not any("DaGAN" in path or "adv" in path for path in found)
    assert fields("uniattackdata", "cloth_outdoor") == {
        "recording": "cloth_outdoor", "place": "outdoor", "attack": "print", "instrument": "print_cloth",
    }  # fmt: skip
    assert fields("uniattackdata", "screen_rs")["attack"] == "replay"


def test_all_recordings_of_a_person_are_in_the_split_that_lists_one(tmp_path: Path) -> None:
    found = listed("uniattackdata", trees.uniattackdata(tmp_path))
    people: dict[str | None, set[str | None]] = {}
    for source in found.values():
        people.setdefault(facts(source)[2], set()).add(facts(source)[3])
    assert people == {"EA-321": {"train"}, "AF-066": {"dev"}, "CA-579": {"test"}}
    attacks = {(facts(source)[2], facts(source)[4]) for source in found.values()}
    assert len(attacks) == 3 * 4, "one live recording and three attacks of each"


def test_uniattackdata_lists(tmp_path: Path) -> None:
    root = trees.uniattackdata(tmp_path)
    write_frames(root / "Data/live/africa/AF-001/real.rssdk/color", 1)
    assert rejects(listed("uniattackdata", root)) == {
        "Data/live/africa/AF-001/real.rssdk/color/0001.jpg": "in no list"
    }
    name = root / "protocol/UniAttackData@p1_video_test.txt"
    name.write_text(name.read_text() + "UniAttackData/Data/spoof/africa/AF-066/screen-rs/color 1\n")
    with pytest.raises(ValueError, match=r"p1_video_test.txt, line \d+: AF-066 is in dev and in test"):
        listed("uniattackdata", root)
    shutil.rmtree(root / "protocol")
    assert {facts(source)[3] for source in listed("uniattackdata", root).values()} == {None}


@pytest.mark.parametrize(
    "folder",
    [
        "live/africa/AF-066/cloth-indoor/color",  # an attack among the live
        "spoof/africa/AF-066/real.rssdk/color",
        "live/africa/EA-321/real.rssdk/color",  # another region
        "live/africa/AF-66/real.rssdk/color",
        "spoof/africa/AF-066/cloth-indoor/more/color",
    ],
)
def test_uniattackdata_names_that_are_none(tmp_path: Path, folder: str) -> None:
    root = trees.uniattackdata(tmp_path)
    write_frames(root / "Data" / folder, 1)
    assert rejects(listed("uniattackdata", root)) == {f"Data/{folder}/0001.jpg": "unknown name"}


def test_the_challenges_release_names_nobody_and_is_refused(tmp_path: Path) -> None:
    write_frames(tmp_path / "phase1/p1/train", 2)
    with pytest.raises(ValueError, match="it lacks Data/live/, Data/spoof/"):
        listed("uniattackdata", tmp_path)
