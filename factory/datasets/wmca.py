"""WMCA, preprocessed RGB: `face-station/<date>/<client>_<session>_<presenter>_<type>_<pai>.hdf5`, a protocol list."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping

from difffas.errors import UserError
from factory.datasets.tree import MISSING, SPLITS, UNKNOWN, UNLISTED, Recording, Tree, put_split
from factory.sources.files import File

DOMAIN, TITLE, FORMAT = "wmca", "WMCA", "hdf5"
EXAMPLE = "face-station/12.02.18/100_03_015_2_10.hdf5"
CAPTURE = re.compile(r"(?P<client>\d+)_(?P<session>\d+)_(?P<presenter>\d+)_(?P<type>\d+)_(?P<pai>\d+)")
SITTING: tuple[str, ...] = ("session",)
NAME = re.compile(rf"face-station/[^/]+/(?P<stem>{CAPTURE.pattern})\.\w+")
GRANDTEST = re.compile(r"(^|/)[^/]*grand[^/]*\.csv$", re.IGNORECASE)
ATTACKS = {"0": "live", "1": "glasses", "2": "mask", "3": "print", "4": "replay", "5": "makeup"}  # by type
WORN = ("1", "2")  # glasses and other parts; fake heads and masks
# The numbered instruments of each type, from a list in a public loader; the seven attacks of the leave-one-out
# protocols consist of them. There a photograph on a screen is a replay, although its type is 3.
_PAIS: dict[str, dict[str, Iterable[int]]] = {
    "1": {"rigid_mask": (2, 13, 14), "wig": (8, 9, 10, 11, 12), "glasses": (1, 4, 5, 6, 7, 15, 16)},
    "2": {
        "fake_head": range(1, 8),
        "paper_mask": range(8, 12),
        "rigid_mask": range(12, 18),
        "flexible_mask": (18, *range(75, 100)),
    },
    "3": {"replay": (5, 10, 15)},
}


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return the attack by type, and the instrument by type and number if the number is known."""
    kind, pai = fields["type"], int(fields["pai"])
    attack = ATTACKS.get(kind, f"type_{kind}")
    known = _PAIS.get(kind, {}).items()
    return attack, next((instrument for instrument, numbers in known if pai in numbers), attack)


def person_of(fields: Mapping[str, str]) -> str:
    """Return who is shown: what is worn (types 1 and 2) shows its presenter, a print or a replay its client."""
    worn = fields["type"] in WORN and fields["presenter"].strip("0")
    return fields["presenter"] if worn else fields["client"]


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all recordings; the person is who is shown.

    Splits come from `chosen`, or from the tree's grandtest list; without a list `prepare` splits by person.
    """
    tree.require("face-station/")
    name, text = tree.list_text(chosen, GRANDTEST)
    listed = read_list(name, text) if name else {}
    splits = {path.rpartition("/")[2]: split for path, split in listed.items()}
    there = list(tree.search(NAME, "hdf5 h5", "face-station/"))
    stems = {found["stem"] for _, found in there if found is not None}
    for path in listed:
        if path.rpartition("/")[2] not in stems:
            yield Recording(file=File(f"face-station/{path}.hdf5", 0), reject=MISSING)
    for file, found in there:
        if found is None:
            yield Recording(file=file, reject=UNKNOWN)
            continue
        attack, instrument = attack_of(found.groupdict())
        split = splits.get(found["stem"], "")
        yield Recording(
            file=file,
            subject=person_of(found.groupdict()),
            capture=found["stem"],
            attack=attack,
            instrument=instrument,
            split=split,
            reject=UNLISTED if splits and not split else None,
        )


def read_list(name: str, text: str) -> dict[str, str]:
    """Return the split by `<date>/<stem>`, from lines `<date>/<stem>,label,attack_type,set` without a header.

    Raises:
        UserError: if a line has no such path or a set other than train, dev and eval, a recording has two sets, or
            there is no line.
    """
    splits: dict[str, str] = {}
    for number, row in enumerate(csv.reader(text.splitlines()), 1):
        if row and any(cell.strip() for cell in row):
            path = re.sub(r"^.*face-station/|\.(hdf5|h5)$", "", row[0].strip())
            split = SPLITS.get(row[-1].strip().lower())
            known = CAPTURE.fullmatch(path.rpartition("/")[2])
            if number == 1 and split is None and known is None:  # the list has a header after all
                continue
            if known is None or split is None:
                raise UserError(f"{name}, line {number}: {','.join(row)!r} is not path,label,attack_type,set")
            put_split(splits, path, split, f"{name}, line {number}")
    if not splits:
        raise UserError(f"{name} names no recording")
    return splits
