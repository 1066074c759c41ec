"""pyarrow, pandas and DuckDB read rows, columns and parts of a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow.dataset as ds
import pyarrow.fs
import pytest

from tests.contract.conftest import LOCAL_AND_S3

Files = Callable[..., list[str]]


@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_pyarrow(files: Files, expected: Any) -> None:
    urls = files("data/*.parquet")
    system = None
    if urls[0].startswith("s3:"):
        import s3fs

        system = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(s3fs.S3FileSystem()))
        urls = [url.removeprefix("s3://") for url in urls]
    opened = ds.dataset(urls, filesystem=system)
    rows = opened.to_table().to_pylist()
    assert {row["key"]: row["image"]["bytes"] for row in rows} == {k: row["image"] for k, row in expected.items()}
    few = opened.to_table(columns=["key", "t0"], filter=ds.field("t0") > 200)
    assert dict(zip(few["key"].to_pylist(), few["t0"].to_pylist(), strict=True)) == {
        key: row["t0"] for key, row in expected.items() if row["t0"] > 200
    }


@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_pandas(files: Files, expected: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.concat(
        pandas.read_parquet(url, columns=["key", "style", "brisque"], filters=[("attack", "==", "print")])
        for url in files("data/*.parquet")
    )
    wanted = {key: row for key, row in expected.items() if row["attack"] == "print"}
    assert dict(zip(frame["key"], frame["brisque"], strict=True)) == {k: row["brisque"] for k, row in wanted.items()}
    index = pandas.read_parquet(files("index.parquet")[0])
    assert sorted(index["key"]) == sorted(expected)


@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_duckdb(files: Files, expected: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    if (first := files("index.parquet")[0]).startswith("s3:"):
        import s3fs

        connection.register_filesystem(s3fs.S3FileSystem())  # its own httpfs is an extension that it downloads
    counts = connection.sql(f"SELECT style, count(*) FROM read_parquet('{first}') GROUP BY style").fetchall()
    assert dict(counts) == Counter(row["style"] for row in expected.values())
    images = connection.sql(
        f"SELECT key, image.bytes FROM read_parquet({files('data/*.parquet')}) WHERE label = 1 AND t0 > 200"
    ).fetchall()
    assert dict(images) == {key: row["image"] for key, row in expected.items() if row["t0"] > 200}
