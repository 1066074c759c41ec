"""What the reader of SiW-M says of a miniature tree, and that it makes up no people."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.datasets import fields
from factory.datasets.names import is_unknown
from factory.datasets.siw_m import KINDS, attack_of
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_text, write_video


def test_siw_m(tmp_path: Path) -> None:
    root = trees.siw_m(tmp_path)
    write_video(root / "Spoof/Paper/Paper_7.mov", 10)  # as some copies call the folder
    found = listed("siw-m", root)
    assert facts(found["Live/Live_862.mov/000002"]) == ("live", "live", "unknown_live_862", "test", "live_862")
    assert facts(found["Spoof/Mannequin/Mask_Mann_2.MOV/000007"])[1:4] == ("mask", "unknown_mask_mann_2", "test")
    assert facts(found["Spoof/Print/Paper_56.mov/000002"])[1:4] == ("print", "unknown_paper_56", "train")
    assert set(rejects(found).values()) == {"in no list"} and all("Paper_7" in path for path in rejects(found))
    assert fields("siw_m", "partial_funnyeye_9") == {
        "type": "partial_funnyeye", "number": "9", "attack": "partial", "instrument": "funny_eye_glasses",
    }  # fmt: skip


def test_every_recording_is_of_somebody_unknown(tmp_path: Path) -> None:
    people = {str(facts(source)[2]) for source in listed("siw-m", trees.siw_m(tmp_path)).values()}
    assert len(people) == len(trees.SIW_M) and all(is_unknown(person) for person in people)


def test_siw_m_without_lists_has_no_split(tmp_path: Path) -> None:
    root = trees.siw_m(tmp_path)
    for name in (root / "PROTOCOL").iterdir():
        name.unlink()
    assert {facts(source)[3] for source in listed("siw-m", root).values()} == {None}


@pytest.mark.parametrize(
    "name",
    [
        "Live/Paper_1.mov",
        "Spoof/Replay/Paper_1.mov",
        "Spoof/Live/Live_1.mov",
        "Spoof/Mask_Mann_1.mov",
        "Live/Live_x.mov",
        "Spoof/Partial/PaperCut/1.mov",  # the first version's folders, whose names no document has
    ],
)
def test_siw_m_names_in_the_wrong_place(tmp_path: Path, name: str) -> None:
    write_video(trees.siw_m(tmp_path) / name, 10)
    assert rejects(listed("siw-m", tmp_path)) == {name: "unknown name"}


def test_siw_m_lists(tmp_path: Path) -> None:
    root = trees.siw_m(tmp_path)
    write_text(root / "PROTOCOL/testlist_live.txt", "Live_862\nLive_5")
    assert rejects(listed("siw-m", root)) == {"live_5": "missing file"}
    write_text(root / "PROTOCOL/testlist_live.txt", "Live_862\nLive_1")
    with pytest.raises(ValueError, match="trainlist_live.txt: live_1 is in test and in train"):
        listed("siw-m", root)
    (root / "PROTOCOL/testlist_live.txt").unlink()
    with pytest.raises(ValueError, match="it lacks testlist_live.txt"):
        listed("siw-m", root)


def test_kinds_are_told_apart() -> None:
    instruments = [attack_of({"type": kind})[1] for kind in KINDS]
    assert len(set(instruments)) == len(KINDS) == 15  # 14 attacks
    folders = [folder for kind in KINDS.values() for folder in kind.folders]
    assert len(set(folders)) == len(folders)
