"""CASIA-FASD (MFASD): `{train,test}_release/<subject>/<1 … 8 or HR_1 … HR_4>.avi`, 12 videos of each person."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from factory.datasets.tree import UNKNOWN, VIDEOS, Recording, Tree

DOMAIN, TITLE, FORMAT, EXAMPLE = "casia_fasd", "CASIA-FASD", "video", "train_release/1/HR_1.avi"
CAPTURE = re.compile(r"(?P<file>[1-8]|hr_[1-4])")
SITTING: tuple[str, ...] = ("quality",)
NAME = re.compile(r"(?P<split>train|test)_release/(?P<subject>\d+)/(?P<stem>(?i:hr)_[1-4]|[1-8])\.\w+")
INSTRUMENTS = {
    **dict.fromkeys(("1", "2", "hr_1"), "live"),
    **dict.fromkeys(("3", "4", "hr_2"), "print_warped"),
    **dict.fromkeys(("5", "6", "hr_3"), "print_cut"),
    **dict.fromkeys(("7", "8", "hr_4"), "replay"),
}
QUALITIES = {
    **dict.fromkeys(("1", "3", "5", "7"), "normal"),
    **dict.fromkeys(("2", "4", "6", "8"), "low"),
    **dict.fromkeys(("hr_1", "hr_2", "hr_3", "hr_4"), "high"),
}


def quality_of(fields: Mapping[str, str]) -> str:
    """Return the quality of the camera, which the file's name implies."""
    return QUALITIES[fields["file"]]


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the file's name."""
    instrument = INSTRUMENTS[fields["file"]]
    return instrument.partition("_")[0], instrument


def whole(tree: Tree) -> Iterator[str]:
    """Yield every recording that was released: 12 of each person, 20 people for training and 30 for testing."""
    for split, people in (("train", 20), ("test", 30)):
        for person, file in itertools.product(range(1, people + 1), INSTRUMENTS):
            yield f"{split}_release/{person}/{file.upper()}"


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all videos; the person is `<split>_<directory>`, because each split numbers its directories anew."""
    folders = ("train_release/", "test_release/")
    tree.require(*folders)
    for file, found in tree.search(NAME, VIDEOS, *folders):
        if found is None:
            yield Recording(file=file, reject=UNKNOWN)
            continue
        capture = found["stem"].lower()
        attack, instrument = attack_of({"file": capture})
        yield Recording(
            file=file,
            subject=f"{found['split']}_{found['subject']}",
            capture=capture,
            attack=attack,
            instrument=instrument,
            split=found["split"],
        )
