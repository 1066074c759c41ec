"""CelebA-Spoof: `Data/{train,test}/<subject>/{live,spoof}/<number>.{jpg,png}`, `metas/intra_test/*_label.json`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from difffas.errors import UserError
from factory.core.documents import parse_json
from factory.datasets import boxes
from factory.datasets.tree import MISSING, UNKNOWN, Recording, Tree
from factory.sources.faces import Box
from factory.sources.files import File

DOMAIN, TITLE, FORMAT, EXAMPLE = "celeba_spoof", "CelebA-Spoof", "folder", "Data/train/1/live/000184.jpg"
CAPTURE = re.compile(r"(?P<number>\w+?)_(?P<type>\d+)_(?P<illumination>\d+)_(?P<environment>\d+)")
SITTING: tuple[str, ...] = ()  # live faces state neither light nor place
NAME = re.compile(r"Data/(?P<split>train|test)/(?P<subject>[^/]+)/(?P<kind>live|spoof)/(?P<number>[^/]+)\.\w+")
LISTS = ("metas/intra_test/train_label.json", "metas/intra_test/test_label.json")
SIDE = 224  # side of the frame to which boxes refer, whatever the image's size
INSTRUMENTS = (
    "live", "photo", "poster", "a4", "face_mask", "upper_body_mask", "region_mask", "pc", "pad", "phone", "3d_mask",
)  # fmt: skip
ATTACKS = ("live", *("print",) * 3, *("mask",) * 3, *("replay",) * 3, "mask")


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the spoof type, number 40 of the 44."""
    kind = int(fields["type"])
    return ATTACKS[kind], INSTRUMENTS[kind]


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all images that the lists of the intra-dataset protocol name."""
    tree.require("Data/", *LISTS)
    named = {path: numbers for name in LISTS for path, numbers in _read_list(tree, name).items()}
    for path, numbers in named.items():
        yield _recording(tree, path, numbers)


def _recording(tree: Tree, path: str, numbers: list[int]) -> Recording:
    found = NAME.fullmatch(path)
    file = tree.files.get(path) or File(path, 0)
    if found is None or numbers[40] >= len(ATTACKS) or (numbers[40] == 0) != (numbers[43] == 0):
        return Recording(file=file, reject=UNKNOWN if found is None else "label and attack disagree")
    kind, illumination, environment = numbers[40:43]
    attack, instrument = attack_of({"type": str(kind)})
    return Recording(
        file=file,
        subject=found["subject"],
        capture=f"{found['number']}_{kind}_{illumination}_{environment}",
        attack=attack,
        instrument=instrument,
        split=found["split"],
        boxes=tree.beside(file, "_BB.txt"),
        reject=None if path in tree.files else MISSING,
    )


def _read_list(tree: Tree, name: str) -> dict[str, list[int]]:
    """Return the numbers by path; raises UserError if the file holds anything else."""
    try:
        found = parse_json(tree.text(name), name)
    except ValueError:
        found = None
    good = isinstance(found, dict) and all(
        isinstance(row, list) and len(row) == 44 and all(isinstance(value, int) and value >= 0 for value in row[40:])
        for row in found.values()
    )
    if not good:
        raise UserError(f"{tree.source}/{name} does not give 44 numbers for each path")
    return dict(found)


def box(text: str, frame: int, width: int, height: int) -> Box | None:
    """Return the box from `x y width height score` in a frame of 224×224."""
    found = boxes.row(f"0 {text.strip()}", 0, 4) if text.strip() else None
    if found is None:
        return None
    x, y, wide, high = found[:4]
    return boxes.sized(x * width / SIDE, y * height / SIDE, wide * width / SIDE, high * height / SIDE)
