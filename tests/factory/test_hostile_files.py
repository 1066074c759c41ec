"""JSON, Parquet and CSV that strangers wrote, wherever a command reads some: one line, and no hang."""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.cli import main
from factory.corpus import Corpus
from factory.corpus.formats import webdataset
from factory.datasets.tree import table
from factory.evaluate.scores import read as read_scores
from factory.line.events import read_events
from factory.run import read_claim
from factory.sources import list_sources
from factory.sources.faces import read_boxes
from factory.storage import Storage
from factory.tables import plain_parquet

DEEP = "[" * 100_000
HOSTILE = [DEEP, '{"a":' * 100_000, "1" * 5000, '{"job": "a", "job": "b"}', "[]", "{}", "3", '{"job": 1}', "\ud800"]


def parquet_of(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def twice(name: str, **columns: Any) -> bytes:
    """A Parquet file in which the column of that name is there twice."""
    whole = pa.table(columns)
    buffer = io.BytesIO()
    pq.write_table(pa.table([*whole.columns, whole[name]], [*whole.column_names, name]), buffer)
    return buffer.getvalue()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "corpus", small_rows(subjects=2))
    return tmp_path / "corpus"


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    error = capsys.readouterr().err
    assert (ended.value.code, error.count("\n")) == (2, 1), error[:2000]
    assert len(error) < 1000
    return error


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:10]))
@pytest.mark.parametrize(
    "name", ["run.json", "summary.json", "ledger/train-000000.json", "quarantine/train-000000-1.json"]
)
def test_the_files_of_a_run(corpus: Path, name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / name).parent.mkdir(exist_ok=True)
    (corpus / name).write_text(text, encoding="utf-8", errors="surrogatepass")
    if name == "run.json" and text == '{"job": 1}':
        (corpus / name).write_text('{"job": "a", "fingerprint": "b", "config": [], "planned": {}}')
    commands = [["status"], ["verify"], ["release"]] if name == "run.json" else [["status"]]
    if (name == "summary.json" and text == "{}") or (name == "summary.json" and text == '{"job": 1}'):
        return  # a summary may say anything
    claim = json.loads((corpus / "run.json").read_text(errors="replace")) if name != "run.json" else None
    if claim is not None:
        claim["planned"] = {"shards": 1, "images": 1}
        (corpus / "run.json").write_text(json.dumps(claim))
    for command in commands:
        assert name.rpartition("/")[2] in fails(capsys, *command, str(corpus))


@pytest.mark.parametrize(
    "line", [DEEP, "3", "{}", '{"time": "x", "driver": "d", "event": "e"}', '{"time": 1, "driver": "d", "event": "e"}']
)
def test_an_event_that_is_none_hides_nothing(tmp_path: Path, line: str) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "20260101t000000z-000000-000001.jsonl").write_text(f"{line}\n")
    good = {"time": 1.0, "driver": "20260101t000000z-000000", "event": "started"}
    (tmp_path / "events" / "20260101t000000z-000000-000002.jsonl").write_text(json.dumps(good))
    assert read_events(Storage(str(tmp_path))) == [good]


def test_a_claim_says_what_readers_count_on(tmp_path: Path) -> None:
    whole: dict[str, Any] = {"job": "a", "fingerprint": "b", "identity": {}, "config": {}, "software": {}}
    whole["planned"] = {"shards": 1, "images": 2}
    changes: list[dict[str, Any]] = [{"job": None}, {"fingerprint": 3}, {"config": []}, {"planned": []}]
    changes += [{"identity": None}, {"software": {"ray": 2}}]
    for change in (*changes, {"planned": {"shards": "1"}}):
        (tmp_path / "run.json").write_text(json.dumps({**whole, **change}))
        with pytest.raises(
            ValueError, match=r"run\.json is corrupt \(its \S+ has another form\): bring it back from a copy"
        ):
            read_claim(Storage(str(tmp_path)))
    (tmp_path / "run.json").write_text(json.dumps(whole))
    assert read_claim(Storage(str(tmp_path))) == whole


