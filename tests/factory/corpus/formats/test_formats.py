"""Both formats keep every row, and readers that are not ours open them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import row
from factory.corpus.formats import parquet, webdataset
from factory.corpus.row import FACTS
from factory.corpus.shards import FORMATS
from factory.images import decode

ROWS = [row(i, brisque=i / 3, t0=100 + i, seed=2**62 + i, license="cc-by-4.0") for i in range(230)]


@pytest.mark.parametrize("name", FORMATS)
def test_rows_come_back_equal(name: str) -> None:
    data = FORMATS[name].to_bytes(ROWS)
    assert FORMATS[name].read(io.BytesIO(data)) == ROWS
    assert FORMATS[name].read(io.BytesIO(data), [229, 0, 105]) == [ROWS[229], ROWS[0], ROWS[105]]
    facts = FORMATS[name].read_facts(io.BytesIO(data))
    assert facts.column_names == list(FACTS)
    assert facts.to_pylist() == [row.facts() for row in ROWS]


@pytest.mark.parametrize("name", FORMATS)
def test_a_shard_may_be_empty(name: str) -> None:
    assert FORMATS[name].read(io.BytesIO(FORMATS[name].to_bytes([]))) == []


def test_parquet_has_small_row_groups_and_a_page_index() -> None:
    metadata = pq.ParquetFile(io.BytesIO(parquet.to_bytes(ROWS))).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [100, 100, 30]
    assert metadata.row_group(0).column(0).has_column_index


def test_parquet_of_another_origin_is_refused_by_name() -> None:
    import pyarrow as pa

    buffer = io.BytesIO()
    pq.write_table(pa.table({"key": ["a"]}), buffer)
    with pytest.raises(ValueError, match="missing column 'image'"):
        parquet.read(buffer)


@pytest.mark.parametrize("image", [None, {"bytes": None, "path": "a.png"}])
def test_a_null_image_is_a_row_without_bytes(image: Any) -> None:
    """A corpus that another tool wrote may hold one: it ends as a reject and not as a fault of its shard."""
    import pyarrow as pa

    table = pq.read_table(io.BytesIO(parquet.to_bytes(ROWS[:3])))
    cells = table["image"].to_pylist()
    cells[1] = image
    place = table.schema.get_field_index("image")
    buffer = io.BytesIO()
    pq.write_table(
        table.set_column(place, table.schema.field(place), pa.array(cells, table.schema.field(place).type)), buffer
    )
    assert [found.image for found in parquet.read(buffer)] == [ROWS[0].image, b"", ROWS[2].image]
    with pytest.raises(ValueError, match="empty file"):
        decode(parquet.read(buffer, [1])[0].image)


def test_tar_members_are_sorted_and_timeless() -> None:
    with tarfile.open(fileobj=io.BytesIO(webdataset.to_bytes(ROWS[:3]))) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.mtime, member.uid, member.gid, member.mode) for member in members} == {(0, 0, 0, 0o644)}


def test_hugging_face_datasets_sees_images_and_classes(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    (tmp_path / "a.parquet").write_bytes(parquet.to_bytes(ROWS[:5]))
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "a.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded[2]["image"].size == (32, 32)
    assert loaded.features["label"].names == ["live", "spoof"]
    assert loaded[3]["key"] == ROWS[3].key


def test_webdataset_reads_samples(tmp_path: Path) -> None:
    wds = pytest.importorskip("webdataset")
    path = tmp_path / "a.tar"
    path.write_bytes(webdataset.to_bytes(ROWS[:5]))
    samples = list(wds.WebDataset(str(path), shardshuffle=False, empty_check=False))
    assert [sample["__key__"] for sample in samples] == [row.key for row in ROWS[:5]]
    assert json.loads(samples[1]["json"]) == ROWS[1].facts()
    assert samples[1]["png"] == ROWS[1].image
