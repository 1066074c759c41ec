"""Columns whose cells are pickles, in every Parquet file that the project reads."""

from __future__ import annotations

import contextlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray.data  # noqa: F401  registers the extension types
from ray.data._internal.object_extensions.arrow import ArrowPythonObjectType

from factory.audit.measures import read_table
from factory.corpus import read_index
from factory.corpus.formats import parquet as corpus_files
from factory.corpus.kept import Audit
from factory.report.explorer.verdicts import Verdicts
from factory.sources import parquet as sources
from factory.sources.faces import read_boxes
from factory.sources.files import File
from factory.storage import Storage
from factory.tables import plain_parquet
from tests.planted import bomb

MESSAGE = r"^[^\n]*column '\w+' holds pickled objects, which are never loaded: leave it out$"


def pickles(marker: Path, count: int = 1) -> pa.Array:
    return ArrowPythonObjectType().wrap_array(pa.array([bomb(marker)] * count, pa.large_binary()))


def nested(marker: Path) -> dict[str, pa.Array]:
    cells = pickles(marker)
    return {
        "plain": cells,
        "struct": pa.StructArray.from_arrays([pa.array([1]), cells], ["n", "x"]),
        "list": pa.ListArray.from_arrays(pa.array([0, 1]), cells),
        "deep": pa.ListArray.from_arrays(pa.array([0, 1]), pa.StructArray.from_arrays([cells], ["x"])),
        "map": pa.MapArray.from_arrays(pa.array([0, 1]), pa.array(["k"]), cells),
    }


def file_of(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def test_the_danger_is_real(tmp_path: Path) -> None:
    """Without our guard a cell is loaded, or these tests would show nothing."""
    data = file_of(pa.table({"style": pickles(tmp_path / "marker")}))
    pq.read_table(pa.BufferReader(data))["style"].to_pylist()
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("where", ["plain", "struct", "list", "deep", "map"])
@pytest.mark.parametrize("registered", [True, False])
def test_pickled_cells_are_refused_however_nested(tmp_path: Path, where: str, registered: bool) -> None:
    """Also in a process that has not imported `ray.data`, so that what is accepted does not depend on that."""
    data = file_of(pa.table({"key": pa.array(["a"]), "x": nested(tmp_path / "marker")[where]}))
    if not registered:
        pa.unregister_extension_type(plain_parquet.PICKLED)
    try:
        with pytest.raises(ValueError, match=MESSAGE):
            plain_parquet.open_file(io.BytesIO(data), "here")
        with pytest.raises(ValueError, match=MESSAGE):
            plain_parquet.read_table(pa.BufferReader(data), "here", columns=["key"])
    finally:
        if not registered:
            pa.register_extension_type(ArrowPythonObjectType())
    assert not (tmp_path / "marker").exists()


def test_other_columns_pass() -> None:
    rows = [{"key": "a", "image": {"bytes": b"x", "path": None}, "codes": [1, 2]}]
    table = pa.Table.from_pylist(rows).append_column("style", pa.array(["print"]).dictionary_encode())
    data = file_of(table)
    assert plain_parquet.read_table(pa.BufferReader(data), "here").to_pylist() == table.to_pylist()
    with plain_parquet.open_file(io.BytesIO(data), "here") as parquet:
        assert parquet.read().to_pylist() == table.to_pylist()


@pytest.mark.parametrize(
    "name", ["ray.data.arrow_tensor", "ray.data.arrow_tensor_v2", "ray.data.arrow_variable_shaped_tensor"]
)
def test_ray_s_other_types_load_no_pickle(tmp_path: Path, name: str) -> None:
    """Their shape is JSON; releases 2.49 to 2.54 took a pickle for it."""
    shape = {b"ARROW:extension:name": name.encode(), b"ARROW:extension:metadata": bomb(tmp_path / "marker")}
    field = pa.field("x", pa.list_(pa.int64()), metadata=shape)
    data = file_of(pa.table([pa.array([[1, 2]])], schema=pa.schema([field])))
    with contextlib.suppress(ValueError, KeyError, TypeError, pa.ArrowException):  # refused by Ray, or a mere list
        plain_parquet.read_table(pa.BufferReader(data), "here")
    assert not (tmp_path / "marker").exists()


class OneFile:
    """What `sources` takes for the files of a source."""

    source = "here"

    def __init__(self, data: bytes) -> None:
        self._data = data

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def spoilt(column: str, kind: str = "plain") -> Callable[[Path], bytes]:
    return lambda marker: file_of(pa.table({"key": pa.array(["a"]), column: nested(marker)[kind]}))


def index(folder: Path, data: bytes) -> Any:
    (folder / "index.parquet").write_bytes(data)
    return read_index(Storage(str(folder)), ["style"])


def audit(folder: Path, data: bytes) -> Any:
    (folder / "audit.parquet").write_bytes(data)
    return Audit.read(type("", (), {"storage": Storage(str(folder))})(), ["key"])  # type: ignore[arg-type]


def verdicts(folder: Path, data: bytes) -> Any:
    (folder / "audit.parquet").write_bytes(data)
    return Verdicts(Storage(str(folder)))


def measures(folder: Path, data: bytes) -> Any:
    (folder / "measures.parquet").write_bytes(data)
    return read_table(Storage(str(folder)), "measures.parquet", ["key"])


def boxes(folder: Path, data: bytes) -> Any:
    (folder / "boxes.parquet").write_bytes(data)
    return read_boxes(str(folder / "boxes.parquet"))


def listed(folder: Path, data: bytes) -> Any:
    return sources.list_file(OneFile(data), File("a.parquet", len(data), "1"), {})  # type: ignore[arg-type]


READERS: dict[str, Callable[[Path, bytes], Any]] = {
    "index": index,
    "audit": audit,
    "verdicts": verdicts,
    "measures": measures,
    "boxes": boxes,
    "source": listed,
    "shard": lambda folder, data: corpus_files.read(io.BytesIO(data)),
    "shard's images": lambda folder, data: corpus_files.read_images(io.BytesIO(data), 0),
    "shard's facts": lambda folder, data: corpus_files.read_facts(io.BytesIO(data)),
}


@pytest.mark.parametrize("column", ["style", "reason", "path", "image"])
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_them(tmp_path: Path, reader: str, column: str) -> None:
    data = spoilt(column, "struct" if column == "image" else "plain")(tmp_path / "marker")
    with pytest.raises(ValueError, match=MESSAGE):
        READERS[reader](tmp_path, data)
    assert not (tmp_path / "marker").exists()


def test_a_pickle_is_what_was_planted(tmp_path: Path) -> None:
    pickle.loads(bomb(tmp_path / "marker"))
    assert (tmp_path / "marker").exists()
