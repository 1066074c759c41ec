"""Parquet shards: small row groups, a page index, and readers that are not ours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.corpora import row
from factory.corpus.formats import parquet
from factory.corpus.row import LATER
from factory.images import decode

ROWS = [row(i, brisque=i / 3, t0=100 + i, seed=2**62 + i, license="cc-by-4.0") for i in range(230)]


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


def test_shards_of_earlier_versions_lack_the_later_columns() -> None:
    table = pq.read_table(io.BytesIO(parquet.to_bytes(ROWS))).drop_columns(list(LATER))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=parquet.ROWS_PER_GROUP, compression="none")
    assert parquet.read(buffer) == ROWS
    assert parquet.read(buffer, [229, 3]) == [ROWS[229], ROWS[3]]
    assert parquet.read_facts(buffer).equals(parquet.read_facts(io.BytesIO(parquet.to_bytes(ROWS))))


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
