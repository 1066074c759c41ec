"""An output folder: claimed by `run.json` first, closed by `summary.json` last, both create-only.

A folder belongs to one fingerprint. The same command, run again, finds its own claim and continues where it stopped;
another command is refused.
"""

from __future__ import annotations

import errno
import functools
import importlib.metadata
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast, overload

import difffas
from difffas.errors import UserError
from factory.core.config import Config, canonical_json, fingerprint
from factory.core.documents import JsonObject, JsonValue, parse_json
from factory.run.checkout import code
from factory.run.claim import CLAIM as CLAIM
from factory.run.claim import Claim as Claim
from factory.run.claim import Planned as Planned
from factory.run.claim import read_claim as read_claim
from factory.run.claim import read_planned as read_planned
from factory.run.reading import checked, read_json
from factory.run.seal import SEAL, digests
from factory.storage import Storage, embedded

if TYPE_CHECKING:
    from factory.cluster.capacity import Need

SUMMARY = "summary.json"
UNWRITABLE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS)  # ENOENT: of /proc, where no folder can be made
SUMMARY_MEND = "delete it and run the command again"
UPLOADED = "RAY_JOB_CONFIG_JSON_ENV_VAR"  # variable in which Ray describes a submitted job
# The figures in a summary: a station defines them as a TypedDict.
SummaryT = TypeVar("SummaryT", bound=Mapping[str, object])
SOFTWARE = ("torch", "diffusers", "timm", "numpy", "pillow", "pyarrow", "ray")


class Run:
    """A claimed output folder.

    Args:
        out: the folder, local or `s3://`.
        station: the verb that fills it, such as `generate`.
        identity: everything that decides the result, in JSON: content digests of the inputs and the settings that
            matter; never paths, resources or logging.
        config: the whole configuration, kept in `run.json` for people and for `retry-failed`.
        planned: for a station that makes shards: how many `shards` and `images` it plans.
        needs: processes that the cluster must have room for; checked before the folder is claimed, unless the run is
            finished.

    Raises:
        UserError: if the folder belongs to another fingerprint, or lies in a job's upload, which ends with the job.
    """

    def __init__(
        self,
        out: str,
        station: str,
        identity: Mapping[str, object],
        config: Config,
        planned: Planned | None = None,
        needs: Sequence[Need] = (),
    ) -> None:
        if "working_dir" in parse_json(os.environ.get(UPLOADED, "{}"), UPLOADED).get("runtime_env", {}):
            refuse_relative(out)
        if station.startswith("fit-") or station in ("tune", "ablate", "benchmark"):
            refuse_training_in(out)
        refuse_read_only(out)
        self.storage = Storage(out)
        self.fingerprint = run_fingerprint(station, identity)
        claim: Claim = {
            "job": station,
            "fingerprint": self.fingerprint,
            "identity": cast(JsonObject, identity),
            "config": config.model_dump(mode="json"),
            "software": software(),
            "code": code(),
        }
        if planned is not None:
            claim["planned"] = planned
        if needs and not self.storage.exists(SUMMARY):
            from factory.cluster.capacity import check

            check(station, needs)
        try:
            created = self.storage.create(CLAIM, _pretty(claim))
        except OSError as error:
            if self.storage.folder is None or error.errno not in UNWRITABLE:
                raise
            why = f"{error.strerror}: out={self.storage.url} cannot be written: give a folder that this user can write"
            raise type(error)(error.errno, why) from None
        if not created:
            _refuse_foreign(self.storage, station, self.fingerprint)

    @overload
    def summary(self) -> JsonObject | None: ...
    @overload
    def summary(self, kind: type[SummaryT]) -> SummaryT | None: ...
    def summary(self, kind: type[Mapping[str, object]] | None = None) -> Mapping[str, object] | None:
        """Return the closing figures, of the type `kind`, if the run is finished, else None."""
        return read_summary(self.storage) if kind is None else read_summary(self.storage, kind)

    def finish(self, summary: SummaryT) -> SummaryT:
        """Close the run with its figures and digests of its files, and return the figures that the folder holds.

        A second finisher adopts the first one's figures.
        """
        plain = json.loads(canonical_json(summary))
        self.storage.create(SUMMARY, _pretty({**plain, SEAL: digests(self.storage, plain)}))
        return cast(SummaryT, read_summary(self.storage) or {})


