"""A folder, local or `s3://`, in which nothing is ever overwritten.

fsspec does the listing and reading because it is the one library that all our formats and users share; creating is
ours, because publishing create-only is what makes a shard exist exactly once.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast


class Storage:
    """A folder by path or URL; names inside it are relative and use `/`.

    Raises:
        ValueError: on an `s3://` URL without s3fs installed, or a scheme that is neither local nor S3.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/") or "/"
        self.local = "://" not in self.url
        if self.local:
            self.url = os.path.abspath(self.url)
        self._filesystem = _filesystem(self.url)

    def __repr__(self) -> str:
        return f"Storage({self.url!r})"

    def path(self, name: str) -> str:
        """Full path or URL of `name`."""
        return f"{self.url}/{name}"

    def exists(self, name: str) -> bool:
        """Whether an object of this name is visible."""
        return bool(self._filesystem.exists(self.path(name)))

    def open(self, name: str) -> BinaryIO:
        """A seekable reader of `name`; raises FileNotFoundError."""
        return cast(BinaryIO, self._filesystem.open(self.path(name), "rb"))

    def read(self, name: str) -> bytes:
        """All bytes of `name`; raises FileNotFoundError."""
        return bytes(self._filesystem.cat_file(self.path(name)))

    def names(self, folder: str = "") -> list[str]:
        """Sorted names of the files directly inside `folder`, relative to it; empty where there is no folder."""
        root = self.path(folder) if folder else self.url
        try:
            listing = self._filesystem.ls(root, detail=True, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(str(item["name"]).rsplit("/", 1)[-1] for item in listing if item["type"] == "file")

    def create(self, name: str, data: bytes) -> bool:
        """Publish `data` under `name` unless something is there; whole or not at all. True if we published it."""
        if self.local:
            return _create_local(Path(self.path(name)), data)
        return _create_object(self._filesystem, self.path(name), data)


def _filesystem(url: str) -> Any:
    import fsspec

    scheme = url.partition("://")[0] if "://" in url else "file"
    if scheme not in ("file", "s3"):
        raise ValueError(f"{url}: scheme {scheme}:// is not supported; give a local path or an s3:// URL")
    try:
        return fsspec.filesystem(scheme, **({} if scheme == "file" else {"use_listings_cache": False}))
    except ImportError:
        raise ValueError(f"{url} needs s3fs: pip install 'difffas-factory[s3]'") from None


def _create_local(path: Path, data: bytes) -> bool:
    """Temporary file in the same folder, fsync, hard link: the link fails if the name is taken, and is atomic."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-", suffix=path.suffix)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        _sync_folder(path.parent)
        return True
    finally:
        os.unlink(temporary)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _create_object(filesystem: Any, path: str, data: bytes) -> bool:
    """One PUT (or one completed multipart upload) with `If-None-Match: *`."""
    try:
        filesystem.pipe_file(path, data, mode="create")
    except OSError as error:
        if _s3_code(error) == "PreconditionFailed":
            return False
        raise
    return True


def _s3_code(error: OSError) -> str | None:
    """The S3 error code behind what s3fs raises; it turns most of them into a bare OSError."""
    response = getattr(error.__cause__, "response", {})
    code: str | None = response.get("Error", {}).get("Code")
    return code
