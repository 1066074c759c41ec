"""Where photographs come from: a folder of images, Parquet files or WebDataset tars, local or `s3://`.

A container is a file that holds images. Its module lists the images of one file without loading a pixel, and reads the
bytes of some of them. A new kind of container takes one module and one line in `CONTAINERS`. Only data sets
(`factory.datasets`) list frames of videos and arrays; the modules that read those are in `READERS` only.
"""

from __future__ import annotations

import hashlib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from difffas.errors import UserError
from factory.core.config import canonical_json
from factory.sources import folder, hdf5, npz, parquet, video, webdataset
from factory.sources.files import File, Files, Source
from factory.sources.place import Place, Read

__all__ = ["CONTAINERS", "File", "Files", "Source", "list_sources", "listing_digest", "printable", "read_sources"]

LISTING = 16  # files listed at a time


class Reader(typing.Protocol):
    """A module that reads the images of one kind of file."""

    def read(self, files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
        """Yield the images at these places, in order."""


class Container(typing.Protocol):
    """The interface of the module of one kind of container in this package."""

    NAME: re.Pattern[str]  # matches names of files of this kind
    WHAT: str  # describes such a file to people

    def list_file(self, files: Files, file: File, columns: Mapping[str, str | None]) -> list[Source]:
        """Return the images of one file, in its order; `columns` maps fields to columns whose names differ."""

    def read(self, files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
        """Yield the bytes of the images at these places, in order; an UnreadableError for anything but an image."""


CONTAINERS: dict[str, Container] = {"folder": folder, "parquet": parquet, "webdataset": webdataset}
READERS: dict[str, Reader] = {**CONTAINERS, "video": video, "hdf5": hdf5, "npz": npz}


def list_sources(
    source: str, source_format: str = "auto", columns: Mapping[str, str | None] | None = None
) -> list[Source]:
    """Return every image of a source, by file name and then in the file's order.

    Args:
        source: a folder, one file or a glob; local or `s3://`.
        source_format: a name in `CONTAINERS`, or `auto`: the first format of which there is a file.
        columns: column name by field (and `image`) if the names differ; None switches a field off.

    Raises:
        UserError: if the source is absent, unreadable or without images, a file is broken, or no file has a column
            that `columns` names.
    """
    files = Files(source)
    found = files.find()
    name = _format(files, found) if source_format == "auto" else source_format
    form = CONTAINERS[name]
    chosen = found if files.named and source_format != "auto" else [f for f in found if form.NAME.fullmatch(f.name)]
    if not chosen:
        raise UserError(f"source {files.source} holds no {form.WHAT}")
    with ThreadPoolExecutor(LISTING) as pool:
        listing = map if name == "folder" else pool.map
        sources = [
            item for part in listing(lambda file: form.list_file(files, file, columns or {}), chosen) for item in part
        ]
    if not sources:
        raise UserError(f"source {files.source} has {len(chosen)} files but no image in them")
    return sources


def _format(files: Files, found: list[File]) -> str:
    """Return the format of the files found. Images win over tables: a folder of photographs may hold a table."""
    there = [name for name, form in CONTAINERS.items() if any(form.NAME.fullmatch(file.name) for file in found)]
    if not there:
        wanted = ", ".join(form.WHAT for form in CONTAINERS.values())
        raise UserError(f"source {files.source} holds no {wanted}")
    if there == ["parquet", "webdataset"]:
        raise UserError(f"source {files.source} holds Parquet files and tars: set source_format to one of {there}")
    return there[0]


def read_sources(source: str, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
    """Yield the images of one source at these places, in order: bytes of files, pixels of frames.

    Only a few are in memory at a time. A broken frame gives an UnreadableError in its place, with one of a few fixed
    reasons.

    Raises:
        OSError: if a file cannot be read, which is not a fault of the image.
    """
    return READERS[places[0].format].read(Files(source), places, columns) if places else iter(())


def printable(path: str) -> str:
    """Return a path as text that any file can hold: bytes that are not UTF-8 are written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def listing_digest(sources: Iterable[Source]) -> str:
    """Return the sha256 of paths, sizes, ETags and column values, which stands for the source in the fingerprint."""
    digest = hashlib.sha256()
    for source in sources:
        facts: list[object] = [printable(source.path), source.size, source.reject]
        if source.version or source.fields is not None or source.format != "folder":
            facts += [source.version, source.fields, source.group]
        digest.update(canonical_json(facts).encode("utf-8", "backslashreplace") + b"\n")
    return digest.hexdigest()