def refuse_training_in(out: str) -> None:
    """Raise UserError if Ray cannot keep a training's state in this folder; disks and S3 are possible."""
    scheme, found, _ = out.partition("://")
    if found and scheme != "s3":
        raise UserError(
            f"out={out}: Ray keeps a training's state in a local folder or on s3://, not on {scheme}://: "
            f"give one of those"
        )


def refuse_read_only(out: str) -> None:
    """Raise UserError if the folder is embedded, or on the Hub, where create-only writing is impossible."""
    if embedded.is_embedded(out):
        embedded.path_of(out)  # a name that does not exist is refused as such
        raise UserError(f"out={out} ships with this software and can only be read: write to another folder")
    if out.startswith("hf://"):
        raise UserError(
            f"out={out}: hf:// can be read only, it has no way to create a file only once: write to another folder "
            f"and send it with `difffas release`"
        )


def refuse_relative(out: str) -> None:
    """Raise UserError if a submitted job's output would lie in its upload, of which every node has its own copy."""
    if "://" not in out and not Path(out).is_absolute():
        raise UserError(
            f"out={out} is a relative path: on the cluster it is in the job's folder, which is deleted with the job; "
            f"give s3://… or an absolute path that every node sees"
        )


def run_fingerprint(station: str, identity: Mapping[str, object]) -> str:
    """Return the fingerprint of a run, made from its verb and everything that decides its result."""
    return fingerprint({"job": station, **identity})


@overload
def read_summary(storage: Storage) -> JsonObject | None: ...
@overload
def read_summary(storage: Storage, kind: type[SummaryT]) -> SummaryT | None: ...
def read_summary(storage: Storage, kind: type[Mapping[str, object]] | None = None) -> Mapping[str, object] | None:
    """Return the figures in the `summary.json` of a folder, or None while its run is unfinished.

    Raises:
        UserError: if the file holds anything but a JSON object, or one of another form than the TypedDict `kind`.
    """
    figures = read_sealed(storage)[0]
    return figures if figures is None or kind is None else checked_figures(storage, figures, kind)


def checked_figures(storage: Storage, figures: JsonObject, kind: type[SummaryT], name: str = SUMMARY) -> SummaryT:
    """Return the figures that the file `name` of a folder holds as the TypedDict `kind`.

    Raises:
        UserError: if a key is missing or its value has another form.
    """
    return checked(figures, kind, storage.path(name), SUMMARY_MEND)


def read_sealed(storage: Storage) -> tuple[JsonObject | None, JsonValue]:
    """Return the figures of a run, None while it is unfinished, and its digests, None in older folders."""
    try:
        found = read_json(storage, SUMMARY, SUMMARY_MEND)
    except FileNotFoundError:
        return None, None
    return {name: value for name, value in found.items() if name != SEAL}, found.get(SEAL)


def software() -> dict[str, str]:
    """Return the versions of the packages that decide the bytes, for records."""
    installed = {name: version for name in SOFTWARE if (version := _installed(name)) is not None}
    return {"difffas-factory": difffas.__version__, **installed}  # an editable install may have old metadata


@functools.cache  # every shard's record asks again, and reading the metadata takes milliseconds
def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _refuse_foreign(storage: Storage, station: str, mine: str) -> None:
    claim = read_claim(storage)
    if claim["fingerprint"] != mine:
        raise UserError(
            f"{storage.url} belongs to another run ({claim['job']} {claim['fingerprint'][:12]}, this is "
            f"{station} {mine[:12]}): give another out folder, or the inputs and settings in its run.json"
        )


def _pretty(value: Claim | JsonObject) -> bytes:
    plain: JsonValue = json.loads(json.dumps(value, allow_nan=False))
    return (json.dumps(_sorted(plain), indent=2, ensure_ascii=False) + "\n").encode()


def _sorted(value: JsonValue, name: str = "") -> JsonValue:
    """Sort the keys, except the shares of the splits: people are cut in their order, so `config` can be run again."""
    if isinstance(value, dict):
        return {key: _sorted(value[key], key) for key in (value if name == "split" else sorted(value))}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
