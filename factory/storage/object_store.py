"""Objects below one `s3://` prefix: create-only, and robust against transient faults.

Every object is written by one PUT, never by a multipart upload: a PUT takes effect whole or not at all, and a writer
that dies leaves nothing behind. S3 accepts up to 5 GiB in a PUT; a shard is a few hundred megabytes at most.
"""

from __future__ import annotations

import functools
import io
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, TypedDict, TypeVar, cast
from urllib.parse import urlsplit

from difffas.errors import UserError
from factory.storage.s3_retry import code_of, retrying

LARGEST_OBJECT = 5 * 2**30  # bytes, the limit of S3 for one PUT
READ_BYTES = 2**20  # smallest ranged read: enough for a Parquet footer, or a few images
CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS = 10, 60
# By extension: without a media type a store serves octet-stream, and a browser saves a page instead of showing it.
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
}

Result = TypeVar("Result")


class Upload(TypedDict):
    """An unfinished multipart upload, as S3 lists it."""

    Key: str
    UploadId: str
    Initiated: datetime


class ObjectStore:
    """The objects below an `s3://bucket/prefix` URL, through s3fs.

    Credentials, region and endpoint come from the usual places of AWS clients: AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, profiles, roles. All methods retry transient errors
    (see `s3_retry`), and raise the errors of `s3_retry.retrying`.

    Raises:
        UserError: if s3fs is not installed, or the URL has no bucket or holds credentials.
    """

    def __init__(self, url: str) -> None:
        self._bucket, _, self._prefix = url.removeprefix("s3://").rstrip("/").partition("/")
        if "@" in self._bucket:
            raise UserError("an s3:// URL holds no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        if not self._bucket:
            raise UserError(f"{url} names no bucket: give s3://bucket/folder")
        try:
            _client()
        except ImportError:
            raise UserError(f"{url} needs s3fs: pip install 'difffas-factory[s3]'") from None

    def exists(self, name: str) -> bool:
        """Return whether an object with this name is visible."""
        try:
            self._call("head_object", name)
        except FileNotFoundError:
            return False
        return True

    def open(self, name: str) -> BinaryIO:
        """Return a seekable reader of `name` by ranged reads; raises FileNotFoundError if it is missing."""
        size = int(self._call("head_object", name)["ContentLength"])
        return cast("BinaryIO", io.BufferedReader(_ObjectFile(self, name, size), READ_BYTES))

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return bytes `start` to `end` of `name`, all by default; raises FileNotFoundError if it is missing."""
        location = f"{self._bucket}/{self._key(name)}"
        span = {} if start is None else {"start": start, "end": end}
        # One request: by default s3fs asks for the size first and then fetches large objects in parallel pieces.
        return bytes(self._try(name, lambda: _client().cat_file(location, max_concurrency=1, **span)))

    def names(self, folder: str = "") -> list[str]:
        """Return the sorted names of objects directly inside `folder`, relative to it; empty if there are none."""
        prefix = self._key(f"{folder}/" if folder else "")
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", folder, with_key=False, Prefix=prefix, Delimiter="/", **more)
            found += [item["Key"].removeprefix(prefix) for item in page.get("Contents", [])]
            if not page.get("IsTruncated"):
                return sorted(name for name in found if name)  # web consoles mark a folder by an empty object
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def create(self, name: str, data: bytes) -> bool:
        """Commit `data` under `name`, whole or not at all, unless the name is taken; True if this call committed it.

        The server's answer can get lost after the work is done; the next attempt then finds the name taken by this
        very call. Every call therefore marks its object with a unique word, and compares that word when the name is
        taken. Comparing contents would not help: two writers of the same shard have equal bytes.

        Raises:
            UserError: if `data` is larger than S3 accepts in one PUT.
        """
        if len(data) > LARGEST_OBJECT:
            size = f"would have {len(data)} bytes, S3 takes {LARGEST_OBJECT} in one PUT"
            raise UserError(f"{self._url(name)} {size}: write fewer rows per shard")
        writer = uuid.uuid4().hex
        request = {"Bucket": self._bucket, "Key": self._key(name), "Body": data, "Metadata": {"writer": writer}}
        request["ContentType"] = MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")

        def put() -> bool:
            try:
                _client().call_s3("put_object", **request, IfNoneMatch="*")
            except OSError as error:
                if code_of(error) not in ("PreconditionFailed", "412"):
                    raise
                return False
            return True

        return self._try(name, put) or self._call("head_object", name)["Metadata"].get("writer") == writer

    def sweep_uploads(self, older_than_seconds: float) -> list[str]:
        """Abort multipart uploads below our prefix that began longer ago; returns the names of their objects, sorted.

        We start no multipart uploads, but Arrow and Ray do, and such an upload occupies storage unseen until aborted.
        """
        latest = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        stale = [upload for upload in self._uploads() if upload["Initiated"] <= latest]
        names = [upload["Key"].removeprefix(self._key("")) for upload in stale]
        for name, upload in zip(names, stale, strict=True):
            try:
                self._call("abort_multipart_upload", name, UploadId=upload["UploadId"])
            except FileNotFoundError:
                continue  # the upload ended meanwhile, or a previous attempt aborted it and its answer got lost
        return sorted(names)

    def _uploads(self) -> Iterator[Upload]:
        more: dict[str, str] = {}
        while True:
            page = self._call("list_multipart_uploads", "", with_key=False, Prefix=self._key(""), **more)
            yield from page.get("Uploads", [])
            if not page.get("IsTruncated"):
                return
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _url(self, name: str) -> str:
        return f"s3://{self._bucket}/{self._key(name)}"

    def _call(self, method: str, name: str, with_key: bool = True, **arguments: Any) -> Any:
        if with_key:
            arguments["Key"] = self._key(name)
        return self._try(name, functools.partial(_call_client, method, Bucket=self._bucket, **arguments))

    def _try(self, name: str, call: Callable[[], Result]) -> Result:
        return retrying(self._url(name), _endpoint, call)


class _ObjectFile(io.RawIOBase):
    """Unbuffered reader of an object whose size is known: one ranged read per call."""

    def __init__(self, store: ObjectStore, name: str, size: int) -> None:
        self._store, self._name, self._size, self._position = store, name, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise UserError(f"seek to {origin + offset}, before the start of {self._name}")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        data = self._store.read(self._name, self._position, end)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        data = self._store.read(self._name, self._position, self._size) if self._position < self._size else b""
        self._position += len(data)
        return data


def _client() -> Any:
    """Return the s3fs file system of this process: s3fs caches one, and makes another after a fork."""
    import s3fs

    filesystem = s3fs.S3FileSystem(
        use_listings_cache=False,
        config_kwargs={
            "retries": {"mode": "standard", "total_max_attempts": 1},
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "read_timeout": READ_TIMEOUT_SECONDS,
            "max_pool_connections": 32,
        },
    )
    filesystem.retries = 1  # s3fs attempts once: our retries are in s3_retry
    return filesystem


def _call_client(method: str, **arguments: Any) -> Any:
    return _client().call_s3(method, **arguments)


def _endpoint() -> str:
    """Return the server's address without any user name and password before an @."""
    return urlsplit(str(_client().s3.meta.endpoint_url)).netloc.rpartition("@")[2]
