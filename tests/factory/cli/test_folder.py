"""The verbs on a folder that no run wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.cli import main


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("difffas: error: ")
    assert message.count("\n") == 1
    return message


def test_what_is_asked_of_a_folder_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("status", "verify", "retry-failed"):
        assert "has no run.json: it is not a folder that difffas wrote" in fails(capsys, verb, str(tmp_path))
    given = [f"inputs.live={tmp_path}/real", f"inputs.guides={tmp_path}/real", "inputs.generator=dummy"]
    assert "is not a finished corpus" in fails(capsys, "plan", *given, f"out={tmp_path}/out")
