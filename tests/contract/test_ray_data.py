"""Ray Data's own readers open both formats."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from factory.images import decode
from tests.contract.conftest import LOCAL_AND_S3

Files = Callable[..., list[str]]


def where(urls: list[str]) -> dict[str, Any]:
    """Arguments of a reader; Ray's workers were started before the S3 server and don't know its address."""
    if not urls[0].startswith("s3:"):
        return {"paths": urls}
    import os

    from pyarrow.fs import S3FileSystem

    address = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")
    files = S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=address,
        scheme="http",
        region="us-east-1",
    )
    return {"paths": [url.removeprefix("s3://") for url in urls], "filesystem": files}


@pytest.mark.slow
@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_read_parquet(files: Files, expected: Any, ray_local: None) -> None:
    import ray
    from ray.data.expressions import col

    given = where(files("data/*.parquet"))
    rows = ray.data.read_parquet(**given).take_all()
    assert sorted(row["key"] for row in rows) == sorted(expected)
    for row in rows:
        assert np.array_equal(decode(row["image"]["bytes"]), decode(expected[row["key"]]["image"]))
    few = ray.data.read_parquet(**given, columns=["key", "attack"]).filter(expr=col("attack") == "print").take_all()
    assert {row["key"] for row in few} == {key for key, row in expected.items() if row["attack"] == "print"}
    assert set(few[0]) == {"key", "attack"}


@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_read_webdataset(files: Files, expected: Any, ray_local: None) -> None:
    import ray

    rows = ray.data.read_webdataset(**where(files("data/*.tar")), decoder=None).take_all()
    assert sorted(row["__key__"] for row in rows) == sorted(expected)
    for row in rows:
        assert bytes(row["png"]) == expected[row["__key__"]]["image"]
        assert Image.open(io.BytesIO(bytes(row["live.png"]))).size == (64, 64)
