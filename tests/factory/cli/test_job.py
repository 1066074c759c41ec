"""The verb submit, before any cluster is asked."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from factory.cli import main

GIVEN = ["inputs.live=/faces", "inputs.guides=/faces", "inputs.generator=dummy"]


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("difffas: error: ") and message.count("\n") == 1
    return message


def test_mistakes_are_found_before_the_cluster_is_asked(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert "'generat' cannot be submitted: use one of" in fails(capsys, "submit", "generat")
    assert "did you mean 'policies'" in fails(capsys, "submit", "generate", *GIVEN, "out=/a", "plan.polices=[]")
    assert "out=spoofs is a relative path" in fails(capsys, "submit", "generate", *GIVEN, "out=spoofs")
    both = ["--installed", "--wheel", "a.whl"]
    assert "give one of them" in fails(capsys, "submit", "generate", *GIVEN, "out=/a", *both)
    given = ["submit", "generate", "--installed", *GIVEN, "out=/a", "--address"]
    assert f"nothing answers at {closed}" in fails(capsys, *given, closed)
    assert "is not the URL of a dashboard: give http://HOST:8265" in fails(capsys, *given, "head:8265")
    assert "is not the URL" in fails(capsys, *given, "ray://head:10001")
    assert "hunter2" not in fails(capsys, *given, "http://me:hunter2@head:8265")


@pytest.mark.parametrize("key", ["out", "inputs.live", "inputs.generator"])
def test_credentials_in_a_url_are_refused_and_not_repeated(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = fails(capsys, "generate", *GIVEN, "out=/a", f"{key}=s3://AKIA:hunter2@bucket/folder")
    assert f"config key '{key}': a URL with credentials in it" in message
    assert "hunter2" not in message and "AKIA" not in message
