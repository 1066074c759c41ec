"""Where photographs come from: a folder of images, Parquet files or WebDataset tars, local or `s3://`.

A format is a module that lists the images of one file without loading a pixel, and reads the bytes of some of them. A
new one is one module and one line in `FORMATS`. Frames of videos and arrays come from data sets alone
(`factory.datasets`), which list them; their modules are in `READERS` only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from difffas.errors import UserError
from factory.core.config import canonical_json
from factory.sources import folder, hdf5, npz, parquet, video, webdataset
from factory.sources.files import File, Files, Source
from factory.sources.place import Place, Read

__all__ = ["FORMATS", "File", "Files", "Source", "list_sources", "listing_digest", "printable", "read_sources"]

LISTING = 16  # files listed at a time


class Reader(Protocol):
    """What reads the images of one kind of file."""

    def read(self, files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
        """Some images, in order."""


class Format(Protocol):
    """What a module of this package offers."""

    NAME: re.Pattern[str]  # of a file of this format
    WHAT: str  # such a file, for people

    def list_file(self, files: Files, file: File, columns: Mapping[str, str | None]) -> list[Source]:
        """The images of one file, in its order; `columns` names what holds a field where it isn't the field's name."""

    def read(self, files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
        """The bytes of some images, in order; a ValueError in the place of what is none."""


FORMATS: dict[str, Format] = {"folder": folder, "parquet": parquet, "webdataset": webdataset}
READERS: dict[str, Reader] = {**FORMATS, "video": video, "hdf5": hdf5, "npz": npz}


def list_sources(
    source: str, source_format: str = "auto", columns: Mapping[str, str | None] | None = None
) -> list[Source]:
    """Every image of a source, by file name and then in the file's order.

    Args:
        source: a folder, one file or a glob; local or `s3://`.
        source_format: a name of `FORMATS`, or `auto`: the first of them of which there is a file.
        columns: column name by field (and `image`), where it differs; None switches a field off.

    Raises:
        ValueError: if the source is absent or not readable or holds no image, a file is broken, or a column that
            `columns` names is in no file.
    """
    files = Files(source)
    found = files.find()
    name = _format(files, found) if source_format == "auto" else source_format
    form = FORMATS[name]
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
    """The format of the files that are there. Images beside tables win: a folder of photographs may hold a table."""
    there = [name for name, form in FORMATS.items() if any(form.NAME.fullmatch(file.name) for file in found)]
    if not there:
        wanted = ", ".join(form.WHAT for form in FORMATS.values())
        raise UserError(f"source {files.source} holds no {wanted}")
    if there == ["parquet", "webdataset"]:
        raise UserError(f"source {files.source} holds Parquet files and tars: set source_format to one of {there}")
    return there[0]


def read_sources(source: str, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
    """Some images of one source, in order, a few in memory at a time: bytes of files, pixels of frames.

    A frame that is broken is a ValueError in its place, with one of a few fixed reasons.

    Raises:
        OSError: if a file cannot be read: no fault of the image.
    """
    return READERS[places[0].format].read(Files(source), places, columns) if places else iter(())


def printable(path: str) -> str:
    """A path as text that any file can hold: bytes that are no UTF-8 are written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def listing_digest(sources: Iterable[Source]) -> str:
    """sha256 of paths, sizes, ETags and column values: what the run fingerprint knows of the source."""
    digest = hashlib.sha256()
    for source in sources:
        facts: list[object] = [printable(source.path), source.size, source.reject]
        if source.version or source.fields is not None or source.format != "folder":
            facts += [source.version, source.fields, source.group]
        digest.update(canonical_json(facts).encode("utf-8", "backslashreplace") + b"\n")
    return digest.hexdigest()
