"""ROSE-Youtu: `[train|test/]<subject>/<label>_<speaking>_<device>_<glasses>_<environment>_<subject>_<number>.mp4`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.datasets.tree import UNKNOWN, UNLISTED, VIDEOS, Recording, Tree

DOMAIN, TITLE, FORMAT, EXAMPLE = "rose_youtu", "ROSE-Youtu", "video", "train/2/G_NT_5s_g_E_2_1.mp4"
CAPTURE = re.compile(
    r"(?P<type>g|p[sq]|v[lm]|m[cful])_(?P<speaking>nt|t)_(?P<device>hs|hw|ip|5s|zte)_(?P<glasses>g|wg)"
    r"_(?P<environment>[a-z0-9]+)_(?P<subject>\d+)_(?P<number>\d+)"
)
SITTING: tuple[str, ...] = ("device",)
NAME = re.compile(rf"(?:(?P<split>train|test)/)?_?(?P<folder>\d+)/(?P<stem>(?i:{CAPTURE.pattern}))\.\w+")
INSTRUMENTS = {
    "g": "live",
    "ps": "print_still",
    "pq": "print_quivering",
    "vl": "replay_lenovo",
    "vm": "replay_mac",
    "mc": "mask_cropped",
    "mf": "mask_full",
    "mu": "mask_upper",
    "ml": "mask_lower",
}
# The people of each split where no folder says it, as a public reader divides them.
PEOPLE = {"train": (2, 3, 4, 5, 6, 7, 9, 10), "dev": (11, 12), "test": range(13, 24)}


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the first field; masks are of paper."""
    instrument = INSTRUMENTS[fields["type"]]
    return instrument.partition("_")[0], instrument


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all videos; the split is the folder's, or else that of the person's number."""
    parts = tuple(part for part in ("train/", "test/") if any(name.startswith(part) for name in tree.files))
    there = [*tree.search(NAME, VIDEOS, *(parts or ("",)))]
    if parts or not any(found for _, found in there):
        tree.require(*(("train/", "test/") if parts else (EXAMPLE,)))
    for file, found in there:
        if found is None or int(found["folder"]) != int(found["subject"]):
            yield Recording(file=file, reject=UNKNOWN)
            continue
        capture, person = found["stem"].lower(), int(found["subject"])
        attack, instrument = attack_of({"type": found["type"].lower()})
        split = found["split"] or next((part for part, people in PEOPLE.items() if person in people), "")
        yield Recording(
            file=file,
            subject=found["subject"],
            capture=capture,
            attack=attack,
            instrument=instrument,
            split=split,
            reject=None if split else UNLISTED,
        )
