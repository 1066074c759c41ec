"""PADISI-Face: `ID_<transaction>_<trial>_<trial name>.npz`, `padisi_USC_FACE_ground_truth.csv` and a partition list.

The colour-only release is one joblib file, which is a pickle: loading it runs any code inside, so this reader refuses
it. docs/datasets.md says how to convert it once, in isolation, to the same npz files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from difffas.errors import UserError
from factory.datasets.tree import MISSING, SPLITS, UNLISTED, Recording, Tree, put_split, table
from factory.sources.files import File

DOMAIN, TITLE, FORMAT = "padisi", "PADISI-Face", "npz"
EXAMPLE = "ID_<transaction_id>_<trial_id>_<trial_name>.npz"
CODE = re.compile(r"m(?:00000|5\d{4})")
CAPTURE = re.compile(rf"id_(?P<transaction>[0-9a-z]+)_(?P<trial>[0-9a-z]+)_(?P<name>\w+)_(?P<code>{CODE.pattern})")
SITTING: tuple[str, ...] = ("visit",)
NAME = re.compile(r"(?:.*/)?(?P<identifier>ID_[^/]+)\.\w+")
TRUTH = re.compile(r"(^|/)padisi_USC_FACE_ground_truth\.csv$")
PARTITION = re.compile(r"(^|/)padisi_USC_FACE_dataset_partition_3folds_part0\.csv$")
IDENTITY = ("transaction_id", "trial_id", "trial_name")
LIVE = "m00000"
ATTACKS = {"06": "makeup"}  # by PAI code; the meaning of the other codes is unpublished
VISIT = 32  # hex digits of a transaction that live recordings and attacks of one person's visit share


def visit_of(fields: Mapping[str, str]) -> str:
    """Return what a person's visit is called: the digits of the transaction that all its recordings share."""
    return fields["transaction"][:VISIT]


def attack_of(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return the attack by the PAI code (`m5`, two digits); the instrument is the whole code with its species."""
    code = fields["code"]
    return ("live", "live") if code == LIVE else (ATTACKS.get(code[2:4], f"pai_{code[2:4]}"), code)


def recordings(tree: Tree, chosen: str | None) -> Iterator[Recording]:
    """Yield all samples. Splits come from `chosen` or fold 0; without a list `prepare` splits by person."""
    found = {match["identifier"]: file for file, match in tree.search(NAME, "npz", "") if match}
    truth, text = tree.list_text(None, TRUTH)
    lacking = [] if truth else ["padisi_USC_FACE_ground_truth.csv"]
    if not found and any(name.lower().endswith((".bz2", ".joblib", ".pkl")) for name in tree.files):
        raise UserError(
            f"source {tree.source} has PADISI-Face as a joblib file: that is a pickle, which runs code when it is "
            "loaded; take the multispectral npz files, or convert it once and apart as docs/datasets.md says"
        )
    if lacking := lacking + ([] if found else [EXAMPLE]):
        tree.require(*lacking)
    splits = read_partition(*tree.list_text(chosen, PARTITION))
    facts = _read_truth(truth, text)
    for name in (splits or facts).keys() - found.keys():
        yield Recording(file=File(f"{name}.npz", 0), reject=MISSING)
    for name, file in found.items():
        row = facts.get(name)
        if row is None or (splits and name not in splits):
            yield Recording(file=file, reject=UNLISTED)
            continue
        attack, instrument = attack_of({"code": row["ground_truth"]})
        yield Recording(
            file=file,
            subject=row["participant_id"],
            capture=f"{name}_{row['ground_truth']}",
            attack=attack,
            instrument=instrument,
            split=splits.get(name, ""),
        )


def identifier(row: Mapping[str, str]) -> str:
    """Return the sample's name, from a line of any of the lists."""
    return "_".join(["ID", *(row[column] for column in IDENTITY)])


def _read_truth(name: str, text: str) -> dict[str, dict[str, str]]:
    """Return lines of the ground truth by identifier; raises UserError if a code is missing, as in a cut-off file."""
    facts = {identifier(row): row for row in table(name, text, *IDENTITY, "ground_truth", "participant_id")}
    for sample, row in facts.items():
        if not CODE.fullmatch(row["ground_truth"]):
            raise UserError(
                f"{name}: ground_truth {row['ground_truth']!r} of {sample} is not m00000, or m5 and digits"
            )
    return facts


def read_partition(name: str, text: str) -> dict[str, str]:
    """Return the split by identifier, from a partition list; empty without a list.

    Raises:
        UserError: if the list is empty, lacks a column, has a partition other than train, valid and test, or two
            partitions for one sample.
    """
    splits: dict[str, str] = {}
    for row in table(name, text, *IDENTITY, "partition_name") if name else ():
        if row["partition_name"] not in SPLITS:
            raise UserError(f"{name}: partition {row['partition_name']!r} is not train, valid or test")
        put_split(splits, identifier(row), SPLITS[row["partition_name"]], name)
    if name and not splits:
        raise UserError(f"{name} names no sample")
    return splits
