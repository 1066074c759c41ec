"""Parquet files with an image column, in Hugging Face's form or plain: planned by columns, read by row groups."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as kinds

from difffas.errors import UserError
from factory.core.documents import parse_json
from factory.sources.files import File, Files, Source
from factory.sources.values import chosen_columns, text_of
from factory.tables import plain_parquet

if TYPE_CHECKING:
    from factory.sources.place import Place

NAME = re.compile(r".+\.(parquet|pq)", re.IGNORECASE | re.DOTALL)
WHAT = "Parquet file (.parquet, .pq)"
ROWS_AT_ONCE = 32  # encoded images in memory: a row group may hold a whole data set
BYTES_AT_ONCE = 1 << 28  # unpacked bytes of these images, as the file states them
ROWS_PER_BYTE = 8  # at most: a footer that claims more would fill the memory with rows that do not exist
BUFFER = 1 << 22  # bytes to read ahead

_BYTES = (kinds.is_binary, kinds.is_large_binary, kinds.is_fixed_size_binary, kinds.is_binary_view)
_TEXT = (kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_null)
_NUMBER = (kinds.is_integer, kinds.is_floating, kinds.is_boolean)


def list_file(files: Files, file: File, columns: Mapping[str, str | None]) -> list[Source]:
    """Return one source per row, read from the small columns only.

    The path is `<file>/<row>`, followed by the `path` of a struct image if present. Values of a Hugging Face
    `ClassLabel` become the names that the schema's metadata gives them.

    Raises:
        UserError: if the file is not Parquet, lacks the image column or one that `columns` names, or a column holds
            neither text nor numbers.
    """
    if file.reject:
        raise UserError(f"{files.source}: {file.name} cannot be read, {file.reject}")
    with (
        plain_parquet.one_line(file.name),
        files.open(file.name) as stream,
        plain_parquet.open_file(stream, file.name, pre_buffer=True) as parquet,
    ):
        return _sources(file, parquet, columns)


def _sources(file: File, parquet: pq.ParquetFile, columns: Mapping[str, str | None]) -> list[Source]:
    schema, count = parquet.schema_arrow, parquet.metadata.num_rows
    groups = [parquet.metadata.row_group(group).num_rows for group in range(parquet.metadata.num_row_groups)]
    if min(groups, default=0) < 0 or sum(groups) != count or count > ROWS_PER_BYTE * file.size:
        raise UserError(
            f"{file.name} is broken: its footer gives {count} rows, which its row groups or its size contradict"
        )
    image, in_struct = _image_column(file.name, schema, columns)
    chosen = chosen_columns(file.name, schema.names, columns)
    named = in_struct and schema.field(image).type.get_field_index("path") >= 0
    table = parquet.read(columns=[*chosen.values(), *([f"{image}.path"] if named else [])])
    classes = _class_names(file.name, schema)
    values = {field: _values(file.name, table, column, classes.get(column)) for field, column in chosen.items()}
    paths: list[str | None] = pc.struct_field(table[image], "path").to_pylist() if named else [None] * count
    version = f"{file.size}-{file.version}"
    sources: list[Source] = []
    for group, rows in enumerate(groups):
        for at in range(len(sources), len(sources) + rows):
            path = "/".join((file.name, str(at), *(part for part in (paths[at] or "").split("/") if part)))
            fields = {field: value for field, known in values.items() if (value := known[at]) is not None}
            sources.append(Source(path, 0, None, version, fields, "parquet", file.name, group, at))
    return sources


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[bytes]:
    """Yield the image bytes of rows, in order; neighbours in one row group are read together.

    A cell without bytes gives empty bytes.
    """
    for (name, group), run in itertools.groupby(places, key=lambda place: (place.file, place.group)):
        with (
            files.open(name) as stream,
            plain_parquet.open_file(stream, name, buffer_size=BUFFER, pre_buffer=False) as parquet,
        ):
            try:
                yield from _read_group(parquet, name, group, [place.at for place in run], columns)
            except (pa.ArrowException, OSError) as error:  # Arrow does not name the file
                raise OSError(f"{name}, row group {group}: {' '.join(str(error).split())}") from error


def _read_group(
    parquet: pq.ParquetFile, name: str, group: int, rows: list[int], columns: Mapping[str, str | None]
) -> Iterator[bytes]:
    """Yield images of ascending rows of one group; rows between them are skipped, rows after the last not read."""
    if group >= parquet.metadata.num_row_groups:
        raise OSError("the row group no longer exists: the file changed since it was listed")
    image, in_struct = _image_column(name, parquet.schema_arrow, columns)
    column = f"{image}.bytes" if in_struct else image
    first = sum(parquet.metadata.row_group(before).num_rows for before in range(group))
    wanted = iter(rows)
    row = next(wanted)
    for batch in parquet.iter_batches(_rows_at_once(parquet, group, column), row_groups=[group], columns=[column]):
        while row < first + len(batch):
            cell = batch.column(0)[row - first].as_py()
            yield (cell["bytes"] if in_struct and cell else cell) or b""
            if (row := next(wanted, -1)) < 0:
                return
        first += len(batch)
    raise OSError(f"row {row} no longer exists: the file changed since it was listed")


def _rows_at_once(parquet: pq.ParquetFile, group: int, column: str) -> int:
    """Return how many rows of a group may be unpacked together: fewer if they are large, one if any may be huge."""
    facts = parquet.metadata.row_group(group)
    chunks = (facts.column(place) for place in range(facts.num_columns))
    size = next((int(chunk.total_uncompressed_size) for chunk in chunks if chunk.path_in_schema == column), 0)
    return max(1, min(ROWS_AT_ONCE, BYTES_AT_ONCE * int(facts.num_rows) // max(size, 1)))


def _image_column(where: str, schema: pa.Schema, columns: Mapping[str, str | None]) -> tuple[str, bool]:
    """Return the name of the image column, and whether it is a struct with `bytes`."""
    name = columns.get("image") or "image"
    if name not in schema.names:
        if {"key", "style", "shard"} <= set(schema.names):
            raise UserError(
                f"{where} is the index of a corpus: its images are in its folder data, so add /data to source"
            )
        raise UserError(f"{where} has no image column {name!r}, only {', '.join(schema.names)}: set columns.image")
    kind = schema.field(name).type
    in_struct = kinds.is_struct(kind) and kind.get_field_index("bytes") >= 0
    if not any(is_kind(kind.field("bytes").type if in_struct else kind) for is_kind in _BYTES):
        raise UserError(f"{where}: column {name!r} is {kind}, not encoded images: binary, or a struct with bytes")
    return name, in_struct


def _class_names(where: str, schema: pa.Schema) -> dict[str, list[str]]:
    """Return the class names of every `ClassLabel` column, in the order of the schema's `huggingface` metadata."""
    text = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = parse_json(text, where).get("info", {}).get("features", {})
        found = {name: feature for name, feature in features.items() if isinstance(feature, dict)}
        return {
            name: [str(value) for value in feature["names"]]
            for name, feature in found.items()
            if feature.get("_type") == "ClassLabel"
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        raise UserError(f"{where}: the schema's `huggingface` metadata cannot be read; mend or drop them") from None


def _values(where: str, table: pa.Table, name: str, classes: list[str] | None) -> list[str | None]:
    """Return a column as text; equal cells share one object."""
    kind = table[name].type
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    if not any(is_kind(kind) for is_kind in _TEXT + _NUMBER):
        raise UserError(f"{where}: column {name!r} is {kind}, neither text nor numbers")
    cells = table[name].cast(pa.string()) if kinds.is_string_view(kind) else table[name]
    encoded = cells.combine_chunks().dictionary_encode()
    texts = [text_of(value) for value in encoded.dictionary.to_pylist()]
    if classes is not None and kinds.is_integer(kind):
        texts = [_class_name(where, name, classes, int(text)) if text else None for text in texts]
    return [None if code is None else texts[code] for code in encoded.indices.to_pylist()]


def _class_name(where: str, column: str, classes: list[str], code: int) -> str | None:
    if code == -1:  # how `datasets` writes an image without a class
        return None
    if not 0 <= code < len(classes):
        raise UserError(f"{where}: column {column!r} holds class {code}, its metadata name {len(classes)} classes")
    return classes[code]