@pytest.mark.parametrize("metadata", [DEEP, '{"info": 3}', "1" * 5000, '{"info": {}, "info": {}}', "\xff", "{"])
def test_the_metadata_of_a_parquet_source(tmp_path: Path, metadata: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = pa.schema([("image", pa.binary()), ("label", pa.int64())], metadata={"huggingface": metadata})
    pq.write_table(pa.table({"image": [b"x"], "label": [0]}, schema=schema), tmp_path / "a.parquet")
    out = ["--out", f"{tmp_path}/out", "--license", "CC0-1.0", "--no-crop"]
    assert "a.parquet: the schema's `huggingface` metadata" in fails(capsys, "prepare", f"{tmp_path}/a.parquet", *out)


READERS: dict[str, Callable[[Path], Any]] = {
    "source": lambda path: list_sources(str(path)),
    "boxes": lambda path: read_boxes(str(path)),
    "index": lambda path: Corpus(str(path.parent)),
    "plain": lambda path: plain_parquet.read_table(str(path), path.name),
}


def put(folder: Path, data: bytes, reader: str) -> Path:
    """The file where a reader looks for it."""
    if reader == "index":
        write_corpus(folder, small_rows(subjects=2))
    path = folder / ("index.parquet" if reader == "index" else "a.parquet")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["image", "label", "path", "key"])
def test_a_column_that_is_there_twice(tmp_path: Path, reader: str, name: str) -> None:
    columns = {"image": [b"x"], "label": [0], "path": ["a"], "key": ["k"], "x": [1.0], "y": [1.0]}
    path = put(tmp_path, twice(name, **columns), reader)
    with pytest.raises(ValueError, match=rf"{path.name}: there are two columns '{name}'"):
        READERS[reader](path)


@pytest.mark.parametrize("reader", READERS)
def test_a_broken_footer_is_one_line(tmp_path: Path, reader: str) -> None:
    """Whatever bytes of a file are others: a value, or a ValueError of one line."""
    data = parquet_of(image=[b"x"] * 9, label=[0] * 9, path=[str(n) for n in range(9)], key=["k"] * 9)
    path = put(tmp_path, data, reader)
    chance = random.Random(7)
    refused = 0
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(chance.choice((1, 3, 30))):
            broken[chance.randrange(len(data) // 3, len(data))] = chance.randrange(256)
        path.write_bytes(bytes(broken[: chance.choice((len(data), len(data), chance.randrange(len(data))))]))
        try:
            READERS[reader](path)
        except ValueError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert refused > 50


def test_a_footer_that_says_more_rows_than_there_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet_of(image=[b"x"]))
    monkeypatch.setattr("factory.sources.parquet.ROWS_PER_BYTE", 0)
    with pytest.raises(ValueError, match=r"a\.parquet is broken: its footer gives 1 rows"):
        list_sources(str(tmp_path))


@pytest.mark.parametrize("header", ["path,x,x,y,width,height", "path,path,x,y,width,height"])
def test_a_csv_of_boxes_with_a_column_twice(tmp_path: Path, header: str) -> None:
    (tmp_path / "boxes.csv").write_text(f"{header}\na,1,2,3,4,5\n")
    with pytest.raises(ValueError, match=r"boxes\.csv: there are two columns"):
        read_boxes(f"{tmp_path}/boxes.csv")


def test_lists_and_scores_in_csv(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="list.csv has two columns a"):
        table("list.csv", "a,b,a\n1,2,3\n", "a", "b")
    with pytest.raises(ValueError, match="list.csv is not a CSV file: field larger than field limit"):
        table("list.csv", "a,b\n" + "x" * 200_000 + ",1\n", "a")
    with pytest.raises(ValueError, match=r"scores\.csv has two columns 'score'"):
        read_scores(b"is_bonafide,attack_type,score,score\nTrue,,1,2\n")


@pytest.mark.parametrize("text", [DEEP, "[]", '{"key": 3}', '{"key": "a", "key": "a"}', "{", '{"other": 1}'])
def test_the_descriptions_in_a_tar(tmp_path: Path, text: str) -> None:
    """In one of ours a line; in a source a reject of that one image."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in (("a.png", b"x"), ("a.json", text.encode())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with pytest.raises(ValueError, match=r"^[^\n]*$"):
        webdataset.read(io.BytesIO(buffer.getvalue()))
    with pytest.raises(ValueError, match="a corpus tar holds no rows"):
        webdataset.read(io.BytesIO(b"no tar" * 200))
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    (found,) = list_sources(str(tmp_path))
    assert found.reject == (None if text in ('{"key": 3}', '{"other": 1}') else "broken json")
