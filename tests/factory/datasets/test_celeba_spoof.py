"""What the reader of CelebA-Spoof says of a miniature tree, of its lists and of boxes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from factory.datasets import celeba_spoof
from factory.sources.faces import Box
from tests.factory.datasets import trees
from tests.factory.datasets.listing import facts, listed, rejects
from tests.factory.datasets.trees import write_text


def test_celeba_spoof(tmp_path: Path) -> None:
    found = listed("celeba-spoof", trees.celeba_spoof(tmp_path))
    assert {path: facts(source) for path, source in found.items()} == {
        "Data/train/1/live/000184.jpg": ("live", "live", "1", "train", "000184_0_0_0"),
        "Data/train/1/spoof/000190.png": ("spoof", "print", "1", "train", "000190_1_2_1"),
        "Data/test/5007/spoof/497050.png": ("spoof", "replay", "5007", "test", "497050_8_1_2"),
        "Data/test/5007/spoof/1.png": ("spoof", "mask", "5007", "test", "1_10_0_0"),
    }
    assert rejects(found) == {"Data/test/5007/spoof/1.png": "missing file"}
    assert found["Data/test/5007/spoof/497050.png"].boxes == "Data/test/5007/spoof/497050_BB.txt"
    finer = listed("celeba-spoof", tmp_path, instruments=True)
    assert [facts(source)[1] for source in finer.values()] == ["3d_mask", "pad", "live", "photo"]


@pytest.mark.parametrize("text", ["", "[]", '{"a": [1, 2]}', '{"a": "x"}', "[" * 100_000])
def test_lists_of_celeba_spoof_that_are_none(tmp_path: Path, text: str) -> None:
    root = trees.celeba_spoof(tmp_path)
    write_text(root / "metas/intra_test/train_label.json", text)
    with pytest.raises(ValueError, match="train_label.json does not give 44 numbers for each path"):
        listed("celeba-spoof", root)


def test_rows_of_celeba_spoof_that_contradict_themselves(tmp_path: Path) -> None:
    root = trees.celeba_spoof(tmp_path)
    lists = root / "metas/intra_test/test_label.json"
    rows = json.loads(lists.read_text())
    rows["Data/test/5007/spoof/497050.png"][43] = 0
    rows["../../elsewhere/live/1.png"] = [0] * 44
    lists.write_text(json.dumps(rows))
    assert rejects(listed("celeba-spoof", root)) == {
        "Data/test/5007/spoof/497050.png": "label and attack disagree",
        "../../elsewhere/live/1.png": "unknown name",
        "Data/test/5007/spoof/1.png": "missing file",
    }


def test_celeba_spoof_is_in_a_frame_of_224() -> None:
    assert celeba_spoof.box("61 45 61 112 0.9970805", 0, 448, 112) == Box(122, 22.5, 122, 56)
    assert celeba_spoof.box("61 45 0 112 0.99\n", 0, 448, 112) is None
    assert celeba_spoof.box("", 0, 448, 112) is None
