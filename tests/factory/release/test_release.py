"""A release checks a corpus, lists its shards and shows how to send it; it sends nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.corpora import NoConfig, small_rows
from factory.cards import CARD, CROISSANT, write_corpus_card
from factory.cli import main
from factory.corpus import totals, write_index
from factory.corpus.row import Row
from factory.corpus.shards import OutputConfig, commit
from factory.release import release
from factory.run import Run
from factory.run.ledger import Ledger


def corpus(folder: Path, rows: list[Row] | None = None, numbers: tuple[int, ...] = (0, 1, 2)) -> Path:
    """A finished corpus with its card: three shards of train, one of test, in both formats."""
    rows = small_rows(subjects=4, splits=("train", "test")) if rows is None else rows
    train, test = [r for r in rows if r.split == "train"], [r for r in rows if r.split == "test"]
    run = Run(str(folder), "prepare", {}, NoConfig(), {"shards": len(numbers) + 1, "images": len(rows)})
    output = OutputConfig(formats=("parquet", "webdataset"))
    for place, number in enumerate(numbers):
        mine = train[place :: len(numbers)]
        commit(run.storage, "face", f"train-{number:06d}", mine, [], output, {})
    commit(run.storage, "face", "test-000000", test, [], output, {})
    write_index(run.storage)
    write_corpus_card(run.storage)
    run.finish(totals(Ledger(run.storage).records()))
    return folder


def test_lists_and_patterns_name_every_shard(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "faces")
    found = release(str(folder))
    assert found["problems"] == []
    assert found["shards"]["webdataset"]["train"]["pattern"] == "data/face-train-{000000..000002}.tar"
    assert found["shards"]["parquet"]["test"]["pattern"] == "data/face-test-{000000..000000}.parquet"
    assert sum(split["rows"] for split in found["shards"]["parquet"].values()) == 40
    lines = (folder / "publish" / "train.webdataset.txt").read_text().splitlines()
    assert lines == [f"data/face-train-{number:06d}.tar" for number in range(3)]
    assert json.loads((folder / "publish" / "shards.json").read_text()) == found["shards"]
    for line in (folder / "publish" / "sha256sums.txt").read_text().splitlines():
        digest, _, path = line.partition("  ")
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest
    assert subprocess.run(["sha256sum", "-c", "--quiet", "publish/sha256sums.txt"], cwd=folder).returncode == 0
    assert release(str(folder)) == found  # again is a no-op


def test_more_files_than_the_hub_takes_in_a_folder_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """data/ holds the files of both formats: eight here. A store takes any number."""
    folder = corpus(tmp_path / "faces")
    monkeypatch.setattr("factory.corpus.hub.MOST", 7)
    for to in (None, "lab/faces"):
        [problem] = release(str(folder), to)["problems"]
        assert "data/ has 8 files, the Hub takes 7 in a folder" in problem
        assert "output.rows_per_shard=16 or more" in problem
    assert not (folder / "publish").exists()
    assert release(str(folder), "s3://lab/faces")["problems"] == []


def test_commands_name_what_is_sent_and_no_more(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "my faces")
    both = release(str(folder))["commands"]
    assert [command.split()[0] for command in both] == ["aws", "python", "hf"]
    assert str(folder) in both.pop(1)
    for command in both:
        assert f"'{folder}'" in command and "run.json" not in command
        assert "--include README.md" in command and "--include 'data/*'" in command
    [hub] = release(str(folder), "lab/faces")["commands"]
    assert hub.startswith(f"hf upload lab/faces '{folder}' . --repo-type dataset ")
    s3, _ = release(str(folder), "s3://lab/faces")["commands"]
    assert s3.startswith(f"aws s3 cp --recursive '{folder}' s3://lab/faces --exclude '*' ")


def test_the_copy_by_fsspec_sends_what_is_named_and_no_more(tmp_path: Path) -> None:
    folder, there = corpus(tmp_path / "my faces"), tmp_path / "there"
    for name in ("data", "ledger", "publish"):
        (there / name).mkdir(parents=True)
    [command] = release(str(folder), f"file://{there}")["commands"]
    subprocess.run([sys.executable, *shlex.split(command)[1:]], check=True)
    sent = {str(path.relative_to(there)): path.read_bytes() for path in there.rglob("*") if path.is_file()}
    here = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert sent == {name: data for name, data in here.items() if name != "run.json"}


def test_commands_are_told_as_a_shell_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = corpus(tmp_path / "my faces")
    with pytest.raises(SystemExit) as caught:
        main(["release", str(folder), "--to", "s3://lab/faces"])
    assert not caught.value.code
    said = capsys.readouterr()
    assert said.err.splitlines()[1:] == json.loads(said.out)["commands"]


def test_a_place_that_nothing_is_sent_to_is_refused(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "faces")
    with pytest.raises(ValueError, match="'/mnt/faces' is neither a URL"):
        release(str(folder), "/mnt/faces")
    assert not (folder / "publish").exists()


def _cut(folder: Path) -> None:
    path = folder / "data" / "face-train-000001.tar"
    path.write_bytes(path.read_bytes()[:-1])


def _unlicensed(folder: Path) -> None:
    text = (folder / CARD).read_text(encoding="utf-8")
    (folder / CARD).write_text(text.replace("license: cc0-1.0", "license: mit"), encoding="utf-8")


def _other_hash(folder: Path) -> None:
    document = json.loads((folder / CROISSANT).read_text())
    document["distribution"][1]["sha256"] = "0" * 64
    (folder / CROISSANT).write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (_cut, "data/face-train-000001.tar is not the file of the ledger"),
        (lambda folder: (folder / "ledger" / "train-000001.json").unlink(), "not numbered without a gap: 2 of them"),
        (lambda folder: (folder / "summary.json").unlink(), "unfinished: 4 of 4 shards"),
        (lambda folder: (folder / CARD).unlink(), "README.md is missing: run the command"),
        (lambda folder: (folder / CROISSANT).unlink(), "croissant.json is missing"),
        (lambda folder: (folder / "index.parquet").unlink(), "index.parquet is missing"),
        (lambda folder: (folder / "index.parquet").write_bytes(b"PAR1"), "index.parquet cannot be read: "),
        (lambda folder: (folder / CARD).write_text("# mine\n"), "README.md names no license in its front matter"),
        (_unlicensed, "README.md says license mit, the images are under cc0-1.0"),
        (_other_hash, "croissant.json has another hash for data/face-"),
        (lambda folder: (folder / "data" / "stray.tar").touch(), "data/stray.tar is in no ledger record"),
    ],
)
def test_what_is_not_whole_is_refused_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object], problem: str
) -> None:
    folder = corpus(tmp_path / "faces")
    damage(folder)
    with pytest.raises(SystemExit) as caught:
        main(["release", str(folder)])
    assert caught.value.code == 1
    said = capsys.readouterr()
    assert said.out == "" and all(line.startswith("difffas: ") for line in said.err.splitlines())
    assert problem in said.err
    assert not (folder / "publish").exists()


@pytest.mark.parametrize(("more", "to"), [((), "lab/faces"), (("--to", "s3://lab/faces"), "s3://lab/faces")])
def test_a_file_of_settings_does_as_well(
    more: tuple[str, ...], to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = corpus(tmp_path / "faces"), tmp_path / "release.yaml"
    file.write_text(f"{{folder: {folder}, to: lab/faces}}", encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(["release", "--config", str(file), *more])
    assert caught.value.code == 0
    assert json.loads(capsys.readouterr().out) == release(str(folder), to)
    with pytest.raises(SystemExit) as caught:
        main(["release", *more])
    assert caught.value.code == 2
    assert capsys.readouterr().err == "difffas: error: which corpus? Give its folder, or --config FILE\n"


def test_an_unknown_licence_and_a_gap_are_refused(tmp_path: Path) -> None:
    rows = [dataclasses.replace(row, license="unknown") for row in small_rows(splits=("train", "test"))]
    assert release(str(corpus(tmp_path / "a", rows)))["problems"] == [
        "the licence of 40 images is unknown: prepare them again with license=…"
    ]
    [problem] = release(str(corpus(tmp_path / "b", numbers=(0, 1, 3))))["problems"]
    assert problem.startswith("shards of split train are not numbered without a gap: 3 of them, the last is 3")


def test_an_older_list_is_not_overwritten(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "faces")
    (folder / "publish").mkdir()
    (folder / "publish" / "shards.json").write_text("{}")
    assert release(str(folder))["problems"] == ["publish/shards.json is there and says something else: move it away"]
    assert (folder / "publish" / "shards.json").read_text() == "{}"
