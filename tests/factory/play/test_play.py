"""Uploads go when the playground is ended."""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from difffas.errors import UserError
from factory import play
from factory.play.playground import PlayConfig


def test_uploads_go_when_the_playground_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio alone would leave every face in a folder that all users of the machine may read."""
    folders: list[Path] = []

    def serve(config: PlayConfig) -> dict[str, Any]:
        folders.append(Path(os.environ["GRADIO_TEMP_DIR"]))
        (folders[0] / "face.png").write_bytes(b"a face")
        assert folders[0].stat().st_mode & 0o077 == 0
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        return {}

    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(play, "_serve", serve)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(KeyboardInterrupt):
            play.run(PlayConfig())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert folders and not folders[0].exists()


def test_an_address_where_nothing_can_listen_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    play.check_address("127.0.0.1", 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"^port={port} is in use: give another, or port=0"):
            play.run(PlayConfig(port=port))
    for host in ("192.0.2.1", "no.such.host.invalid", "two..dots", "::g"):
        with pytest.raises(UserError, match=f"^host={host} is not an address of this machine") as caught:
            play.check_address(host, 7860)
        assert "\n" not in str(caught.value)

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    with pytest.raises(UserError, match="^port=80 may not be used by this user: give one above 1023"):
        play.check_address("127.0.0.1", 80)
