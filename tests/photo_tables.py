"""Photographs in containers: Parquet tables as Hugging Face and others write them, and WebDataset tars."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.sources import Files

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_parquet(
    path: Path, images: list[Any], features: dict[str, Any] | None = None, rows_per_group: int = 4, **columns: Any
) -> Path:
    """A Parquet file of image cells (bytes, or dicts of a struct) and further columns (arrays or lists)."""
    in_struct = any(isinstance(image, dict) for image in images)
    table = pa.table({"image": pa.array(images, STRUCT if in_struct else pa.binary()), **columns})
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=rows_per_group)
    return path


def write_tar(path: Path, members: Mapping[str, bytes | str | dict[str, Any]]) -> Path:
    """A tar of members by name; dicts as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            text = json.dumps(content) if isinstance(content, dict) else content
            data = text.encode() if isinstance(text, str) else text
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


class _Counting:
    """A file that counts the bytes read from it."""

    def __init__(self, file: BinaryIO, counter: Counter[str]) -> None:
        self._file, self._counter = file, counter

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._counter["bytes"] += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Counting:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def count_reads(patch: pytest.MonkeyPatch) -> Counter[str]:
    """From now on, the `bytes` that are read from containers."""
    counter: Counter[str] = Counter()
    plain = Files.open
    patch.setattr(Files, "open", lambda files, name: _Counting(plain(files, name), counter))
    return counter
