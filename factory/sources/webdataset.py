"""WebDataset tars: planned by headers and small members, read by byte ranges."""

from __future__ import annotations

import dataclasses
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

from difffas.errors import UserError
from factory.core.documents import JsonObject, parse_json
from factory.sources.files import File, Files, Source
from factory.sources.folder import EXTENSIONS
from factory.sources.values import chosen_columns, text_of

if TYPE_CHECKING:
    from factory.sources.place import Place

NAME = re.compile(r".+\.tar", re.IGNORECASE | re.DOTALL)
WHAT = "WebDataset tar (.tar, not compressed)"
MAX_JSON = 1 << 20  # bytes; a larger member cannot be the description of one image
IMAGES = frozenset(EXTENSIONS.split())


@dataclasses.dataclass(slots=True)
class _Sample:
    """The members that share one key."""

    image: tuple[str, int, int] | None = None  # name, size, offset of the bytes
    facts: JsonObject = dataclasses.field(default_factory=dict)
    reject: str | None = None


def list_file(files: Files, file: File, columns: Mapping[str, str | None]) -> list[Source]:
    """Return one source per sample, in the order of their first members; a sample without an image is a reject.

    Members of one sample share their path up to the first dot of the last component; other members are skipped.
    Nothing is ever extracted, so a name may be absolute or hold `..`. An image that is a link, or occurs twice under
    one name, is a reject.
    `.json` holds the fields, `.cls` the label if the JSON has none. The path is `<file>/<member>`.

    Raises:
        UserError: if the file is not a tar or is cut off, a sample has images under two names, no sample has an image,
            or no sample has a column that `columns` names.
    """
    if file.reject:
        raise UserError(f"{files.source}: {file.name} cannot be read, {file.reject}")
    try:
        with files.open(file.name) as stream:
            samples = _samples(stream, file, columns.get("image"))
    except tarfile.TarError as error:
        raise UserError(f"{file.name} is broken or not a tar file (compressed ones have no ranges): {error}") from None
    if samples and not any(sample.image for sample in samples.values()):
        example = next(iter(samples))
        raise UserError(f"{file.name}: no sample has an image, such as {example!r}: set columns.image=EXTENSION")
    present = {name for sample in samples.values() for name in sample.facts}
    chosen = chosen_columns(file.name, present, columns)
    if "label" not in chosen and "label" not in columns and "cls" in present:
        chosen["label"] = "cls"
    return [_source(file, key, sample, chosen) for key, sample in samples.items()]


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[bytes]:
    """Yield the bytes of image members, in order; nothing else of the tars is read."""
    return files.ahead(lambda place: files.read(place.file, place.at, place.size), places)


def _samples(stream: BinaryIO, file: File, field: str | None) -> dict[str, _Sample]:
    """Return samples by key; only the headers of images are read."""
    wanted = {field.lower()} if field else IMAGES
    samples: dict[str, _Sample] = {}
    for member in _members(stream, file.size):
        name = member.name.removeprefix("./")
        folder, slash, last = name.rpartition("/")
        stem, _, extension = last.partition(".")
        extension = extension.lower()
        hidden = any(part.startswith(".") and part not in (".", "..") for part in folder.split("/"))
        if member.isdir() or not stem or hidden:
            continue
        if extension in wanted:
            sample = samples.setdefault(folder + slash + stem, _Sample())
            if sample.image and sample.image[0] != name:
                names = f"{sample.image[0]!r} and {name!r}"
                raise UserError(f"{file.name}: {names} are of one sample: set columns.image=EXTENSION")
            if sample.image:  # tar prefers the later one, which a reader of one range can't know
                sample.reject = "two members of one name"
            elif not member.isreg() or member.issparse():  # the bytes lie elsewhere, or in several pieces
                sample.reject = "not a regular file"
            sample.image = (name, member.size, member.offset_data)
        elif extension in ("json", "cls") and member.isreg():
            _describe(samples.setdefault(folder + slash + stem, _Sample()), extension, stream, member)
    return samples


def _members(stream: BinaryIO, size: int) -> Iterator[tarfile.TarInfo]:
    """Yield every member of a tar of `size` bytes once.

    Raises:
        tarfile.TarError: if the file is broken or cut off, or has a false header, which tarfile would read forever or
            into all of the memory.
    """
    last = -1
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # otherwise it keeps every header
                if not last < tar.offset <= size:  # the place of the next header
                    raise tarfile.ReadError(f"the size of {member.name!r} goes beyond the file")
                last = tar.offset
                yield member
            stream.seek(tar.offset)
            if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):  # tarfile takes a broken header for the end of the file
                raise tarfile.ReadError(f"no header at byte {tar.offset}")
    except (ValueError, OverflowError, MemoryError) as error:
        raise tarfile.ReadError(f"no header after byte {max(last, 0)}: {error or type(error).__name__}") from None


def _describe(sample: _Sample, extension: str, stream: BinaryIO, member: tarfile.TarInfo) -> None:
    """Note the content of a `.json` or `.cls` member; an unreadable member makes the sample a reject."""
    try:
        if member.size > MAX_JSON:
            raise UserError("no description of one image is so long")
        stream.seek(member.offset_data)
        facts = parse_json(stream.read(member.size), member.name)
        sample.facts = {"cls": int(facts), **sample.facts} if extension == "cls" else sample.facts | facts
    except (ValueError, TypeError, OverflowError):
        sample.reject = f"broken {extension}"


def _source(file: File, key: str, sample: _Sample, chosen: Mapping[str, str]) -> Source:
    fields, reject = {}, sample.reject
    for field, column in chosen.items():
        try:
            value = text_of(sample.facts.get(column))
        except ValueError:
            reject = reject or f"{field} is neither text nor a number"
            continue
        if value is not None:
            fields[field] = value
    name, size, offset = sample.image or (key, 0, 0)
    reject = reject if sample.image else "no image in the sample"
    path = f"{file.name}/{name}"
    return Source(path, size, reject, file.version, fields, "webdataset", file.name, -1, offset)
