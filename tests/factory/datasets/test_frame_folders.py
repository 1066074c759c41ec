"""Which pictures represent a folder of frames."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.datasets import Frames, frame_folders
from factory.datasets.tree import Recording, Tree
from factory.sources.files import File
from tests.factory.datasets.trees import write_image


def picture(name: str, reject: str | None = None) -> Recording:
    return Recording(file=File(name, 1), reject=reject)


def names(recordings: list[Recording]) -> set[str]:
    return {recording.file.name for recording in recordings}


def test_pictures_are_taken_as_frames_of_a_video_are() -> None:
    pictures = [picture(f"a/{number}.jpg") for number in (10, 9, 1, 2, 3, 4, 5, 6, 7, 8)]  # not in their order
    assert names(frame_folders.thinned(pictures, Frames(2))) == {"a/3.jpg", "a/8.jpg"}  # as 2 of 10 frames, 2 and 7
    assert names(frame_folders.thinned(pictures, Frames(2, within=4))) == {"a/2.jpg", "a/4.jpg"}
    assert len(frame_folders.thinned(pictures, Frames(99))) == 10


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 30), min_size=1),
    st.integers(1, 12),
    st.none() | st.integers(1, 20),
)
def test_each_folder_has_its_own_frames_and_rejects_stay(
    folders: dict[str, int], wanted: int, within: int | None
) -> None:
    pictures = [picture(f"{folder}/{n:04d}.png") for folder, count in folders.items() for n in range(count)]
    found = frame_folders.thinned([picture("a/x.png", "unknown name"), *pictures], Frames(wanted, within))
    for folder, count in folders.items():
        expected = {f"{folder}/{number:04d}.png" for number in Frames(wanted, within).of(count)}
        assert {name for name in names(found) if name.startswith(f"{folder}/") and name != "a/x.png"} == expected
    assert "a/x.png" in names(found)


@pytest.mark.parametrize("folder", ["depth", "ir", "colour"])
def test_other_modalities_are_left_out(tmp_path: Path, folder: str) -> None:
    for name in ("color", folder):
        write_image(tmp_path / "a" / name / "1.jpg")
    found = frame_folders.search(Tree(str(tmp_path), "x"), re.compile(".*"), ("color",), "a/")
    assert [file.name for file, _ in found] == ["a/color/1.jpg"]
