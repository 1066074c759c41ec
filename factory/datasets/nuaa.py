"""NUAA: `{Client,Imposter}Raw/<subject>/<subject>_<glasses>_<position>_<session>_<picture>.jpg` and four lists.

They lie in ROOT or in its folder `raw`, as in the archive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.datasets.tree import MISSING, UNKNOWN, UNLISTED, Recording, Tree, put_split
from factory.sources.files import File

DOMAIN, TITLE, FORMAT, EXAMPLE = "nuaa", "NUAA", "folder", "ClientRaw/0001/0001_00_00_01_0.jpg"
CAPTURE = re.compile(
    r"(?P<kind>client|imposter)_(?P<subject>\d{4})_(?P<glasses>\d\d)_(?P<position>\d\d)_(?P<session>\d\d)"
)
SITTING: tuple[str, ...] = ("session",)
NAME = re.compile(r"(?:raw/)?(?P<kind>Client|Imposter)Raw/\d+/(?P<stem>(?P<subject>\d{4})_\d\d_\d\d_\d\d)_\d+\.\w+")


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument: every attack is a photograph on paper."""
    attack = "live" if fields["kind"].lower() == "client" else "print"
    return attack, attack


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all pictures, from the lists of training and test; people are in both."""
    base = "raw/" if any(name.startswith("raw/") for name in tree.files) else ""
    kinds = ("Client", "Imposter")
    lists = {(kind, split): f"{base}{kind.lower()}_{split}_raw.txt" for kind in kinds for split in ("train", "test")}
    folders = tuple(f"{base}{kind}Raw/" for kind in kinds)
    tree.require(*folders, *lists.values())
    splits: dict[str, str] = {}
    for (kind, split), name in lists.items():
        for picture in (re.split(r"[\\/]", line.strip())[-1] for line in tree.text(name).splitlines()):
            if picture:
                put_split(splits, f"{base}{kind}Raw/{picture.partition('_')[0]}/{picture}", split, name)
    for path in splits:
        if path not in tree.files:
            yield Recording(file=File(path, 0), reject=MISSING)
    for file, found in tree.search(NAME, "jpg jpeg png bmp", *folders):
        if found is None:
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of(found.groupdict())
        split = splits.get(file.name, "")
        yield Recording(
            file=file,
            subject=found["subject"],
            capture=f"{found['kind'].lower()}_{found['stem']}",
            attack=attack,
            instrument=instrument,
            split=split,
            reject=None if split else UNLISTED,
        )
