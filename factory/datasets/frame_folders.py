"""Videos that were released as a folder of pictures each: which files are theirs, and which of these represent one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from factory.datasets.tree import Recording, Tree
from factory.sources.files import File
from factory.sources.video import Frames

FORMAT = "frames"  # of a data set whose recordings are folders of pictures
PICTURES = "jpg jpeg png bmp"


def search(
    tree: Tree, pattern: re.Pattern[str], modalities: tuple[str, ...], *folders: str
) -> Iterator[tuple[File, re.Match[str] | None]]:
    """Yield the pictures below these folders that lie in one of the modalities' folders, such as `color`.

    Each comes with the pattern's match of its whole name; depth and infrared pictures are left out.
    """
    for file, found in tree.search(pattern, PICTURES, *folders):
        if file.name.rpartition("/")[0].rpartition("/")[2] in modalities:
            yield file, found


def thinned(recordings: Iterable[Recording], frames: Frames) -> list[Recording]:
    """Return the pictures that represent each folder, by the order of their numbers; rejects stay.

    The rule is that of videos: the middles of equal parts, among the first `within` pictures if that is given.
    """
    kept, folders = [], defaultdict(list)
    for recording in recordings:
        if recording.reject:
            kept.append(recording)
        else:
            folders[recording.file.name.rpartition("/")[0]].append(recording)
    for pictures in folders.values():
        pictures.sort(key=lambda picture: _order(picture.file.name))
        kept += [pictures[place] for place in frames.of(len(pictures))]
    return kept


def _order(name: str) -> tuple[int, str]:
    """Return what sorts `9.jpg` before `10.jpg`: the last number in a file's name."""
    numbers = re.findall(r"\d+", name.rpartition("/")[2])
    return (int(numbers[-1]) if numbers else -1), name
