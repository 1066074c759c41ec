"""Parquet files opened as plain data: the one way by which this project reads them.

A Parquet file may say that a column is of an extension type, and importing `ray.data` registers one whose cells are
pickles. Reading such a cell, by `to_pylist` or otherwise, would run what the file's author wrote.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

PICKLED = "ray.data.arrow_pickled_object"


def open_file(file: Any, where: str, **options: Any) -> pq.ParquetFile:
    """The file, opened by `pyarrow.parquet.ParquetFile` with these options.

    Raises:
        ValueError: if it has a column of pickled objects; `where` names the file.
    """
    parquet = pq.ParquetFile(file, **options)
    _refuse_pickles(parquet.schema_arrow, where)
    return parquet


def read_table(file: Any, where: str, **options: Any) -> pa.Table:
    """The table, read by `pyarrow.parquet.read_table` with these options.

    Raises:
        ValueError: if the file has a column of pickled objects, whichever columns are asked for.
    """
    _refuse_pickles(pq.read_schema(file), where)
    return pq.read_table(file, **options)


def _refuse_pickles(schema: pa.Schema, where: str) -> None:
    for field in schema:
        if _pickled(field):
            raise ValueError(
                f"{where}: column {field.name!r} holds pickled objects, which are never loaded: leave it out"
            )


def _pickled(field: pa.Field) -> bool:
    """Whether a column, or what it is nested of, is of that type: also where nobody has registered it yet."""
    kind = field.type
    if (field.metadata or {}).get(b"ARROW:extension:name") == PICKLED.encode():
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return kind.extension_name == PICKLED or _pickled(pa.field("", kind.storage_type))
    if kinds.is_dictionary(kind):
        return _pickled(pa.field("", kind.value_type))
    return any(_pickled(kind.field(place)) for place in range(kind.num_fields))
