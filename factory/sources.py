"""The image files of a folder: found, named, and split by subject."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import re
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from factory.config import canonical_json

# What counts as an image file; HEIF and SVG count, so that they end as rejects and not in silence.
EXTENSIONS = "avif bmp dib gif heic heif j2k jfif jp2 jpe jpeg jpg jpx mpo pbm pgm png pnm ppm svg tif tiff webp"
IMAGE_NAME = re.compile(rf"[^/]+\.({EXTENSIONS.replace(' ', '|')})", re.IGNORECASE | re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Source:
    """One image file: its path below the source folder (`/` between components), bytes, and why it can't be read."""

    path: str
    size: int
    reject: str | None = None


def list_sources(folder: str) -> list[Source]:
    """Every image file below a local folder, sorted by path.

    Files are told by their extension; names that begin with a dot are passed over. Linked folders are entered, but no
    folder twice, and first where it really is: link loops end, and no image is listed twice by them. A link to
    nothing and what is no regular file are listed with a reject reason.

    Raises:
        ValueError: if the folder or one below it is absent or not readable, or holds no image.
    """
    if "://" in folder:
        raise ValueError(f"source {folder} must be a local folder: copy or mount it first")
    if not os.path.isdir(folder):
        raise ValueError(f"source folder {folder} does not exist")
    try:
        sources = sorted(_source(folder, path) for path in _walk(folder))
    except OSError as error:
        raise ValueError(f"source folder {error.filename or folder}: {error.strerror}; make it readable") from None
    if not sources:
        raise ValueError(f"source folder {folder} holds no image file ({EXTENSIONS})")
    return sources


def _walk(root: str) -> Iterator[str]:
    """Relative paths of image files; every folder once."""
    entered: set[tuple[int, int]] = set()
    linked = deque([""])
    while linked:
        pending = [linked.popleft()]
        while pending:
            folder = pending.pop()
            status = os.stat(os.path.join(root, folder))
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(os.path.join(root, folder)) as entries:
                found = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
            for entry in found:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    linked.append(path)
                elif IMAGE_NAME.fullmatch(entry.name):
                    yield path


def _source(root: str, path: str) -> Source:
    try:
        status = os.stat(os.path.join(root, path))
    except OSError:
        return Source(path, 0, "broken link")
    if not stat.S_ISREG(status.st_mode):  # reading a named pipe would wait for ever
        return Source(path, 0, "not a regular file")
    return Source(path, status.st_size)


def printable(path: str) -> str:
    """A path as text that any file can hold: bytes that are no UTF-8 are written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


def key_of(domain: str, path: str) -> str:
    """Row key `[a-z0-9_-]+`: the end of the path, for people, and 64 bits of a hash of domain and path.

    The domain is in the hash so that the same path in two data sets gives two keys.
    """
    readable = re.sub(r"[^a-z0-9_]+", "-", os.path.splitext(path)[0].lower())[-48:].strip("-")
    name = f"{domain}\0{path}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(name, digest_size=8).hexdigest()
    return f"{readable}-{digest}" if readable else digest


def listing_digest(sources: Iterable[Source]) -> str:
    """sha256 of the sorted paths and sizes: what the run fingerprint knows of the source folder."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(canonical_json([printable(source.path), source.size, source.reject]).encode() + b"\n")
    return digest.hexdigest()


def split_subjects(subjects: Iterable[str], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Split of every subject: ranked by a hash of (seed, name), then cut at the cumulative fractions.

    Counts are within one of their quota. A split whose quota is below one still gets a subject, if there is one for
    every split that has a fraction. A subject of the same name in two domains is one subject.
    """
    ranked = sorted(set(subjects), key=lambda name: hashlib.blake2b(f"{seed}/{name}".encode()).digest())
    splits = [name for name, fraction in fractions.items() if fraction > 0]
    assigned: dict[str, str] = {}
    cumulative, first = 0.0, 0
    for number, split in enumerate(splits):
        cumulative += fractions[split]
        last = math.floor(cumulative * len(ranked) + 0.5)
        if len(ranked) >= len(splits):
            last = min(max(last, first + 1), len(ranked) - (len(splits) - 1 - number))
        last = len(ranked) if number == len(splits) - 1 else last
        assigned |= dict.fromkeys(ranked[first:last], split)
        first = last
    return assigned
