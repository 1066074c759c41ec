"""The user's function, asked for one shard at a time, and the table that its answers make."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import inspect
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from difffas.errors import UserError
from factory.corpus import pixels, read_shard_rows
from factory.corpus.annotations import ANNOTATIONS as ANNOTATIONS
from factory.corpus.annotations import STATION as STATION
from factory.corpus.row import Row
from factory.line.block import Result, ShardRow, result
from factory.line.faults import carry
from factory.line.walk import place_of
from factory.storage import Storage
from factory.tables import plain_parquet

SHARDS = "shards"  # folder of the parts
KEY = "key"
Function = Callable[[np.ndarray, Sequence[Mapping[str, object]]], Mapping[str, Sequence[object]]]


def found(function: str) -> Any:
    """Return what MODULE:NAME names; the folder in which the command runs is looked in as well.

    Raises:
        UserError: if the module cannot be imported, or lacks the name.
    """
    module, _, name = function.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)  # Ray's workers on this machine have the driver's path
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise UserError(f"function {function}: module {module} has no {name}") from None
    except Exception as error:  # an import runs the user's code, which raises anything
        raise UserError(f"function {function} cannot be imported: {type(error).__name__}: {error}") from None


def digest_of(function: str) -> str:
    """sha256 of the file that defines the function: with other code the side table is another one."""
    try:
        source = inspect.getsourcefile(found(function))
    except TypeError:  # of a compiled module
        source = None
    if source is None:
        raise UserError(f"function {function} has no source file: write it in Python")
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


class Task(ShardRow, total=False):
    """A shard to annotate."""

    place: str  # of its part


class AnnotateShard:
    """An actor that writes the part of one shard.

    Args:
        out: folder of the side table. corpus: folder of the corpus. function, arguments: as configured.
    """

    def __init__(self, out: str, corpus: str, function: str, arguments: Mapping[str, object]) -> None:
        self._out, self._corpus = Storage(out), Storage(corpus)
        target = found(function)
        is_class = inspect.isclass(target)
        self._function: Function = target(**arguments) if is_class else functools.partial(target, **arguments)

    def __call__(self, row: Task) -> Result:
        """Annotate a shard."""
        return result(carry(row, STATION, self._work))

    def _work(self, row: Task) -> Task:
        rows = read_shard_rows(self._corpus, row["shard"])
        table = annotated(rows, self._function)
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
        self._out.create(row["place"], buffer.getvalue())
        return {**row, "planned": len(rows)}


def annotated(rows: Sequence[Row], function: Function) -> pa.Table:
    """Return key and the function's columns for some rows.

    Raises:
        UserError: if an image cannot be read, or the answer is not a mapping of names to one value for each row.
    """
    columns = function(pixels(rows), [_facts(row) for row in rows])
    if not isinstance(columns, Mapping) or not columns:
        raise UserError(f"the function gave {type(columns).__name__}, not a mapping of column names to values")
    for name, values in columns.items():
        if not isinstance(name, str) or name == KEY:
            raise UserError(f"the function gave a column {name!r}: a column's name is text other than {KEY!r}")
        if len(values) != len(rows):
            raise UserError(f"the function gave {len(values)} values of {name!r} for {len(rows)} rows")
    try:
        return pa.table({KEY: [row.key for row in rows], **columns})
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise UserError(f"the function gave values that Arrow cannot store: {error}") from None


def _facts(row: Row) -> dict[str, object]:
    """The row without its image bytes."""
    return {field.name: getattr(row, field.name) for field in dataclasses.fields(row) if field.name != "image"}


class Joined(NamedTuple):
    """The bytes of the side table, and the kind of each of its columns."""

    data: bytes
    columns: dict[str, str]


def join(out: Storage, shards: Sequence[str]) -> Joined:
    """Join the parts of all shards, in order.

    Raises:
        UserError: if a column's kinds in two shards have none in common, such as text and a number.
    """
    schemas = [_part(out, shard).schema for shard in shards]
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise UserError(f"the function gives a column other kinds in other shards: {error}") from None
    schema = schema.remove_metadata()
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, schema, compression="zstd") as writer:
        for shard in shards:
            part = _part(out, shard)
            absent = [field for field in schema if field.name not in part.column_names]
            for field in absent:
                part = part.append_column(field, pa.nulls(len(part), field.type))
            writer.write_table(part.select(schema.names).cast(schema))
    return Joined(buffer.getvalue(), {field.name: str(field.type) for field in schema if field.name != KEY})


def _part(out: Storage, shard: str) -> pa.Table:
    place = place_of(SHARDS, shard)
    return plain_parquet.read_table(io.BytesIO(out.read(place)), out.path(place))
