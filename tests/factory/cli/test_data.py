"""Settings and options of the verbs that make a corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.factory.cli.test_cli import fails


def test_settings_of_prepare_need_no_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the source in the file, or before them."""
    given = [f"source={tmp_path}/none", f"out={tmp_path}/out", "license=CC0-1.0", "crop=none"]
    assert "none" in fails(capsys, "prepare", *given)
    assert "did you mean 'crop'" in fails(capsys, "prepare", f"{tmp_path}/none", "crob=none")


def test_names_that_commas_separate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nonsense" in fails(capsys, "world", "--out", f"{tmp_path}/out", "--attacks", "print, nonsense")


def test_a_function_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = fails(capsys, "annotate", str(tmp_path), "--with", "no colon", "--out", f"{tmp_path}/out")
    assert "config key 'function'" in line
