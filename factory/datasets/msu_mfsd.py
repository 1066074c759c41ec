"""MSU-MFSD: `scene01/{real,attack}/*.{mov,mp4}`, `train_sub_list.txt` and `test_sub_list.txt`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from factory.datasets import boxes
from factory.datasets.tree import UNKNOWN, UNLISTED, VIDEOS, Recording, Tree, put_split
from factory.sources.faces import Box

DOMAIN, TITLE, FORMAT = "msu_mfsd", "MSU-MFSD", "video"
EXAMPLE = "scene01/real/real_client001_android_SD_scene01.mp4"
CAPTURE = re.compile(
    r"(?:real|attack)_(?P<subject>client\d+)_(?P<camera>laptop|android)_(?P<quality>[a-z]+)"
    r"(?:_(?P<presented>ipad_video|iphone_video|printed_photo))?_(?P<scene>scene\d+)"
)
SITTING: tuple[str, ...] = ("camera",)
NAME = re.compile(rf"scene01/(?P<kind>real|attack)/(?P<stem>(?i:{CAPTURE.pattern}))\.\w+")
LISTS = {"train": "train_sub_list.txt", "test": "test_sub_list.txt"}
# bob's list of recordings that are upside down. If the container states a rotation, only that counts.
ROTATED = {f"real_client{number:03d}_android_sd_scene01" for number in (3, 5, 6, 7, 8, 9)}


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the presented medium: paper, a tablet or a phone."""
    presented = fields.get("presented")
    if not presented:
        return "live", "live"
    presented = presented.lower()
    return ("print", "print") if presented == "printed_photo" else ("replay", f"replay_{presented.partition('_')[0]}")


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all videos; the lists name clients for training and testing, two digits a line. There is no dev set."""
    folders = ("scene01/real/", "scene01/attack/")
    tree.require(*folders, *LISTS.values())
    splits = _splits(tree)
    for file, found in tree.search(NAME, VIDEOS, *folders):
        if found is None or (found["kind"] == "attack") != bool(found["presented"]):
            yield Recording(file=file, reject=UNKNOWN)
            continue
        capture, subject = found["stem"].lower(), found["subject"].lower()
        attack, instrument = attack_of(found.groupdict())
        split = splits.get(subject, "")
        yield Recording(
            file=file,
            subject=subject,
            capture=capture,
            attack=attack,
            instrument=instrument,
            split=split,
            boxes=tree.beside(file, ".face"),
            turn=180 if capture in ROTATED else 0,
            reject=None if split else UNLISTED,
        )


def _splits(tree: Tree) -> dict[str, str]:
    """Return the split of every client that the lists name; raises UserError if a client is in both."""
    splits: dict[str, str] = {}
    for split, name in LISTS.items():
        for number in re.findall(r"\d+", tree.text(name)):
            put_split(splits, f"client{int(number):03d}", split, name)
    return splits


def whole(tree: Tree) -> Iterator[str]:
    """Yield every recording of the listed clients: a real one and three attacks for each camera."""
    for client, camera in itertools.product(sorted(_splits(tree)), ("laptop", "android")):
        yield f"scene01/real/real_{client}_{camera}_SD_scene01"
        for presented in ("ipad_video", "iphone_video", "printed_photo"):
            yield f"scene01/attack/attack_{client}_{camera}_SD_{presented}_scene01"


def box(text: str, frame: int, width: int, height: int) -> Box | None:
    """Return the box from a line `frame,left,top,right,bottom,…` (the eyes follow); frames count from 0."""
    found = boxes.row(text, frame, 4, ",")
    return boxes.sized(found[0], found[1], found[2] - found[0], found[3] - found[1]) if found else None
