"""Lists of HiFiMask's and UniAttackData's first protocol: a path and a label a line, one file for each split."""

from __future__ import annotations

import re

from difffas.errors import UserError
from factory.datasets.tree import Tree, put_split

PARTS = ("train", "dev", "test")
KINDS = ("video", "image")  # a list names recordings or their pictures; either says the split


def first_protocol(tree: Tree, title: str, listed: re.Pattern[str]) -> dict[str, str]:
    """Return the split of everything in `protocol/<title>@p1_{video,image}_{train,dev,test}.txt`; empty without lists.

    `listed` matches a whole path; its group `key` is what the split belongs to. A path without a key is left out.

    Raises:
        UserError: if one of the three splits has no list, a line is not a path and a label, or a key has two splits.
    """
    splits: dict[str, str] = {}
    names = {f"protocol/{title}@p1_{kind}_{part}.txt": part for part in PARTS for kind in KINDS}
    there = {name: part for name, part in names.items() if name in tree.files}
    if not there:
        return {}
    tree.require(*(f"protocol/{title}@p1_{KINDS[0]}_{part}.txt" for part in PARTS if part not in there.values()))
    for name, part in there.items():
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            path, _, label = line.strip().rpartition(" ")
            if line.strip() and not (path and label.isdecimal()):
                raise UserError(f"{name}, line {number}: {line.strip()!r} is not a path and a label")
            if found := listed.fullmatch(path.strip()):
                put_split(splits, found["key"], part, f"{name}, line {number}")
    if not splits:
        raise UserError(f"the lists {', '.join(there)} name no recording of {title}")
    return splits
