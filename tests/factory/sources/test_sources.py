from __future__ import annotations

from pathlib import Path

import pytest

from factory.sources import CONTAINERS, list_sources
from tests.photo_tables import write_parquet, write_tar


def formats(source: Path | str, source_format: str = "auto") -> set[str]:
    return {item.format for item in list_sources(str(source), source_format)}


def test_the_format_is_what_is_there(tmp_path: Path) -> None:
    write_parquet(tmp_path / "p" / "deep" / "a.parquet", [b"x"])
    write_tar(tmp_path / "w" / "a.tar", {"1.jpg": b"x"})
    assert (
        formats(tmp_path / "p")
        == formats(tmp_path / "p/deep/a.parquet")
        == formats(f"{tmp_path}/*/*/*.pa*")
        == {"parquet"}
    )
    assert formats(tmp_path / "w") == formats(tmp_path / "w" / "a.tar") == formats(f"{tmp_path}/w/*") == {"webdataset"}
    with pytest.raises(ValueError, match=r"holds Parquet files and tars: set source_format to one of \['parquet', "):
        formats(tmp_path)
    (tmp_path / "1.jpg").write_bytes(b"x")
    assert formats(tmp_path) == {"folder"}
    for name in CONTAINERS:
        assert formats(tmp_path, name) == {name}


def test_a_named_file_needs_no_extension(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [b"x"]).rename(tmp_path / "table")
    write_tar(tmp_path / "b.tar", {"1.jpg": b"x"}).rename(tmp_path / "shard.part")
    assert formats(tmp_path / "table", "parquet") == {"parquet"}
    assert formats(f"{tmp_path}/*.part", "webdataset") == {"webdataset"}
    with pytest.raises(ValueError, match=r"holds no image file .*, Parquet file .*, WebDataset tar"):
        formats(tmp_path)
    with pytest.raises(ValueError, match="holds no Parquet file"):
        formats(tmp_path, "parquet")


def test_files_come_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write_parquet(tmp_path / f"{name}.parquet", [b"x", b"y"])
    paths = [source.path for source in list_sources(str(tmp_path))]
    assert paths == [f"{name}.parquet/{at}" for name in "abc" for at in range(2)]


def test_a_table_without_rows(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [])
    with pytest.raises(ValueError, match="1 files but no image in them"):
        list_sources(str(tmp_path))
