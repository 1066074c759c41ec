"""CASIA-SURF HiFiMask: `Data/<recording>/0000.png` and the lists of protocol 1 in `protocol/`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.datasets import frame_folders
from factory.datasets.casia_lists import first_protocol
from factory.datasets.tree import MISSING, UNKNOWN, UNLISTED, Recording, Tree
from factory.sources.files import File

DOMAIN, TITLE, FORMAT, EXAMPLE = "hifimask", "HiFiMask", frame_folders.FORMAT, "Data/1_01_0_1_1_1/0000.png"
CAPTURE = re.compile(
    r"(?P<complexion>[1-3])_(?P<subject>\d\d)_(?P<type>[0-3])_(?P<scene>[1-6])_(?P<light>[0-6])_(?P<sensor>[0-8])"
)
SITTING: tuple[str, ...] = ("scene", "light", "sensor")
NAME = re.compile(rf"Data/(?P<stem>{CAPTURE.pattern})/[^/]+")
LISTED = re.compile(r"(?:.*/)?Data/(?P<key>[^/]+)(?:/[^/]+)?")
INSTRUMENTS = {"0": "live", "1": "transparent_mask", "2": "plaster_mask", "3": "resin_mask"}  # by type


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the type."""
    instrument = INSTRUMENTS[fields["type"]]
    return ("live" if instrument == "live" else "mask"), instrument


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield every picture. Splits come from the lists of protocol 1; without lists `prepare` splits by person."""
    tree.require("Data/")
    splits = first_protocol(tree, "CASIA_HiFiMask", LISTED)
    there = [*tree.search(NAME, frame_folders.PICTURES, "Data/")]
    found_stems = {found["stem"] for _, found in there if found is not None}
    for stem in splits.keys() - found_stems:
        yield Recording(file=File(f"Data/{stem}", 0), reject=MISSING)
    for file, found in there:
        if found is None:
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of(found.groupdict())
        split = splits.get(found["stem"], "")
        yield Recording(
            file=file,
            subject=found["subject"],
            capture=found["stem"],
            attack=attack,
            instrument=instrument,
            split=split,
            reject=UNLISTED if splits and not split else None,
        )
