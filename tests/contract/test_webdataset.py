"""The webdataset package opens the tars, one by one and by a brace pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from factory.images import decode
from tests.contract.conftest import LOCAL_AND_S3

wds = pytest.importorskip("webdataset")


def samples(urls: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    if str(urls).startswith(("s3:", "['s3:")):
        import s3fs

        # webdataset starts the `aws` program for s3:// by default; this is how it is told to use a library.
        monkeypatch.setitem(wds.gopen_schemes, "s3", lambda url, mode, bufsize: s3fs.S3FileSystem().open(url, "rb"))
    return list(wds.WebDataset(urls, shardshuffle=False, empty_check=False).decode("rgb8"))


@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_samples_are_rows(files: Callable[..., list[str]], expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = samples(files("data/*.tar"), monkeypatch)
    assert [sample["__key__"] for sample in found] == sorted(expected, key=lambda key: (key.split("-")[1], key))
    for sample in found:
        row = expected[sample["__key__"]]
        assert np.array_equal(sample["png"], decode(row["image"]))
        assert sample["live.png"].shape == sample["png"].shape
        assert sample["json"] == {name: value for name, value in row.items() if name != "image"}


@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_a_brace_pattern_names_the_shards(root: str, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = samples(f"{root}/spoofs/data/spoof-train-{{000000..000001}}.tar", monkeypatch)
    assert [sample["__key__"] for sample in found] == sorted(key for key in expected if "-train-" in key)
    assert {sample["json"]["split"] for sample in found} == {"train"}
