"""torch's DataLoader takes a corpus through three readers, with worker processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from factory.images import decode
from tests.contract.conftest import LOCAL_AND_S3

Batch = dict[str, Any]


def check(batches: list[Batch], expected: Any) -> None:
    keys = [key for batch in batches for key in batch["key"]]
    assert sorted(keys) == sorted(expected)
    images = torch.cat([batch["image"] for batch in batches])
    assert images.dtype == torch.uint8 and images.shape[1:] == (64, 64, 3)
    for key, image in zip(keys, images.numpy(), strict=True):
        assert np.array_equal(image, decode(expected[key]["image"]))


def pixels(sample: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": sample["__key__"],
        "image": torch.from_numpy(sample["png"].copy()),
        "label": sample["json"]["label"],
    }


def collate(rows: list[dict[str, Any]]) -> Batch:
    images = [torch.from_numpy(np.array(row["image"].convert("RGB"))) for row in rows]
    return {"key": [row["key"] for row in rows], "image": torch.stack(images)}


@pytest.mark.parametrize("root", LOCAL_AND_S3, indirect=True)
def test_streamed_by_datasets(files: Callable[..., list[str]], expected: Any) -> None:
    datasets = pytest.importorskip("datasets")
    urls = files("data/*.parquet")
    rows = datasets.load_dataset("parquet", data_files=urls, split="train", streaming=True)
    check(list(torch.utils.data.DataLoader(rows, batch_size=8, collate_fn=collate)), expected)


@pytest.mark.slow
def test_map_style_with_workers(written: Path, expected: Any, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(written / "spoofs"), cache_dir=str(tmp_path))
    rows = datasets.concatenate_datasets([loaded["train"], loaded["test"]])
    loader = torch.utils.data.DataLoader(
        rows, batch_size=8, shuffle=True, num_workers=2, collate_fn=collate, multiprocessing_context="spawn"
    )
    check(list(loader), expected)


def test_webdataset(written: Path, expected: Any) -> None:
    wds = pytest.importorskip("webdataset")
    urls = sorted(str(path) for path in (written / "spoofs" / "data").glob("*.tar"))
    rows = wds.WebDataset(urls, shardshuffle=False, empty_check=False).decode("rgb8").map(pixels)
    loader = torch.utils.data.DataLoader(rows, batch_size=5)
    batches = list(loader)
    check(batches, expected)
    assert {int(label) for batch in batches for label in batch["label"]} == {1}
