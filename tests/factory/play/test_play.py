"""Uploads go when the playground is ended."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

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
