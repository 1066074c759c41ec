"""Idiap Replay-Attack: `{train,devel,test}/real/*.mov`, `…/attack/{fixed,hand}/*.mov`, `face-locations/**/*.face`.

Enrolment videos (`enroll/`) are for face recognition; this reader skips them, as the official queries do.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from factory.datasets import boxes
from factory.datasets.tree import SPLITS, UNKNOWN, VIDEOS, Recording, Tree
from factory.sources.faces import Box

DOMAIN, TITLE, FORMAT = "replay_attack", "Replay-Attack", "video"
EXAMPLE = "train/real/client001_session01_webcam_authenticate_adverse_1.mov"
WHO = r"(?P<subject>client\d+)_session(?P<session>\d+)"
REAL = rf"{WHO}_(?P<webcam>[a-z]+)_(?P<purpose>[a-z]+)_(?P<light>controlled|adverse)(?:_(?P<take>\d+))?"
ATTACK = rf"attack_(?P<presented>print|mobile|highdef)_{WHO.replace('P<', 'P<a_')}" + (
    r"_(?P<device>mobile|highdef)_(?P<sample>photo|video)_(?P<a_light>controlled|adverse)"
)
CAPTURE = re.compile(rf"{REAL}|{ATTACK}_(?P<support>fixed|hand)")
SITTING: tuple[str, ...] = ("light",)  # live faces have no support
NAME = re.compile(rf"(?P<split>train|devel|test)/(?:real/(?:{REAL})|attack/(?P<held>fixed|hand)/(?:{ATTACK}))\.\w+")


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the medium held in front of the camera: paper, a phone or a tablet."""
    presented = fields.get("presented")
    if not presented:
        return "live", "live"
    return ("print", "print") if presented == "print" else ("replay", f"replay_{presented}")


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all accesses. Attacks with either support have the same names, so the capture ends with the support."""
    folders = tuple(f"{split}/{kind}/" for split in ("train", "devel", "test") for kind in ("real", "attack"))
    tree.require(*folders)
    for file, found in tree.search(NAME, VIDEOS, *folders):
        if found is None:
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of(found.groupdict())
        stem = file.name.rpartition("/")[2].rpartition(".")[0]
        yield Recording(
            file=file,
            subject=found["subject"] or found["a_subject"],
            capture=f"{stem}_{found['held']}" if found["held"] else stem,
            attack=attack,
            instrument=instrument,
            split=SPLITS[found["split"]],
            boxes=tree.beside(file, ".face", "face-locations/"),
        )


def whole(tree: Tree) -> Iterator[str]:
    """Yield every recording that the lists in `protocols/` name, if the tree has these lists."""
    for kind, split in itertools.product(("real", "attack-grandtest-allsupports"), ("train", "devel", "test")):
        name = f"protocols/{kind}-{split}.txt"
        for line in tree.text(name).splitlines() if name in tree.files else ():
            path = re.sub(r"\.mov$", "", line.strip())
            if NAME.fullmatch(f"{path}.mov"):
                yield path


def box(text: str, frame: int, width: int, height: int) -> Box | None:
    """Return the box from a line `frame x y width height`; a frame without a detection has no line, or size 0."""
    found = boxes.row(text, frame, 4)
    return boxes.sized(*found[:4]) if found else None
