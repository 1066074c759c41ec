"""SiW: `{Train,Test}/{live,spoof}/<subject>/<subject>-<sensor>-<type>-<medium>-<session>.{mov,mp4}`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.datasets.tree import UNKNOWN, VIDEOS, Recording, Tree

DOMAIN, TITLE, FORMAT, EXAMPLE = "siw", "SiW", "video", "Train/live/003/003-1-1-1-1.mov"
CAPTURE = re.compile(r"(?P<subject>\d{3})_(?P<sensor>\d+)_(?P<type>[1-3])_(?P<medium>\d+)_(?P<session>\d+)")
SITTING: tuple[str, ...] = ("sensor", "session")
NAME = re.compile(
    rf"(?P<split>Train|Test)/(?P<kind>live|spoof)/\d+/(?P<stem>{CAPTURE.pattern.replace('_(', '-(')})(?:\.m)?\.\w+"
)
ATTACKS = {"1": "live", "2": "print", "3": "replay"}


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return the attack by type, and the instrument by type and medium."""
    attack = ATTACKS[fields["type"]]
    return attack, attack if attack == "live" else f"{attack}_{fields['medium']}"


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all videos; protocols are subsets of these by type, medium and frame number."""
    folders = ("Train/live/", "Train/spoof/", "Test/live/", "Test/spoof/")
    tree.require(*folders)
    for file, found in tree.search(NAME, VIDEOS, *folders):
        if found is None or (found["kind"] == "live") != (found["type"] == "1"):
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of(found.groupdict())
        yield Recording(
            file=file,
            subject=found["subject"],
            capture=found["stem"].replace("-", "_"),
            attack=attack,
            instrument=instrument,
            split=found["split"].lower(),
        )
