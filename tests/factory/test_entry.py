"""A terminal that is not UTF-8: no UnicodeError, JSON stays JSON, files keep their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TERMINALS = {
    "C": {"LC_ALL": "C"},
    "C and nothing else": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "POSIX": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "ascii, strict": {"PYTHONIOENCODING": "ascii:strict", "LC_ALL": "C", "PYTHONUTF8": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "unset": {},
}
# Each test starts several processes: the others wait for `make test-slow`.
QUICK = ("C and nothing else", "ascii, strict", "latin-1", "unset")
EACH = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in TERMINALS]
SETTINGS = ("LANG", "LC_ALL", "LC_CTYPE", "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE")


def command(terminal: str, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS} | TERMINALS[terminal]
    line = [sys.executable, "-m", "factory.entry", *arguments]
    return subprocess.run(line, capture_output=True, env=environment, timeout=120)


@pytest.mark.parametrize("terminal", EACH)
def test_help(terminal: str) -> None:
    for arguments in (("--help",), ("generate", "--help"), ("play", "--help"), ("tune", "--help")):
        done = command(terminal, *arguments)
        assert (done.returncode, done.stderr) == (0, b"") and b"Usage: " in done.stdout


@pytest.mark.parametrize("terminal", EACH)
def test_an_error_is_one_line(terminal: str, tmp_path: Path) -> None:
    for name in ("Τ₀ × – ü", b"\xff\xfe"):
        given = b"classifier=" + os.fsencode(tmp_path) + b"/" + (name if isinstance(name, bytes) else name.encode())
        done = command(terminal, "evaluate", given, f"corpus={tmp_path}", f"out={tmp_path}/out")
        lines = done.stderr.splitlines()
        assert done.returncode == 2 and len(lines) == 1 and lines[0].startswith(b"difffas: error: "), done.stderr


@pytest.mark.parametrize("terminal", EACH)
def test_json_is_json_and_files_have_their_names(terminal: str, tmp_path: Path) -> None:
    folder = tmp_path / "Τ₀ × ü"
    folder.mkdir()
    claim = {
        "job": "generate",
        "fingerprint": "0" * 64,
        "identity": {},
        "config": {},
        "software": {},
        "planned": {"shards": 2, "images": 4, "styles": {}},
    }
    (folder / "run.json").write_text(json.dumps(claim), encoding="utf-8")
    done = command(terminal, "status", os.fsencode(folder))
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode("latin-1" if terminal == "latin-1" else "utf-8")
    assert json.loads(text)["progress"] == "0/2 shards · 0 images"
    (folder / "run.json").write_text("no JSON", encoding="utf-8")
    done = command(terminal, "status", os.fsencode(folder))
    assert done.returncode == 2 and b"run.json is corrupt" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_worker_s_line_is_said_in_any_encoding() -> None:
    code = "from factory.core.progress import say; say('train: T₀ 3 × 4')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, "train: T\\u2080 3 \\xd7 4\n")


def test_a_summary_is_json_on_any_stdout() -> None:
    code = "from factory.cli.folder import print_summary; print_summary({'a': 'T₀ ×', 'b': '\\udcff'})"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert json.loads(done.stdout) == {"a": "T₀ ×", "b": "\udcff"}, done.stderr
