"""A hub on the loopback: what `huggingface_hub` asks of one, for tests of what comes from there."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
from safetensors.torch import save
from torch import nn

from tests.ports import free_port

RESOLVE = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/([\w.-]+)/(.+)")
API = re.compile(r"/api/models/([\w.-]+/[\w.-]+)(?:/(revision|tree)/([\w.-]+))?(?:\?.*)?")


class Hub:
    """Repositories by name, each a mapping of file names to bytes; it has one commit, which follows from them."""

    def __init__(self, endpoint: str, cache: Path) -> None:
        self.endpoint, self.cache = endpoint, cache
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []

    def commit(self, repository: str) -> str:
        files = self.repositories[repository]
        parts = [f"{name}:{hashlib.sha256(data).hexdigest()}" for name, data in sorted(files.items())]
        return hashlib.sha1("\n".join(parts).encode()).hexdigest()

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer."""
        if found := RESOLVE.fullmatch(path):
            repository, revision, name = found.groups()
        elif found := API.fullmatch(path):
            repository, revision, name = found[1], found[3] or "main", ""
        else:
            return 404, {}, b""
        if repository not in self.repositories:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        files, commit = self.repositories[repository], self.commit(repository)
        if revision not in ("main", commit):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        if not name:
            return 200, {"Content-Type": "application/json"}, json.dumps(self._about(repository, found[2])).encode()
        if name not in files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit}, b""
        etag = hashlib.sha256(files[name]).hexdigest()
        return 200, {"X-Repo-Commit": commit, "ETag": f'"{etag}"'}, files[name]

    def _about(self, repository: str, kind: str | None) -> object:
        files = self.repositories[repository]
        if kind == "tree":
            return [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in files.items()
            ]
        siblings = [{"rfilename": name} for name in files]
        return {"id": repository, "sha": self.commit(repository), "siblings": siblings, "private": False, "tags": []}


@contextlib.contextmanager
def served(cache: Path) -> Iterator[Hub]:
    """A hub while the block runs."""
    port = free_port()
    hub = Hub(f"http://127.0.0.1:{port}", cache)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._send(body=True)

        def do_HEAD(self) -> None:
            self._send(body=False)

        def _send(self, body: bool) -> None:
            hub.asked.append(f"{self.command} {self.path}")
            status, headers, data = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str, cache: Path) -> None:
    """Let this process ask a hub, and keep its answers in a cache; `huggingface_hub` reads the environment once."""
    from huggingface_hub import constants
    from huggingface_hub.hf_api import api

    monkeypatch.setattr(api, "endpoint", endpoint)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    address = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))


def weights_of(network: nn.Module) -> bytes:
    """A network's weights as a safetensors file."""
    return save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})


def published(hub: Hub, name: str) -> nn.Module:
    """Put a network with random weights on the hub under the name of timm's weights; returns the network."""
    network: nn.Module = timm.create_model(name)
    hub.repositories[f"timm/{name}"] = {"model.safetensors": weights_of(network), "README.md": b"card"}
    return network
