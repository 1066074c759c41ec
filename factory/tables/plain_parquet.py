"""Opens Parquet files as plain data: the only way in which this project reads them.

A Parquet file may declare that a column has an extension type, and importing `ray.data` registers one whose cells are
pickles. Reading such a cell, with `to_pylist` or otherwise, would run code of the file's author.
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
    """Open the file with `pyarrow.parquet.ParquetFile` and these options.

    Raises:
        pyarrow.ArrowInvalid: if the file is broken or not Parquet.
        UserError: if it has two columns with the same name, or a column of pickled objects. Both name `where`.
    """
    with one_line(where):
        parquet = pq.ParquetFile(file, **options)
        _check(parquet.schema_arrow, where)
    return parquet


def column_names(file: Any, where: str) -> list[str]:
    """The names of the table's columns; raises as `open_file`."""
    with one_line(where):
        schema = pq.read_schema(file)
        _check(schema, where)
    return list(schema.names)


def read_table(file: Any, where: str, **options: Any) -> pa.Table:
    """Read the table with `pyarrow.parquet.read_table` and these options.

    Raises:
        pyarrow.ArrowInvalid, UserError: as `open_file`, whichever columns are requested.
    """
    with one_line(where):
        _check(pq.read_schema(file), where)
        return pq.read_table(file, **options)


class BrokenParquet(UserError):
    """A Parquet file of which some bytes are wrong: where it was whole, a store or a network spoilt them."""


@contextlib.contextmanager
def one_line(where: str) -> Iterator[None]:
    """Turn every error that Arrow raises about a file's content into one line, even a KeyError or OSError.

    Raises:
        pyarrow.ArrowInvalid: in place of those errors. Errors of a disk or network pass through unchanged.
    """
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and (error.errno or type(error) is not OSError):
            raise  # a disk's or network's: Arrow's own OSError for a broken file has no number
        reason = short(" ".join(str(error).split()))
        raise BrokenParquet(f"{where} is broken or not a Parquet file: {reason}") from None


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
    """Return whether a column, or a type nested in it, has that extension type, registered or not."""
    kind = field.type
    if (field.metadata or {}).get(b"ARROW:extension:name") == PICKLED.encode():
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return kind.extension_name == PICKLED or _pickled(pa.field("", kind.storage_type))
    if kinds.is_dictionary(kind):
        return _pickled(pa.field("", kind.value_type))
    return any(_pickled(kind.field(place)) for place in range(kind.num_fields))
