"""WebDataset shards: a tar whose bytes depend only on the rows.

Each row has `<key>.<image>` and `<key>.json`; in a paired corpus also `<key>.live.<image>`, the spoof's live face.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, BinaryIO

import pyarrow as pa

from difffas.errors import UserError
from factory.core.documents import parse_json
from factory.corpus.formats.positions import check_positions
from factory.corpus.row import FACTS, SCHEMA, Row, extension_of

EXTENSION = "tar"
ROWS_PER_GROUP = 1 << 62  # a tar has no index: all of it is one group


def to_bytes(rows: list[Row], lives: Mapping[str, bytes] | None = None) -> bytes:
    """Return one USTAR file of `rows` in order; members have fixed owner, mode and time; `lives` are by key."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            facts = json.dumps(row.facts(), sort_keys=True, separators=(",", ":"), allow_nan=False)
            # Sorted by member name: webdataset and the Hub group neighbours by key.
            members = {f"{row.key}.{extension_of(row.codec)}": row.image, f"{row.key}.json": facts.encode()}
            if lives is not None:
                members[f"{row.key}.live.{extension_of(row.codec)}"] = lives[row.key]
            for name in sorted(members):
                _add(tar, name, members[name])
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # by default uid, gid and mtime are 0 and the mode is 0644
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def read(file: BinaryIO, positions: Sequence[int] | None = None) -> list[Row]:
    """Return rows at `positions` (all by default); a tar has no index, so the whole file is read.

    Raises:
        UserError: if the file is not a tar of rows.
    """
    images: dict[str, bytes] = {}
    facts: dict[str, Any] = {}
    try:
        for name, content in _contents(file):
            key, _, field = name.partition(".")
            if field == "json":
                facts[key] = parse_json(content.read(), name)
            elif "." not in field:
                images[key] = content.read()
        rows = [Row(image=images[key], **facts[key]) for key in facts]
    except (tarfile.TarError, KeyError, TypeError) as error:  # an image is missing, or facts are not a row's
        raise UserError(f"a corpus tar holds no rows: {type(error).__name__} {error}") from None
    if positions is None:
        return rows
    check_positions(positions, len(rows))
    return [rows[position] for position in positions]


def _contents(file: BinaryIO) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield names and contents of the members."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None:
                raise tarfile.ReadError(f"{member.name} is not a file")
            yield member.name, content


def read_images(file: BinaryIO, group: int) -> list[tuple[int, bytes]]:
    """Return offset in the file and bytes of every image, in the order of rows."""
    assert group == 0, "a tar has one group"
    found: dict[str, tuple[int, bytes]] = {}
    keys: list[str] = []
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            key, _, field = member.name.partition(".")
            if field == "json":
                keys.append(key)
            elif "." not in field:
                content = tar.extractfile(member)
                assert content is not None, f"{member.name} is not a file"
                found[key] = member.offset_data, content.read()
    return [found[key] for key in keys]


def read_facts(file: BinaryIO) -> pa.Table:
    """Return every column but the pixels, as an Arrow table in schema order."""
    rows = read(file)
    schema = pa.schema([SCHEMA.field(name) for name in FACTS])
    return pa.Table.from_pylist([row.facts() for row in rows], schema=schema)
