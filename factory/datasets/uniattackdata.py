"""UniAttackData: `Data/{live,spoof}/<region>/<subject>/<recording>/color/*.jpg`, lists of protocol 1 in `protocol/`.

The digital attacks beside them (`adv-attacks`, `DaGAN` …) are never in front of a camera, and a name such as
`CA-396-To-CA-359` says two people: the reader skips them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from factory.datasets import frame_folders
from factory.datasets.casia_lists import first_protocol
from factory.datasets.tree import UNKNOWN, UNLISTED, Recording, Tree

DOMAIN, TITLE, FORMAT = "uniattackdata", "UniAttackData", frame_folders.FORMAT
EXAMPLE = "Data/live/africa/AF-012/real.rssdk/color/0001.jpg"
CAPTURE = re.compile(r"(?P<recording>real|cloth_(?P<place>indoor|outdoor)|screen_rs)")
SITTING: tuple[str, ...] = ()  # a live recording does not state its place
NAME = re.compile(
    r"Data/(?P<kind>live|spoof)/(?P<region>africa|central-asia|east-asia)/(?P<subject>(?:AF|CA|EA)-\d{3})/"
    r"(?P<stem>real|cloth-(?:in|out)door|screen-rs)(?:\.rssdk)?/color/[^/]+"
)
LISTED = re.compile(r"(?:.*/)?Data/(?:live|spoof)/[^/]+/(?P<key>(?:AF|CA|EA)-\d{3})/.+")
REGIONS = {"AF": "africa", "CA": "central-asia", "EA": "east-asia"}
ATTACKS = {"real": "live", "cloth": "print", "screen": "replay"}


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return attack and instrument by the recording's name."""
    medium = fields["recording"].partition("_")[0]
    return ATTACKS[medium], "print_cloth" if medium == "cloth" else ATTACKS[medium]


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield every picture of live faces and physical attacks.

    Protocol 1 keeps people apart but lists one attack of each; so a listed person's other recordings are in the same
    split. [ours] Without lists `prepare` splits by person.
    """
    folders = ("Data/live/", "Data/spoof/")
    tree.require(*folders)
    splits = first_protocol(tree, TITLE, LISTED)
    for file, found in frame_folders.search(tree, NAME, ("color",), *folders):
        if (
            found is None
            or (found["kind"] == "live") != (found["stem"] == "real")
            or REGIONS[found["subject"][:2]] != found["region"]
        ):
            yield Recording(file=file, reject=UNKNOWN)
            continue
        capture = found["stem"].replace("-", "_")
        attack, instrument = attack_of({"recording": capture})
        split = splits.get(found["subject"], "")
        yield Recording(
            file=file,
            subject=found["subject"],
            capture=capture,
            attack=attack,
            instrument=instrument,
            split=split,
            reject=UNLISTED if splits and not split else None,
        )
