"""Objects below one `gs://`, `az://` or `hf://` prefix, through the fsspec package of each store.

Create-only writing relies on each store's precondition: Google's `ifGenerationMatch=0`, Azure's `If-None-Match: *`.
The Hub has no precondition for single files, so `hf://` is for inputs only. The stores' clients do the retries.
`s3://` has its own module (`object_store.py`), which tells a lost answer from a lost race by the same mark as here.
"""

from __future__ import annotations

import errno
import functools
import importlib
import uuid
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, NotRequired, TypedDict, TypeVar, cast

from difffas.errors import UserError
from factory.storage.object_store import MEDIA_TYPES
from factory.storage.s3_retry import Refused

Result = TypeVar("Result")


class Kind(NamedTuple):
    """A store: its fsspec package, our extra, whether we may write to it, and its client's source of credentials."""

    package: str
    extra: str
    writes: bool
    access: str


_GOOGLE = Kind("gcsfs", "gcs", True, "GOOGLE_APPLICATION_CREDENTIALS or `gcloud auth application-default login`")
_AZURE = Kind("adlfs", "azure", True, "AZURE_STORAGE_ACCOUNT_NAME and `az login`, or AZURE_STORAGE_CONNECTION_STRING")
_HUB = Kind("huggingface_hub", "hub", False, "HF_TOKEN or `hf auth login`")
KINDS = {"gs": _GOOGLE, "gcs": _GOOGLE, "az": _AZURE, "abfs": _AZURE, "abfss": _AZURE, "hf": _HUB}
SCHEMES = "s3://, gs://, az:// or, to read, hf://"


class Stored(TypedDict):
    """What fsspec tells of an object or a folder; `type` is `file` or `directory`."""

    name: str
    type: str
    size: int
    metadata: NotRequired[dict[str, str] | None]


