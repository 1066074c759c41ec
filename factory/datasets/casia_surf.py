"""CASIA-SURF: `{Training,Val,Testing}/{real,fake}_part/<subject>/<recording>.rssdk/color/*.jpg`.

They lie in ROOT or in its folder `Data`. The depth and infrared pictures beside `color` are skipped. The challenge's
first release, `Val/0000/000000-color.jpg`, says nobody's name and is refused as incomplete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.datasets import frame_folders
from factory.datasets.tree import UNKNOWN, Recording, Tree

DOMAIN, TITLE, FORMAT = "casia_surf", "CASIA-SURF", frame_folders.FORMAT
EXAMPLE = "Training/real_part/CLKJ_AS0005/real.rssdk/color/0001.jpg"
CAPTURE = re.compile(r"(?P<recording>real|(?P<number>\d\d)_(?P<cut>e|en|enm)_(?P<bend>s|b))")
SITTING: tuple[str, ...] = ()  # names state neither camera nor place nor light
NAME = re.compile(
    rf"(?:Data/)?(?P<split>Training|Val|Testing)/(?P<kind>real|fake)_part/(?P<subject>CLKJ_[A-Z]+\d+)/"
    rf"(?P<stem>{CAPTURE.pattern})\.rssdk/color/[^/]+"
)
SPLITS = {"Training": "train", "Val": "dev", "Testing": "test"}


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument: every attack is a photograph on paper with parts cut out, flat or bent."""
    if fields["recording"] == "real":
        return "live", "live"
    return "print", f"print_{fields['cut']}_{fields['bend']}"


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield every colour picture; the split is the folder's."""
    base = "Data/" if any(name.startswith("Data/") for name in tree.files) else ""
    folders = tuple(f"{base}{split}/{kind}_part/" for split in SPLITS for kind in ("real", "fake"))
    tree.require(*folders)
    for file, found in frame_folders.search(tree, NAME, ("color",), *folders):
        if found is None or (found["kind"] == "real") != (found["recording"] == "real"):
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of(found.groupdict())
        yield Recording(
            file=file,
            subject=found["subject"],
            capture=found["stem"],
            attack=attack,
            instrument=instrument,
            split=SPLITS[found["split"]],
        )
