"""What `verify` and `status` say of a folder that somebody changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import NoConfig, row
from factory.corpus import totals, write_index
from factory.corpus.shards import OutputConfig, commit
from factory.corpus.verify import verify
from factory.line.status import status
from factory.run import Run
from factory.run.ledger import Ledger

SHARDS = 3
DATA = "data/spoof-train-00000{}.parquet"
RECORD = "ledger/train-00000{}.json"
MOVED = "index.parquet does not hold the shards' rows"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A finished corpus of three shards of four rows."""
    run = Run(str(tmp_path / "spoofs"), "prepare", {}, NoConfig(), {"shards": SHARDS, "images": 4 * SHARDS})
    for number in range(SHARDS):
        rows = [row(4 * number + place, brisque=float(number + place)) for place in range(4)]
        commit(run.storage, "spoof", f"train-{number:06d}", rows, [], OutputConfig(), {})
    write_index(run.storage)
    run.finish(totals(Ledger(run.storage).records()))
    assert verify(run.storage.url)["problems"] == []
    return tmp_path / "spoofs"


def swapped(folder: Path, name: str) -> None:
    (folder / name.format(1)).rename(folder / "aside")
    (folder / name.format(2)).rename(folder / name.format(1))
    (folder / "aside").rename(folder / name.format(2))


def rerecorded(folder: Path, *numbers: int) -> None:
    """Let the ledger say what the data files are now."""
    for number in numbers:
        content = (folder / DATA.format(number)).read_bytes()
        record = json.loads((folder / RECORD.format(number)).read_text())
        record["files"]["parquet"] |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (folder / RECORD.format(number)).write_text(json.dumps(record))


def data_swapped_and_rerecorded(folder: Path) -> None:
    swapped(folder, DATA)
    rerecorded(folder, 1, 2)


def data_torn_and_rerecorded(folder: Path) -> None:
    (folder / DATA.format(1)).write_bytes((folder / DATA.format(1)).read_bytes()[:999])
    rerecorded(folder, 1)


def edited(**facts: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / RECORD.format(1)
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))

    return change


def indexed(column: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        index = pq.read_table(folder / "index.parquet")
        field = index.schema.field(column)
        values = pa.array([value] * len(index), field.type)
        pq.write_table(index.set_column(index.schema.get_field_index(column), field, values), folder / "index.parquet")

    return change


def written(name: str, text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_text(text)

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (data_torn_and_rerecorded, f"{DATA.format(1)} cannot be read: BrokenParquet"),
        (data_swapped_and_rerecorded, MOVED),
        (lambda folder: swapped(folder, RECORD), "train-000001.json is the record of train-000002"),
        (written(RECORD.format(1), "[]"), "train-000001.json is corrupt: delete it and run the command again"),
        (edited(rejects=None), "train-000001.json is not a valid shard record"),
        (written("ledger/notes.json", "{}"), "notes.json is not a valid shard record"),
        (
            edited(places=[4, 9, 30, 9, 60, 9, 90, 9]),
            "ledger of train-000001: an image lies elsewhere",
        ),
        (edited(places=[4, 2**40] * 4), "ledger of train-000001: its places are invalid: delete it"),
        (edited(rejects_by_reason={"x": 1}), "the counts by reason are not those of its rejects"),
        (edited(styles={"cam-print": 4}), "styles or scores are not those of its rows"),
        (edited(brisque={"count": 0, "failed": 4}), "styles or scores are not those of its rows"),
        (edited(files={"parquet": {"path": "../x", "bytes": 1, "sha256": ""}}), "../x does not belong to this shard"),
        (indexed("label", 1), MOVED),
        (indexed("shard", "train-000000"), MOVED),
        (indexed("position", 0), MOVED),
        (lambda folder: shutil.copy(folder / "run.json", folder / "ledger/train-000007.json"), "4 shards are in the"),
        (written("summary.json", '{"written": 13}'), "summary.json says written 13, the ledger 12"),
    ],
)
def test_verify_names_what_was_changed(folder: Path, change: Callable[[Path], None], problem: str) -> None:
    change(folder)
    problems = verify(str(folder))["problems"]
    assert any(problem in line for line in problems), problems


def test_a_folder_whose_own_files_are_damaged_is_refused_by_their_names(folder: Path) -> None:
    (folder / "events").mkdir()
    (folder / "events" / "99991231t000000z-000000-000001.jsonl").write_text("{")
    assert status(str(folder))["state"] == "finished"  # no result depends on events
    record = folder / RECORD.format(1)
    whole = record.read_text()
    for text in ("[]", whole.replace('"planned":4', '"planned":5')):
        record.write_text(text)
        with pytest.raises(ValueError, match="train-000001.* is corrupt: delete it and run the command again"):
            status(str(folder))
    record.write_text(whole)
    for name in ("summary.json", "run.json"):
        (folder / name).write_text("{")
        with pytest.raises(ValueError, match=f"{name} is corrupt"):
            verify(str(folder))
