from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.cli import main
from factory.core.documents import JsonObject, JsonValue
from factory.corpus import Corpus
from factory.corpus.shards import FORMATS
from factory.generate.regenerate import show
from factory.run.record import EXTENSIONS, fault_of

SHARD = "train-000000"
FILE: JsonObject = {"path": f"data/prepare-{SHARD}.parquet", "bytes": 3, "sha256": "0" * 64}
WHOLE: JsonObject = {
    "shard": SHARD,
    "planned": 2,
    "rows": 1,
    "rejects": [{"key": "a", "reason": "b"}],
    "rejects_by_reason": {"b": 1},
    "styles": {"cam-print": 1},
    "files": {"parquet": FILE},
}


def test_the_formats_have_the_extensions_that_records_are_read_by() -> None:
    assert {name: module.EXTENSION for name, module in FORMATS.items()} == EXTENSIONS
    assert fault_of(WHOLE) is None


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/hostname",
        f"data/../data/prepare-{SHARD}.parquet",
        f"data/prepare-{SHARD}.tar",
        f"data/deep/prepare-{SHARD}.parquet",
        f"data/prepare-{SHARD}.parquet\n",
        "run.json",
        "",
        None,
        3,
    ],
)
def test_a_record_names_files_of_its_format_in_data_alone(path: Any) -> None:
    assert fault_of({**WHOLE, "files": {"parquet": {**FILE, "path": path}}})


@pytest.mark.parametrize(
    "change",
    [
        {"shard": "../train-000000"},
        {"shard": ""},
        {"rows": -1},
        {"rows": True},
        {"planned": 2**70},
        {"rejects": ["a"]},
        {"rejects": [{"key": 1, "reason": "b"}]},
        {"rejects_by_reason": {"b": "1"}},
        {"styles": {"cam-print": -1}},
        {"finished": "yesterday"},
        {"files": {"pickle": FILE}},
        {"files": {"parquet": None}},
        {"files": {"parquet": {**FILE, "bytes": -1}}},
        {"files": {"parquet": {**FILE, "sha256": "../x"}}},
        {"files": {"parquet": {**FILE, "sha256": None}}},
    ],
)
def test_what_no_shard_says_is_a_fault(change: dict[str, Any]) -> None:
    assert fault_of({**WHOLE, **change})


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "corpus", small_rows())
    return tmp_path / "corpus"


def _record(corpus: Path) -> Path:
    return sorted((corpus / "ledger").iterdir())[0]


def test_show_writes_no_file_from_elsewhere(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a ledger path, by a shard of the index, and by a link in the place of a shard's file."""
    key = Corpus(str(corpus)).index["key"][0].as_py()
    file = _record(corpus)
    record = json.loads(file.read_text())
    (stolen,) = [Path(corpus / one["path"]) for one in record["files"].values()]
    outside = corpus.parent / "elsewhere.parquet"
    stolen.rename(outside)
    for change in ("path", "link", "shard"):
        said = json.loads(json.dumps(record))
        if change == "path":
            said["files"]["parquet"]["path"] = "../elsewhere.parquet"
        elif change == "link":
            stolen.symlink_to(outside)
        else:
            index = pq.read_table(corpus / "index.parquet")
            shards = pa.array(["../../corpus/ledger/x"] * len(index), pa.string())
            place = index.schema.get_field_index("shard")
            pq.write_table(index.set_column(place, index.schema.field("shard"), shards), corpus / "index.parquet")
        file.write_text(json.dumps(said))
        with pytest.raises(SystemExit) as ended:
            main(["show", str(corpus), key, "--image", str(corpus.parent / "image.png")])
        error = capsys.readouterr().err
        assert ended.value.code == 2
        assert error.count("\n") == 1
        assert not (corpus.parent / "image.png").exists(), change


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("shard", "../x", "'../x', which is not the name of a shard"),
        ("shard", None, "has a row without shard"),
        ("position", -1, "has a negative position"),
        ("position", None, "has a row without position"),
        ("position", 10**6, "row 1000000 does not exist in a shard of"),
    ],
)
def test_an_index_says_which_rows_are_read(corpus: Path, column: str, value: Any, fault: str) -> None:
    index = pq.read_table(corpus / "index.parquet")
    key = index["key"][0].as_py()
    place, field = index.schema.get_field_index(column), index.schema.field(column)
    changed = index.set_column(place, field, pa.array([value] * len(index), field.type))
    pq.write_table(changed, corpus / "index.parquet")
    with pytest.raises(ValueError, match=fault):
        show(str(corpus), key)


def test_an_index_with_another_kind_of_column_is_refused(corpus: Path) -> None:
    index = pq.read_table(corpus / "index.parquet")
    place = index.schema.get_field_index("position")
    pq.write_table(index.set_column(place, "position", index["position"].cast(pa.string())), corpus / "index.parquet")
    with pytest.raises(ValueError, match="has a column 'position' of string, not of int64: write the corpus again"):
        Corpus(str(corpus))


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("finished", float("nan")),
        ("finished", 10**400),
        ("finished", -1),
        ("finished", True),
        ("size_auc", ["x"]),
        ("size_auc", {"auc": 0.5}),
        ("size_auc", {"auc": float("nan"), "live": 1, "spoof": 1}),
        ("size_auc", {"auc": 0.5, "live": "1", "spoof": 1}),
    ],
)
def test_figures_that_readers_compute_with_are_figures(fact: str, value: JsonValue) -> None:
    assert fault_of({**WHOLE, fact: value}) is not None
    assert fault_of({**WHOLE, "finished": 1e9, "size_auc": {"auc": 0.5, "live": 1, "spoof": 1}}) is None
    assert fault_of({**WHOLE, "size_auc": None}) is None


def test_a_shard_of_the_index_without_a_record_is_one_line(tmp_path: Path, capsys: Any) -> None:
    corpus = write_corpus(tmp_path / "c", small_rows())
    key = corpus.column("key")[0]
    (tmp_path / "c" / "ledger" / f"{corpus.column('shard')[0]}.json").unlink()
    with pytest.raises(SystemExit) as ended:
        main(["show", str(tmp_path / "c"), key])
    assert ended.value.code == 2
    assert "does not exist: bring it back from a copy" in capsys.readouterr().err


@pytest.mark.parametrize("image", ["nowhere/x.png", "."])
def test_an_image_that_can_be_written_nowhere_is_the_users(corpus: Path, image: str, capsys: Any) -> None:
    key = Corpus(str(corpus)).index["key"][0].as_py()
    with pytest.raises(SystemExit) as ended:
        main(["show", str(corpus), key, "--image", str(corpus / image)])
    assert ended.value.code == 2
    assert "give a file in a folder that exists" in capsys.readouterr().err