class CloudStore:
    """The objects below a `gs://`, `az://` or `hf://` URL; the methods are those of `Storage`.

    Credentials come from the usual places of each store's client. A method raises `Refused` if the store refuses
    access, and OSError for other faults; neither repeats the server's words, which may quote a token.

    Raises:
        UserError: if the store's package is not installed, or the URL names no bucket.
    """

    def __init__(self, url: str) -> None:
        self._scheme, _, path = url.partition("://")
        self._url = url.rstrip("/")
        self._kind = KINDS[self._scheme]
        if not path.strip("/"):
            what = "repository: give hf://datasets/OWNER/NAME" if self._kind is _HUB else "bucket or container"
            raise UserError(f"{url} names no {what}")
        try:
            importlib.import_module(self._kind.package)
        except ImportError:
            raise UserError(
                f"{url} needs {self._kind.package}: pip install 'difffas-factory[{self._kind.extra}]'"
            ) from None

    @functools.cached_property
    def filesystem(self) -> Any:
        """The fsspec file system, without a cache of listings."""
        import fsspec

        return self._try("", lambda: fsspec.filesystem(self._scheme, use_listings_cache=False))

    def __reduce__(self) -> tuple[type[CloudStore], tuple[str]]:
        return CloudStore, (self._url,)  # clients do not travel between processes

    def tried(self, call: Callable[[], Result]) -> Result:
        """Return the result of `call`; its errors are translated as in the methods."""
        return self._try("", call)

    def exists(self, name: str) -> bool:
        """Return whether an object with this name is visible."""
        try:
            return bool(self._info(name)["type"] == "file")
        except FileNotFoundError:
            return False

    def open(self, name: str) -> BinaryIO:
        """Return a seekable reader of `name` by ranged reads; raises FileNotFoundError if it is missing."""
        self._info(name)
        return cast("BinaryIO", self._try(name, lambda: self.filesystem.open(self._path(name), "rb")))

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return bytes `start` to `end` of `name`, all by default; raises FileNotFoundError if it is missing."""
        if start is not None and end is not None:
            end = min(end, int(self._info(name)["size"]))
            if start >= end:
                return b""
        return bytes(self._try(name, lambda: self.filesystem.cat_file(self._path(name), start=start, end=end)))

    def names(self, folder: str = "") -> list[str]:
        """Return the sorted names of objects directly inside `folder`, relative to it; empty if there are none."""
        place = self._path(folder) if folder else self._url
        try:
            found = self._try(folder, lambda: self._listed(place))
        except FileNotFoundError:
            return []
        names = [str(item["name"]).rpartition("/")[2] for item in found if item["type"] == "file"]
        return sorted(name for name in names if name)  # web consoles mark a folder by an empty object

    def create(self, name: str, data: bytes) -> bool:
        """Commit `data` under `name`, whole or not at all, unless the name is taken; True if this call committed it.

        After a lost answer the client tries again and then finds the name taken by its own first attempt. So every
        call marks its object with a unique word, and compares that word when the name is taken.

        Raises:
            Refused: if the store is read-only for us.
        """
        if not self._kind.writes:
            raise Refused(
                f"{self._url} can be read only: {self._scheme}:// has no way to create a file only once; write to a "
                f"local folder and send it with `difffas release`"
            )
        writer = uuid.uuid4().hex
        media = MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        try:
            self._try(name, lambda: self._put(self._path(name), data, writer, media))
        except FileExistsError:
            return (self._info(name).get("metadata") or {}).get("writer") == writer
        except FileNotFoundError:
            raise Refused(
                f"{self._path(name)}: there is no such bucket or container: create it, or check the name"
            ) from None
        return True

    def sweep_uploads(self, older_than_seconds: float) -> list[str]:
        """Do nothing: both stores drop unfinished uploads after a week and never list them."""
        return []

    def _put(self, path: str, data: bytes, writer: str, media: str) -> None:
        """Send one request with the store's precondition; raises FileExistsError if the name is taken."""
        if self._kind is _GOOGLE:
            # In one piece: the precondition of an upload in pieces would be checked before the last piece came.
            whole = {"chunksize": len(data) + 1, "metadata": {"writer": writer}, "content_type": media}
            self.filesystem.pipe_file(path, data, mode="create", **whole)
            return
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError
        from azure.storage.blob import ContentSettings
        from fsspec.asyn import sync

        async def upload() -> None:  # adlfs sets its own metadata, so this uses the client below it
            container, blob, _ = self.filesystem.split_path(path)
            settings = ContentSettings(content_type=media)
            async with self.filesystem.service_client.get_blob_client(container, blob) as client:
                try:
                    await client.upload_blob(
                        data, overwrite=False, metadata={"writer": writer}, content_settings=settings
                    )
                except (ResourceExistsError, ResourceModifiedError):
                    raise FileExistsError(path) from None

        sync(self.filesystem.loop, upload)

    def _listed(self, place: str) -> list[Stored]:
        found = self.filesystem.ls(place, detail=True)
        own = self.filesystem._strip_protocol(place)
        return [item for item in found if str(item["name"]).strip("/") != own.strip("/") or item["type"] != "file"]

    def _info(self, name: str) -> Stored:
        found: Stored = self._try(name, lambda: self.filesystem.info(self._path(name)))
        return found

    def _path(self, name: str) -> str:
        return f"{self._url}/{name}" if name else self._url

    def _try(self, name: str, call: Callable[[], Result]) -> Result:
        try:
            return call()
        except Exception as error:
            if (final := self._translate(error, self._path(name))) is None:
                raise
            raise final from None

    def _translate(self, error: Exception, path: str) -> Exception | None:
        """Return the error that the user should read instead of a client's error; None to keep that error."""
        status = _status(error)
        if isinstance(error, FileExistsError | Refused):
            return None
        if isinstance(error, FileNotFoundError) or status == 404:
            return FileNotFoundError(errno.ENOENT, "no such object", path)
        kind = f"{type(error).__name__}{f', {status}' if status else ''}"
        forbidden = isinstance(error, OSError) and str(error).startswith("Forbidden")
        if status in (401, 403) or forbidden or _means_no_credentials(error):
            return Refused(f"{path} refused access ({kind}): check {self._kind.access}, and what they permit")
        if isinstance(error, TypeError | AttributeError | AssertionError):
            return None  # a bug of ours or of the package: it must be seen
        return OSError(errno.EIO, f"{path}: the store or its client failed ({kind}), after its own retries")


def _status(error: BaseException) -> int:
    """Return the HTTP status of an answer, wherever a client keeps it; 0 if there was no answer."""
    response = getattr(error, "response", None)
    for value in (
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", 0),
    ):
        if str(value).isdigit():
            return int(str(value))
    return 0


def _means_no_credentials(error: Exception) -> bool:
    name = type(error).__name__
    return "Credential" in name or "Auth" in name or (isinstance(error, ValueError) and "account" in str(error))
