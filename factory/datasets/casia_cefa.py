"""CASIA-SURF CeFA: `Ethnicity/AF/AF-012/<recording>/color/*.jpg`, `Mask/3D-Mask/002/<recording>/color/*.jpg`.

Silicone masks are in `Mask/Silicone-Mask`. The folders `Ethnicity` and `Mask` may be left out, a subject's folder may
end with the number of an identity card, and the pictures' folder may be called `profile`. Depth and infrared pictures
are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.datasets import frame_folders
from factory.datasets.tree import UNKNOWN, UNLISTED, Recording, Tree

DOMAIN, TITLE, FORMAT = "casia_cefa", "CASIA-SURF CeFA", frame_folders.FORMAT
EXAMPLE = "Ethnicity/AF/AF-012/1_012_1_1_1/color/0001.jpg"
FACE = r"(?P<race>[1-3])_(?P<subject>\d{3})_(?P<device>[1-4])_(?P<session>[1-3])_(?P<type>[1-4])"
MASK = r"(?P<mask>[12])_(?P<a_subject>\d{3})_(?P<dresses>[01])_(?P<glasses>[01])"
CAPTURE = re.compile(rf"{FACE}|{MASK}_(?P<a_device>[12])_(?P<a_session>[12])_(?P<light>[1-4])")
SITTING: tuple[str, ...] = ("session",)
NAME = re.compile(
    r"(?:(?:Ethnicity/)?(?P<folder>AF|CA|EA)/(?P=folder)-(?P<person>\d{3})(?:-\w+)?"
    r"|(?:Mask/)?(?P<kind>3D|Silicone)-Mask/(?P<wearer>\d{3}))/(?P<stem>\d(?:_\d+)+)/[^/]+/[^/]+"
)
RACES = {"1": "AF", "2": "CA", "3": "EA"}
MASKS = {"1": "3D", "2": "Silicone"}
TYPES = {
    "1": ("live", "live"),
    "2": ("print", "print_cloth"),
    "3": ("print", "print_photo"),
    "4": ("replay", "replay"),
}
LAST = ((199, "train"), (299, "dev"), (499, "test"))  # the last subject of each split, in all four protocols


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the last number of a face, or by the kind of mask."""
    if mask := fields.get("mask"):
        return "mask", {"1": "3d_mask", "2": "silicone_mask"}[mask]
    return TYPES[fields["type"]]


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield every colour picture. A subject's number gives the split; masks are tested, as in protocols 1, 2 and 4."""
    base = "Ethnicity/" if any(name.startswith("Ethnicity/") for name in tree.files) else ""
    masks = "Mask/" if any(name.startswith("Mask/") for name in tree.files) else ""
    folders = tuple(f"{base}{race}/" for race in RACES.values())
    tree.require(*folders)
    folders += tuple(f"{masks}{kind}-Mask/" for kind in MASKS.values())
    for file, found in frame_folders.search(tree, NAME, ("color", "profile"), *folders):
        named = CAPTURE.fullmatch(found["stem"]) if found else None
        person = _person(found, named) if found and named else ""
        if not (named and person):
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of({name: value for name, value in named.groupdict().items() if value})
        split = "test" if named["mask"] else next((part for last, part in LAST if int(named["subject"]) <= last), "")
        yield Recording(
            file=file,
            subject=person,
            capture=named.string,
            attack=attack,
            instrument=instrument,
            split=split,
            reject=None if split else UNLISTED,
        )


def _person(folder: re.Match[str], named: re.Match[str]) -> str:
    """Return the subject, or nothing if the recording's name says another than its folders do.

    Masks have numbers of their own: no document says which of the other subjects wears one, or that none does.
    """
    if named["mask"]:
        same = (MASKS[named["mask"]], named["a_subject"]) == (folder["kind"], folder["wearer"])
        return f"{folder['kind']}_mask_{folder['wearer']}" if same else ""
    same = (RACES[named["race"]], named["subject"]) == (folder["folder"], folder["person"])
    return f"{folder['folder']}_{folder['person']}" if same else ""
