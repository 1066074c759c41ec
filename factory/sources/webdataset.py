"""WebDataset tars: planned by headers and small members, read by byte ranges."""

from __future__ import annotations

import dataclasses
import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from factory.sources.files import File, Files, Source
from factory.sources.folder import EXTENSIONS
from factory.sources.values import chosen_columns, text_of

if TYPE_CHECKING:
    from factory.sources import Place

NAME = re.compile(r".+\.tar", re.IGNORECASE | re.DOTALL)
WHAT = "WebDataset tar (.tar, not compressed)"
MAX_JSON = 1 << 20  # bytes; what is larger is no description of one image
IMAGES = frozenset(EXTENSIONS.split())


@dataclasses.dataclass(slots=True)
class _Sample:
    """The members of one key."""

    image: tuple[str, int, int] | None = None  # name, size, offset of the bytes
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    reject: str | None = None


def list_file(files: Files, file: File, columns: Mapping[str, str | None]) -> list[Source]:
    """One source per sample, in the order of their first members; one without an image is a reject.

    Members of one sample share their path up to the first dot of its last component; other members are passed over.
    `.json` holds the fields, `.cls` the label where the JSON has none. The path is `<file>/<member>`.

    Raises:
        ValueError: if the file is no tar or cut off, a sample has two images, none has one, or none has a column that
            `columns` names.
    """
    if file.reject:
        raise ValueError(f"{files.source}: {file.name} is a {file.reject}")
    try:
        with files.open(file.name) as stream:
            samples = _samples(stream, file, columns.get("image"))
    except tarfile.TarError as error:
        raise ValueError(f"{file.name} is broken or no tar file (compressed ones have no ranges): {error}") from None
    if samples and not any(sample.image for sample in samples.values()):
        example = next(iter(samples))
        raise ValueError(f"{file.name}: no sample has an image, such as {example!r}: set columns.image=EXTENSION")
    present = {name for sample in samples.values() for name in sample.facts}
    chosen = chosen_columns(file.name, present, columns)
    if "label" not in chosen and "label" not in columns and "cls" in present:
        chosen["label"] = "cls"
    return [_source(file, key, sample, chosen) for key, sample in samples.items()]


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[bytes]:
    """The bytes of image members, in order; nothing else of the tars is read."""
    return files.ahead(lambda place: files.read(place.file, place.at, place.size), places)


def _samples(stream: BinaryIO, file: File, field: str | None) -> dict[str, _Sample]:
    """Samples by key; of images only the header is read."""
    wanted = {field.lower()} if field else IMAGES
    samples: dict[str, _Sample] = {}
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # else it keeps every header
            name = member.name.removeprefix("./")
            folder, slash, last = name.rpartition("/")
            stem, _, extension = last.partition(".")
            extension = extension.lower()
            if not (member.isreg() and stem) or any(part.startswith(".") for part in folder.split("/")):
                continue
            if extension in wanted:
                sample = samples.setdefault(folder + slash + stem, _Sample())
                if sample.image:
                    names = f"{sample.image[0]!r} and {name!r}"
                    raise ValueError(f"{file.name}: {names} are of one sample: set columns.image=EXTENSION")
                sample.image = (name, member.size, member.offset_data)
            elif extension in ("json", "cls"):
                _describe(samples.setdefault(folder + slash + stem, _Sample()), extension, tar, member)
        stream.seek(tar.offset)
        if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):  # tarfile takes a broken header for the end
            raise tarfile.ReadError(f"no header at byte {tar.offset}")
    return samples


def _describe(sample: _Sample, extension: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    """Note what a `.json` or `.cls` member says; what cannot be read makes the sample a reject."""
    reader = tar.extractfile(member)
    assert reader is not None, "regular members have content"
    try:
        if member.size > MAX_JSON:
            raise ValueError("no description of one image is so long")
        facts = json.loads(reader.read())
        sample.facts = {"cls": int(facts), **sample.facts} if extension == "cls" else sample.facts | facts
    except (ValueError, TypeError, RecursionError):
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
