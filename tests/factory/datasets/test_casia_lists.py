"""Lists of a first protocol: complete, readable, and nothing in two splits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from factory.datasets.casia_lists import first_protocol
from factory.datasets.tree import Tree
from tests.factory.datasets.trees import write_text

LISTED = re.compile(r"(?:.*/)?Data/(?P<key>\w+)(?:/.+)?")


def read(root: Path, **lists: str) -> dict[str, str]:
    for name, text in lists.items():
        write_text(root / f"protocol/X@p1_{name}.txt", text)
    write_text(root / "Data/a", "")
    return first_protocol(Tree(str(root), "X"), "X", LISTED)


def test_videos_and_pictures_say_the_same(tmp_path: Path) -> None:
    lists = {"video_train": "X/Data/a 0\r\n\r\nX/Data/b 1\n", "image_dev": "Data/c/0001.png 3\nX/Other/c 1\n"}
    assert read(tmp_path, **lists, image_test="Data/d/1.png 0", video_test="Data/d 0") == {
        "a": "train", "b": "train", "c": "dev", "d": "test",
    }  # fmt: skip


def test_no_lists_say_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == {}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"video_test": "Data/a 0"}, r"protocol/X@p1_video_test.txt, line 1: a is in train and in test"),
        ({"video_test": "Data/d"}, r"protocol/X@p1_video_test.txt, line 1: 'Data/d' is not a path and a label"),
        ({"video_test": "Data/d live"}, r"line 1: 'Data/d live' is not a path and a label"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path, **{"video_train": "Data/a 0", "video_dev": "Data/b 0", **changed})
    assert "\n" not in str(caught.value)


def test_lists_that_are_missing_or_name_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it lacks protocol/X@p1_video_dev.txt:"):
        read(tmp_path, video_train="Data/a 0", video_test="Data/b 0")
    with pytest.raises(ValueError, match="name no recording of X"):
        read(tmp_path, video_train="Y/a 0", video_dev="", video_test="")
