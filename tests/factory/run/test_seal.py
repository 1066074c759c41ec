"""Digests in summary.json: what was changed beside the shards since a run was closed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import NoConfig, row
from factory.cards import write_corpus_card
from factory.cli import main
from factory.corpus import totals, write_index
from factory.corpus.shards import OutputConfig, commit
from factory.corpus.verify import verify
from factory.run import Run, read_claim, read_summary
from factory.run.ledger import Ledger
from factory.run.record import ShardRecord
from factory.storage import Storage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = Run(str(tmp_path / "faces"), "prepare", {}, NoConfig(), {"shards": 2, "images": 8})
    for number in range(2):
        rows = [row(4 * number + place, brisque=1.0) for place in range(4)]
        commit(run.storage, "face", f"train-{number:06d}", rows, [], OutputConfig(), {"finished": number})
    write_index(run.storage)
    write_corpus_card(run.storage)
    run.finish(totals(Ledger(run.storage).records()))
    assert verify(run.storage.url)["problems"] == []
    return tmp_path / "faces"


def text(name: str, change: Callable[[str], str]) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(change((folder / name).read_text()))


def figures(**changed: Any) -> Callable[[Path], Any]:
    return text("summary.json", lambda old: json.dumps(json.loads(old) | changed))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (text("README.md", lambda old: old + "\nSold by me.\n"), "README.md is not as written"),
        (text("croissant.json", lambda old: old.replace("cc0", "mit")), "croissant.json is not as written"),
        (text("run.json", lambda old: old.replace('"software"', '"hardware"')), "run.json is not as written"),
        (text("run.json", lambda old: old + "\n"), "run.json is not as written"),
        (lambda folder: (folder / "README.md").unlink(), "README.md is missing"),
        (lambda folder: (folder / "croissant.json").unlink(), "croissant.json is missing"),
        (figures(seconds=1.0), "summary.json is not as written"),
        (figures(digests=[]), "its digests are not sha256 digests by file name"),
        (figures(digests={"run.json": 1}), "its digests are not sha256 digests by file name"),
        (text("ledger/train-000000.json", lambda old: old.replace('"finished":0', '"finished":7')), None),
    ],
)
def test_what_was_changed_since_is_named(folder: Path, change: Callable[[Path], Any], problem: str | None) -> None:
    change(folder)
    found = verify(str(folder))["problems"]
    assert len(found) == (problem is not None)
    assert all(problem in line and "\n" not in line for line in found if problem)


def test_records_and_data_that_were_changed_together_are_seen(folder: Path) -> None:
    """A shard that was written anew, with its record, so that all agrees but the seal."""
    other = Run(str(folder.parent / "other"), "prepare", {}, NoConfig(), {"shards": 2, "images": 8})
    rows = [row(place, brisque=2.0) for place in range(4)]
    commit(other.storage, "face", "train-000000", rows, [], OutputConfig(), {})
    for name in ("data/face-train-000000.parquet", "ledger/train-000000.json"):
        shutil.copy(folder.parent / "other" / name, folder / name)
    assert any("the ledger's records are not as written" in line for line in verify(str(folder))["problems"])


def test_a_shard_that_is_made_again_and_files_that_come_later_are_let_be(folder: Path) -> None:
    record: ShardRecord = json.loads((folder / "ledger" / "train-000001.json").read_text())
    (folder / "ledger" / "train-000001.json").unlink()
    Ledger(Storage(str(folder))).commit("train-000001", {**record, "finished": 99, "attempt": 2})
    (folder / "audit.parquet").write_bytes(b"later")
    (folder / "nohup.out").write_text("later")
    assert verify(str(folder))["problems"] == []
    main_ok(["release", str(folder)])
    assert verify(str(folder))["problems"] == []


def main_ok(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in (0, None)


def test_logs_that_a_shell_writes_beside_are_not_sealed(tmp_path: Path) -> None:
    run = Run(str(tmp_path), "evaluate", {}, NoConfig())
    (tmp_path / "log.txt").write_text("line 1")
    run.finish({"auc": 1.0})
    (tmp_path / "log.txt").write_text("line 1, line 2")
    assert verify(str(tmp_path)) == {"files": 2, "problems": [], "notes": []}


def test_an_older_folder_verifies_and_says_that_it_has_no_digests(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    summary.pop("digests")
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "README.md").write_text("changed")
    found = verify(str(folder))
    assert found["problems"] == []
    assert "summary.json has no digests: an older version closed this run" in found["notes"][0]


@pytest.mark.parametrize("name", ["unet/model.safetensors", "classifier/config.json", "scores.csv", "report.html"])
def test_models_and_reports_are_sealed(tmp_path: Path, name: str) -> None:
    run = Run(str(tmp_path), "fit-generator", {}, NoConfig())
    run.storage.create(name, b"what was written")
    with pytest.raises(ValueError, match="makes no shards"):
        verify(str(tmp_path))
    assert run.finish({"loss": 0.5}) == {"loss": 0.5} == read_summary(run.storage)
    assert verify(str(tmp_path))["problems"] == []
    (tmp_path / name).write_bytes(b"what was changed")
    assert [line.partition(":")[0] for line in verify(str(tmp_path))["problems"]] == [f"{name} is not as written"]
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path)])
    assert ended.value.code == 1
    assert read_claim(run.storage)["job"] == "fit-generator"


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_card_in_whose_place_is_something_else_is_told(kind: str, folder: Path) -> None:
    card = folder / "README.md"
    card.unlink()
    if kind == "link":
        card.symlink_to("/etc/hostname")
    elif kind == "folder":
        card.mkdir()
    else:
        os.mkfifo(card)
    assert any("README.md" in problem for problem in verify(str(folder))["problems"])


@pytest.mark.parametrize("name", ["summary.json", "run.json", "README.md", "index.parquet"])
def test_a_seal_that_lost_a_digest_is_told(name: str, folder: Path) -> None:
    path = folder / "summary.json"
    figures = json.loads(path.read_text())
    del figures["digests"][name]
    path.write_text(json.dumps(figures))
    assert any(f"have none of {name}" in problem for problem in verify(str(folder))["problems"])
    path.write_text(json.dumps({**figures, "digests": {}}))
    assert verify(str(folder))["problems"]
