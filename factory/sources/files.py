"""Finds the files of a source (a folder, one file or a glob, local or `s3://`) and reads them in ranges."""

from __future__ import annotations

import dataclasses
import errno
import glob
import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, NotRequired, TypedDict, TypeVar, cast

from difffas.errors import UserError
from factory.core.regular import NOT_REGULAR, TooLarge, is_made_up, is_regular, open_regular
from factory.storage import embedded, store_of
from factory.storage.cloud_store import CloudStore
from factory.storage.object_store import ObjectStore
from factory.storage.s3_retry import retrying

CONTAINER = re.compile(r".+\.(parquet|pq|tar)", re.IGNORECASE | re.DOTALL)
BLOCK = 1 << 14  # smallest S3 request in bytes when planning: a tar header with the JSON before it
IN_FLIGHT = 8  # simultaneous requests to S3 per task
MAX_WHOLE = 1 << 30  # most bytes of a file that is read whole without a listing that states its size

Item = TypeVar("Item")
Result = TypeVar("Result")


class Listed(TypedDict):
    """What fsspec tells of an object; the stores name the mark of its content differently."""

    type: str
    size: int
    ETag: NotRequired[str]
    etag: NotRequired[str]
    md5Hash: NotRequired[str]
    blob_id: NotRequired[str]


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """One file: its name below the root (`/` between components), bytes, S3's ETag, and why it can't be read."""

    name: str
    size: int
    version: str = ""
    reject: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One image, before anything of it is read.

    `path` is unique below the source; in a Parquet file or tar the row or member follows the file's name. `size` is in
    bytes, 0 if only reading tells it. `fields` are the values of columns, by the name of the row's field. The bytes
    lie in `file` (default: `path`) at the row, byte or frame `at`, for Parquet in row group `group`; a video's `group`
    is 0, so that its frames stay together. `turn` is the number of degrees counter-clockwise that turn a video upright
    if its container does not state them. `boxes` is the file in which a data set gives the place of the face.
    """

    path: str
    size: int
    reject: str | None = None
    version: str = ""
    fields: Mapping[str, str] | None = None
    format: str = "folder"
    file: str = ""
    group: int = -1
    at: int = 0
    turn: int = 0
    boxes: str = ""


class Files:
    """The files that `source` names.

    Attributes:
        root: the folder or URL that names are relative to: the source itself, a file's folder, or the part of a glob
            before its first wildcard.

    Raises:
        UserError: if a local source is missing, the scheme is unknown, or the package of the store is not installed.
    """

    def __init__(self, source: str) -> None:
        self.source = source.rstrip("/") or "/"  # as people know it
        place = embedded.path_of(source) if embedded.is_embedded(source) else self.source
        self._place = place
        local = "://" not in place
        folder, _, name = place.rpartition("/")
        if local and os.path.isdir(place):
            self.root, self._what = place, "folder"
        elif re.search(r"[*?[]", place):
            self.root, self._what = re.split(r"/?[^/]*[*?[]", place, maxsplit=1)[0], "glob"
        elif local or CONTAINER.fullmatch(name):
            self.root, self._what = folder, "file"
            if local and not os.path.lexists(place):
                raise UserError(f"source {self.source} does not exist")
        else:
            self.root, self._what = place, "folder"
        if not self.root:
            self.root = "/" if place.startswith("/") else "."
        self._store = None if local else _store_of(self.root)

    @property
    def named(self) -> bool:
        """Return whether the user named files, by path or glob, rather than a folder."""
        return self._what != "folder"

    def find(self) -> list[File]:
        """Return all files, sorted by name; names that begin with a dot are skipped.

        Linked folders are followed, but every folder is entered once, first at its real place: link loops end, and
        links list no file twice. Broken links and anything but regular files are listed with a reject reason.

        Raises:
            UserError: if a folder cannot be listed.
        """
        try:
            return sorted(self._find() if self._store is None else self._find_objects(), key=lambda file: file.name)
        except OSError as error:
            place, reason = error.filename or self.source, error.strerror or " ".join(str(error).split())
            raise UserError(f"source {place} cannot be listed: {reason}; make it readable") from None

    def open(self, name: str) -> BinaryIO:
        """Return a seekable reader; from S3 it fetches little more than the requested bytes.

        Raises:
            NotRegular: an UnreadableError, if the name is not, or no longer, a regular file.
        """
        if self._store is None:
            return open_regular(self._path(name))
        if isinstance(self._store, CloudStore):
            return self._store.open(name)
        reader = cast(io.BufferedReader, self._store.open(name))
        return io.BufferedReader(reader.detach(), BLOCK)

    def whole(self, name: str) -> BinaryIO:
        """Return a seekable reader of a file that will be read to its end: S3 sends the file in one request."""
        return self.open(name) if self._store is None else io.BytesIO(self.read(name))

    def read(self, name: str, start: int = 0, size: int | None = None, most: int = MAX_WHOLE) -> bytes:
        """Return `size` bytes from `start`, or the whole file, which may have at most `most` bytes.

        Raises:
            NotRegular: as `open`.
            TooLarge: an UnreadableError, if the whole file has more bytes, also if it grew since it was listed.
            OSError: if the file cannot be read or is shorter than requested.
        """
        if size == 0:  # S3 has no empty range
            return b""
        if self._store is not None:  # a range of an empty object is an error: whole objects take no range
            data = self._store.read(name, start if size else None, start + size if size else None)
        else:
            with open_regular(self._path(name)) as file:
                file.seek(start)
                data = file.read(most + 1 if size is None else size)
        if size is not None and len(data) < size:
            raise OSError(f"{self._path(name)} is shorter than when it was listed")
        if size is None and len(data) > most:
            raise TooLarge
        return data

    def ahead(self, read: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield `read` of every item, in order; a few at a time from S3, where waiting costs more than the bytes."""
        if self._store is None:
            yield from map(read, items)
            return
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            waiting: deque[Any] = deque()
            for item in items:
                waiting.append(pool.submit(read, item))
                if len(waiting) >= IN_FLIGHT:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name)

    def _find(self) -> Iterator[File]:
        if self._what == "folder":
            names: Iterable[str] = _walk(self.root)
        elif self._what == "glob":
            found = (os.path.relpath(path, self.root) for path in glob.iglob(self._place, recursive=True))
            names = (name for name in found if not os.path.isdir(self._path(name)))
        else:
            names = [os.path.basename(self._place)]
        for name in names:
            yield self._stat(name)

    def _stat(self, name: str) -> File:
        try:
            status = os.stat(self._path(name))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
                raise
            return File(name, 0, reject="broken link")
        if not is_regular(status):  # reading a named pipe would block forever, and the kernel's log for minutes
            return File(name, 0, reject=NOT_REGULAR)
        return File(name, status.st_size)

    def _find_objects(self) -> Iterator[File]:
        def listing() -> dict[str, Listed]:
            remote = _filesystem(self._store)
            found: dict[str, Listed]
            found = (remote.glob if self._what == "glob" else remote.find)(self.source, detail=True)
            return found

        prefix = self.root.partition("://")[2] + "/"
        for path, facts in _retried(self.source, self._store, listing).items():
            name = path.removeprefix(prefix)
            hidden = any(part.startswith(".") for part in name.split("/"))
            if facts["type"] == "file" and not hidden and not name.endswith("/"):  # consoles mark folders this way
                version = facts.get("ETag") or facts.get("etag") or facts.get("md5Hash") or facts.get("blob_id") or ""
                yield File(name, int(facts["size"]), str(version).strip('"'))


def _store_of(url: str) -> ObjectStore | CloudStore:
    try:
        return store_of(url)
    except UserError as error:
        raise UserError(f"source {error}") from None


def _filesystem(store: ObjectStore | CloudStore | None) -> Any:
    import fsspec

    return store.filesystem if isinstance(store, CloudStore) else fsspec.filesystem("s3", use_listings_cache=False)


def _retried(source: str, store: ObjectStore | CloudStore | None, listing: Callable[[], Result]) -> Result:
    return store.tried(listing) if isinstance(store, CloudStore) else retrying(source, lambda: "S3", listing)


def _walk(root: str) -> Iterator[str]:
    """Yield relative paths of all files; every folder is entered once, pseudo file systems of the kernel never."""
    entered: set[tuple[int, int]] = set()
    linked = deque([""])
    while linked:
        pending = [linked.popleft()]
        while pending:
            folder = pending.pop()
            status = os.stat(os.path.join(root, folder))
            if (status.st_dev, status.st_ino) in entered or (folder and is_made_up(status)):
                continue  # in /proc every process links to the whole disk
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(os.path.join(root, folder)) as entries:
                found = sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: entry.name)
            for entry in found:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    linked.append(path)
                else:
                    yield path
