"""OULU-NPU: `{Train,Dev,Test}_files/<phone>_<session>_<subject>_<file>.avi`, each with a `.txt` of the eyes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from factory.datasets import boxes
from factory.datasets.tree import SPLITS, UNKNOWN, VIDEOS, Recording, Tree
from factory.sources.faces import Box

DOMAIN, TITLE, FORMAT, EXAMPLE = "oulu_npu", "OULU-NPU", "video", "Train_files/1_1_01_1.avi"
CAPTURE = re.compile(r"(?P<phone>[1-6])_(?P<session>[1-3])_(?P<subject>\d\d)_(?P<file>[1-5])")
SITTING: tuple[str, ...] = ("phone", "session")
NAME = re.compile(rf"(?P<split>Train|Dev|Test)_files/(?P<stem>{CAPTURE.pattern})\.\w+")
INSTRUMENTS = {"1": "live", "2": "print_1", "3": "print_2", "4": "replay_1", "5": "replay_2"}  # by field 4


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the file number."""
    instrument = INSTRUMENTS[fields["file"]]
    return instrument.partition("_")[0], instrument


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all videos; protocols are subsets of these by phone, session and file, so their lists are not read."""
    folders = ("Train_files/", "Dev_files/", "Test_files/")
    tree.require(*folders)
    for file, found in tree.search(NAME, VIDEOS, *folders):
        if found is None:
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of(found.groupdict())
        yield Recording(
            file=file,
            subject=found["subject"],
            capture=found["stem"],
            attack=attack,
            instrument=instrument,
            split=SPLITS[found["split"].lower()],
            boxes=tree.beside(file, ".txt"),
        )


def whole(tree: Tree) -> Iterator[str]:
    """Yield every recording that was released: 55 users in front of 6 phones in 3 sessions."""
    users = {"Train": range(1, 21), "Dev": range(21, 36), "Test": range(36, 56)}
    for split, numbers in users.items():
        for phone, session, user, file in itertools.product(range(1, 7), range(1, 4), numbers, range(1, 6)):
            yield f"{split}_files/{phone}_{session}_{user:02d}_{file}"


def box(text: str, frame: int, width: int, height: int) -> Box | None:
    """Return the box from a line `frame,x_right_eye,y_right_eye,x_left_eye,y_left_eye`; frames count from 0."""
    eyes = boxes.row(text, frame, 4, ",")
    return boxes.of_eyes(*eyes[:4]) if eyes and any(eyes) else None
