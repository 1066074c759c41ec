"""SiW-M, version 2: `Live/Live_<n>.mov`, `Spoof/<kind>/<type>_<n>.mov` and the four lists of protocol 1.

Names say nobody: the number counts videos, and no list says whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from factory.datasets.names import NOBODY
from factory.datasets.tree import MISSING, UNKNOWN, UNLISTED, VIDEOS, Recording, Tree, put_split
from factory.sources.files import File

DOMAIN, TITLE, FORMAT, EXAMPLE = "siw_m", "SiW-M", "video", "Live/Live_1.mov"


class Kind(NamedTuple):
    """A kind of recordings: the folders that may hold it, its attack and its instrument."""

    folders: tuple[str, ...]
    attack: str
    instrument: str


KINDS = {  # by the beginning of a recording's name
    "live": Kind(("Live",), "live", "live"),
    "makeup_co": Kind(("Makeup_Cosmetic",), "makeup", "makeup_cosmetic"),
    "makeup_im": Kind(("Makeup_Impersonation",), "makeup", "makeup_impersonation"),
    "makeup_ob": Kind(("Makeup_Obfuscation",), "makeup", "makeup_obfuscation"),
    "mask_half": Kind(("Mask_HalfMask",), "mask", "half_mask"),
    "mask_mann": Kind(("Mannequin",), "mask", "mannequin"),
    "mask_paper": Kind(("Mask_PaperMask",), "mask", "paper_mask"),
    "mask_silicone": Kind(("Silicone",), "mask", "silicone_mask"),
    "mask_trans": Kind(("Mask_TransparentMask",), "mask", "transparent_mask"),
    "paper": Kind(("Print", "Paper"), "print", "print"),
    "partial_eye": Kind(("Partial_Eye",), "partial", "partial_eye"),
    "partial_funnyeye": Kind(("Partial_FunnyeyeGlasses",), "partial", "funny_eye_glasses"),
    "partial_mouth": Kind(("Partial_Mouth",), "partial", "partial_mouth"),
    "partial_paperglass": Kind(("Partial_PaperGlasses",), "partial", "paper_glasses"),
    "replay": Kind(("Replay",), "replay", "replay"),
}
CAPTURE = re.compile(rf"(?P<type>{'|'.join(KINDS)})_(?P<number>\d+)")
SITTING: tuple[str, ...] = ()  # names state neither camera nor place nor light
NAME = re.compile(rf"(?:(?P<live>Live)|Spoof/(?P<folder>(?!Live/)\w+))/(?P<stem>(?i:{CAPTURE.pattern}))\.\w+")
LIST = re.compile(r"(?:^|/)(?P<part>train|test)list_(?P<kind>all|live)\.txt$")


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the type."""
    kind = KINDS[fields["type"]]
    return kind.attack, kind.instrument


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all videos, each of a person whom nobody knows; splits come from the lists of protocol 1."""
    tree.require("Live/", "Spoof/")
    splits = _splits(tree)
    there = [*tree.search(NAME, VIDEOS, "Live/", "Spoof/")]
    stems = {found["stem"].lower() for _, found in there if found is not None}
    for stem in splits.keys() - stems:
        yield Recording(file=File(stem, 0), reject=MISSING)
    for file, found in there:
        if found is None or (found["live"] or found["folder"]) not in KINDS[found["type"].lower()].folders:
            yield Recording(file=file, reject=UNKNOWN)
            continue
        capture = found["stem"].lower()
        attack, instrument = attack_of({"type": found["type"].lower()})
        split = splits.get(capture, "")
        yield Recording(
            file=file,
            subject=f"{NOBODY}{capture}",
            capture=capture,
            attack=attack,
            instrument=instrument,
            split=split,
            reject=UNLISTED if splits and not split else None,
        )


def _splits(tree: Tree) -> dict[str, str]:
    """Return the split by recording; empty without lists, which repeat recordings to balance the classes.

    Raises:
        UserError: if only some of the four lists are there, or a recording is in both splits.
    """
    lists = {(found["part"], found["kind"]): name for name in tree.files if (found := LIST.search(name))}
    splits: dict[str, str] = {}
    if lists:
        tree.require(
            *(
                f"{part}list_{kind}.txt"
                for part in ("train", "test")
                for kind in ("all", "live")
                if (part, kind) not in lists
            )
        )
    for (part, _), name in sorted(lists.items()):
        for line in tree.text(name).split():
            put_split(splits, line.lower(), part, name)
    return splits
