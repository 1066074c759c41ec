"""A folder, local, in an object store (`s3://`, `gs://`, `az://`) or embedded, in which nothing is overwritten."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from difffas.errors import UserError
from factory.core.credentials import held, hide
from factory.core.regular import NotRegular, open_regular
from factory.storage import embedded
from factory.storage.cloud_store import KINDS, SCHEMES, CloudStore
from factory.storage.exclusive import UNFINISHED, commit, make_readable, remove_if_empty, sync_folder
from factory.storage.names import checked, inside
from factory.storage.object_store import ObjectStore


class Storage:
    """A folder given by path or URL; names inside it are relative and use `/`.

    On S3 every method survives transient faults, see `object_store.ObjectStore`. Every method that takes a name raises
    UserError if the name leads out of the folder, see `names`.

    Attributes:
        url: the absolute path or the URL; an embedded folder keeps its name, which every machine resolves by itself.
        folder: path on this machine; None in an object store.

    Raises:
        UserError: if the URL has an unknown scheme or names no embedded folder, or the package of its store is not
            installed.
    """

    def __init__(self, url: str) -> None:
        if held(url):
            raise UserError(
                f"{hide(url)}: a URL holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role"
            )
        self.url = url.rstrip("/") if "://" in url else os.path.abspath(url)
        self.folder: str | None = None
        self._files: LocalFolder | ObjectStore | CloudStore
        if embedded.is_embedded(url):
            self.folder = embedded.path_of(url)
            self._files = EmbeddedFolder(self.url, Path(self.folder))
        elif "://" in url:
            self._files = store_of(url)
        else:
            self.folder = self.url
            self._files = LocalFolder(Path(self.folder))

    def __reduce__(self) -> tuple[type[Storage], tuple[str]]:
        return Storage, (self.url,)  # on another machine, an embedded folder has another path

    def __repr__(self) -> str:
        return f"Storage({self.url!r})"

    def path(self, name: str) -> str:
        """Return the full path or URL of `name`."""
        return f"{self.url}/{self._checked(name)}"

    def exists(self, name: str) -> bool:
        """Return whether an object with this name is visible."""
        return self._files.exists(self._checked(name))

    def open(self, name: str) -> BinaryIO:
        """Return a seekable reader of `name`; raises FileNotFoundError if it is missing."""
        return self._files.open(self._checked(name))

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return bytes `start` to `end` of `name`, all by default; raises FileNotFoundError if it is missing."""
        return self._files.read(self._checked(name), start, end)

    def names(self, folder: str = "") -> list[str]:
        """Return the sorted names of files directly inside `folder`, relative to it; empty if there is no folder."""
        return self._files.names(self._checked(folder) if folder else "")

    def create(self, name: str, data: bytes) -> bool:
        """Commit `data` under `name`, whole or not at all, unless the name is taken.

        Returns True if this call committed the data, False if another call did so before. If the call raises, the
        object may exist nevertheless; the next call tells.
        """
        return self._files.create(self._checked(name), data)

    def sweep_uploads(self, older_than_seconds: float) -> list[str]:
        """Remove unfinished files that killed writers left at least that long ago; returns their sorted names.

        These are temporary files on a disk and incomplete multipart uploads on S3. They are never read or listed, but
        take space. An age above the time that writing one file takes spares active writers.
        """
        return self._files.sweep_uploads(older_than_seconds)

    def _checked(self, name: str) -> str:
        return checked(name, self.url)


class LocalFolder:
    """The files of one folder; the methods are those of `Storage`.

    A folder, a pipe or a device in the place of a file raises UserError, without waiting.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def exists(self, name: str) -> bool:
        """Return whether a file with this name is visible."""
        return inside(self._root, name).is_file()

    def open(self, name: str) -> BinaryIO:
        """Open the file; raises UserError for a pipe or the like, which the folder's sender may have put there."""
        path = inside(self._root, name)
        with _kinds_told(path):
            return open_regular(str(path))

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return bytes `start` to `end` of the file, all by default."""
        with self.open(name) as file:
            if start is None or end is None:
                return file.read()
            file.seek(start)
            return file.read(end - start)

    def names(self, folder: str) -> list[str]:
        """Return the sorted names in `folder` without unfinished files, which killed writers leave behind."""
        path = inside(self._root, folder)
        try:
            with _kinds_told(path), os.scandir(path) as entries:
                return sorted(e.name for e in entries if e.is_file() and not e.name.startswith(UNFINISHED))
        except FileNotFoundError:
            return []

    def create(self, name: str, data: bytes) -> bool:
        """Write and fsync a temporary file in the same folder; `exclusive.commit` names it if the name is free."""
        path = inside(self._root, name)
        if path.exists():
            return False
        with _kinds_told(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED, suffix=path.suffix)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                make_readable(descriptor)
                os.fsync(file.fileno())
            if not commit(temporary, path):
                return False
            sync_folder(path.parent)
            return True
        finally:
            Path(temporary).unlink(missing_ok=True)

    def sweep_uploads(self, older_than_seconds: float) -> list[str]:
        """Remove unfinished files of that age in all folders below, and the claims that held them."""
        latest = time.time() - older_than_seconds
        found = [(path, _changed(path)) for path in self._root.rglob(f"{UNFINISHED}*")]
        old = [path for path, changed in found if changed <= latest]
        stale = [path for path in old if path.is_file()]
        for path in stale:
            path.unlink(missing_ok=True)
        for path in old:
            if path.is_dir():
                remove_if_empty(path)
        return sorted(str(path.relative_to(self._root).as_posix()) for path in stale)


class EmbeddedFolder(LocalFolder):
    """A folder of the package, which can only be read."""

    def __init__(self, url: str, root: Path) -> None:
        super().__init__(root)
        self._url = url

    def create(self, name: str, data: bytes) -> bool:
        """Raise UserError."""
        raise UserError(f"{self._url} ships with this software and can only be read: write to another folder")

    def sweep_uploads(self, older_than_seconds: float) -> list[str]:
        """Do nothing: nobody writes here."""
        return []


@contextlib.contextmanager
def _kinds_told(path: Path) -> Iterator[None]:
    """Turn errors which say that a file or folder is of another kind into UserError: no retry mends those."""
    try:
        yield
    except NotRegular as error:
        raise UserError(f"{path} is {error}: bring it back from a copy") from None
    except (NotADirectoryError, FileExistsError):
        raise UserError(f"{path} is not a folder: a file has its name, or that of a folder above it") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(f"{path} is a link that leads to itself: put the file itself there") from None
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{str(path)[:200]}… is too long for the name of a file") from None
        raise


def store_of(url: str) -> ObjectStore | CloudStore:
    """Return the store that a URL names; raises UserError if the scheme is unknown or its package not installed."""
    scheme = url.partition("://")[0]
    if scheme == "s3":
        return ObjectStore(url)
    if scheme in KINDS:
        return CloudStore(url)
    raise UserError(
        f"{url}: scheme {scheme}:// is not supported; give a local path, or a URL with {SCHEMES} or {embedded.SCHEME}"
    )


def _changed(path: Path) -> float:
    """Return the time of a file's last change; infinity if the file has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
