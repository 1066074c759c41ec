"""Parquet files opened as plain data: the one way by which this project reads them.

A Parquet file may say that a column is of an extension type, and importing `ray.data` registers one whose cells are
pickles. Reading such a cell, by `to_pylist` or otherwise, would run what the file's author wrote.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

from difffas.errors import UserError
from factory.core.documents import short

PICKLED = "ray.data.arrow_pickled_object"


def open_file(file: Any, where: str, **options: Any) -> pq.ParquetFile:
    """The file, opened by `pyarrow.parquet.ParquetFile` with these options.

    Raises:
        ValueError: if it is broken or no Parquet, or has two columns of one name, or one of pickled objects; `where`
            names the file.
    """
    with one_line(where):
        parquet = pq.ParquetFile(file, **options)
        _check(parquet.schema_arrow, where)
    return parquet


def read_table(file: Any, where: str, **options: Any) -> pa.Table:
    """The table, read by `pyarrow.parquet.read_table` with these options.

    Raises:
        ValueError: as `open_file`, whichever columns are asked for.
    """
    with one_line(where):
        _check(pq.read_schema(file), where)
        return pq.read_table(file, **options)


class BrokenParquet(UserError):
    """A Parquet file of which some bytes are wrong: where it was whole, a store or a network spoilt them."""


@contextlib.contextmanager
def one_line(where: str) -> Iterator[None]:
    """Make one line of whatever Arrow raises of a file's content, be it of a Python KeyError's or OSError's kind.

    Raises:
        ValueError: instead of those. Errors of a disk or network pass.
    """
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and (error.errno or type(error) is not OSError):
            raise  # Arrow's own, of a broken file, has no number
        reason = short(" ".join(str(error).split()))
        raise BrokenParquet(f"{where} is broken or no Parquet file: {reason}") from None


def _check(schema: pa.Schema, where: str) -> None:
    _refuse_pickles(schema, where)
    if twice := next((name for name in schema.names if len(schema.get_all_field_indices(name)) > 1), None):
        raise UserError(f"{where}: there are two columns {short(twice)!r}: give each a name of its own")


def _refuse_pickles(schema: pa.Schema, where: str) -> None:
    for field in schema:
        if _pickled(field):
            raise UserError(
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
