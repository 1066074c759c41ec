"""Submit runs as jobs of a Ray cluster: upload code and configuration, and get back logs and an exit status.

A job's name is its verb and the fingerprint of its configuration, so that one run is not submitted twice by mistake.
Only the code and one small file, the configuration in canonical JSON, are uploaded; never data, never a secret.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from difffas.errors import UserError
from factory.cli.relative import refuse_relative_inputs
from factory.cli.stations import VERBS
from factory.cluster.jobs import connected, number_of, same_run
from factory.core.config import Config, fingerprint, load
from factory.core.progress import say
from factory.protocols.families import LISTS
from factory.run import refuse_relative
from factory.run.checkout import COMMIT, code

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

CONFIG = "config.json"
PACKAGES = ("difffas", "factory")
# Bytes of code; a cluster keeps uploads in its head's memory, and Ray accepts at most 512 MiB.
LIMIT = 64 * 2**20


@dataclass(frozen=True)
class Submitted:
    """A job, and whether it was submitted just now; if not, it had already succeeded."""

    name: str
    new: bool


def submit(
    verb: str,
    config: Config,
    address: str,
    wheel: str | None = None,
    installed: bool = False,
    again: bool = False,
) -> Submitted:
    """Submit one run to the cluster whose dashboard is at `address`.

    Args:
        verb: a verb of `VERBS`.
        config: its configuration; paths in it must be valid on the cluster's machines.
        address: `http://HOST:8265`.
        wheel: upload the code in this wheel instead of the code that runs here.
        installed: upload no code, because the cluster has this package installed.
        again: submit even if the job has already succeeded.

    Raises:
        UserError: if the same job is waiting or running, the code is larger than `LIMIT`, a path is relative, or
            the cluster does not answer or refuses the token.
    """
    if isinstance(out := getattr(config, "out", None), str):
        refuse_relative(out)
    refuse_relative_inputs(config)
    first = job_name(verb, config)
    with _upload(config, wheel, installed) as environment, connected(address) as client:
        name, new = _attempt(client, first, address, again)
        if not new:
            return Submitted(name, new=False)
        try:
            client.submit_job(
                entrypoint=f"python -m factory.entry {verb} --config {CONFIG}",
                submission_id=name,
                runtime_env=environment,
                metadata={"verb": verb, "out": str(out)},
            )
        except RuntimeError:  # another process may have submitted it meanwhile; Ray answers with a traceback
            _attempt(client, first, address, again)
            raise
    return Submitted(name, new=True)


def load_config(verb: str, path: str | None, overrides: list[str]) -> Config:
    """The configuration of a verb, read here so that a mistake is found before anything is uploaded.

    Raises:
        UserError: if the verb is unknown, and as `config.load` does.
    """
    if verb not in VERBS:
        raise UserError(f"{verb!r} cannot be submitted: use one of {', '.join(sorted(VERBS))}")
    module, model = VERBS[verb]
    config: Config = load(getattr(importlib.import_module(module), model), path, overrides)
    return config


def job_name(verb: str, config: Config) -> str:
    """The submission ID of a run's first attempt; it does not depend on the resources."""
    return f"{verb}-{fingerprint(_decisive(config.model_dump(mode='json')))[:16]}"


def _decisive(value: Any) -> Any:
    """Settings without resources, and with the shares of the splits as a list, since their order cuts people."""
    if not isinstance(value, dict):
        return value
    return {
        name: list(item.items()) if name == "split" and isinstance(item, dict) else _decisive(item)
        for name, item in value.items()
        if name != "resources"
    }


def _attempt(client: JobSubmissionClient, first: str, address: str, again: bool) -> tuple[str, bool]:
    """(ID to submit under, True); or (ID of the attempt that succeeded, False), unless `again`."""
    latest = _latest(client, first)
    if latest is None:
        return first, True
    name, status = str(latest.submission_id), latest.status
    if not status.is_terminal():
        raise UserError(
            f"{name} is {status.value.lower()} there already: see it by `difffas job logs {name} --follow --address "
            f"{address}`, end it by `difffas job stop {name} --address {address}`"
        )
    if status.value == "SUCCEEDED" and not again:
        return name, False
    return f"{first}-{number_of(name, first) + 1}", True


def _latest(client: JobSubmissionClient, first: str) -> JobDetails | None:
    attempts = [job for job in client.list_jobs() if same_run(job.submission_id or "", first)]
    return max(attempts, key=lambda job: number_of(job.submission_id, first), default=None)


class RuntimeEnvironment(TypedDict):
    """What a job needs on its cluster, in Ray's terms: folders to upload, and environment variables."""

    working_dir: str
    env_vars: NotRequired[dict[str, str]]
    py_modules: NotRequired[list[str]]


@contextlib.contextmanager
def _upload(config: Config, wheel: str | None, installed: bool) -> Iterator[RuntimeEnvironment]:
    """The runtime environment of a job; its local folders exist as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="difffas-submit-") as name:
        folder = Path(name)
        job = folder / "job"
        job.mkdir()
        given = json.dumps(config.model_dump(mode="json"), allow_nan=False)  # unsorted: the splits' order cuts people
        (job / CONFIG).write_text(given, encoding="utf-8")
        environment: RuntimeEnvironment = {"working_dir": str(job)}
        variables = {}
        if lists := os.environ.get(LISTS):  # like all paths, it must be valid on the cluster
            variables[LISTS] = lists
        if not (wheel or installed) and (commit := code().get("commit")):  # the repository itself is not uploaded
            variables[COMMIT] = commit
        if variables:
            environment["env_vars"] = variables
        if not installed:
            packages = _unpacked(Path(wheel), folder / "wheel") if wheel else _running_code()
            size = check_size(packages)
            say(f"submit: {size / 1e6:.1f} MB of code, {(job / CONFIG).stat().st_size:,} bytes of configuration")
            environment["py_modules"] = [str(package) for package in packages]
        yield environment


def _running_code() -> list[Path]:
    return [Path(str(importlib.import_module(name).__file__)).parent for name in PACKAGES]


def _unpacked(wheel: Path, folder: Path) -> list[Path]:
    """The packages in a wheel. Ray itself would install it with pip, together with PyTorch and all dependencies."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if sum(entry.file_size for entry in archive.infolist()) <= LIMIT:
                archive.extractall(folder)
            else:
                raise UserError(f"{wheel} unpacks to more than {LIMIT // 2**20} MiB: it should hold code only")
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"wheel {wheel} cannot be read: {error}") from None
    missing = [name for name in PACKAGES if not (folder / name / "__init__.py").is_file()]
    if missing:
        raise UserError(f"wheel {wheel} has no package {missing[0]}: build it from this project")
    return [folder / name for name in PACKAGES]


def check_size(folders: list[Path], limit: int = LIMIT) -> int:
    """Bytes of all files in these folders, without compiled Python.

    Raises:
        UserError: if the size exceeds the limit, naming the largest file.
    """
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    sizes = {file: file.stat().st_size for file in files if "__pycache__" not in file.parts}
    if (total := sum(sizes.values())) > limit:
        largest = max(sizes, key=lambda file: sizes[file])
        raise UserError(
            f"the code to upload has {total / 1e6:.0f} MB, {limit / 1e6:.0f} are allowed; the largest file is "
            f"{largest} ({sizes[largest] / 1e6:.0f} MB): data stays where the cluster reads it, or use --installed"
        )
    return total
