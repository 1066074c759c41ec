"""Exit statuses: one line of what a user can mend, a traceback of a bug."""

from __future__ import annotations

import pytest

from difffas.errors import UnreadableError, UserError
from factory.core.exits import one_line_exits


@pytest.mark.parametrize("error", [UserError("size 0: give 1 or more"), UnreadableError("broken image")])
def test_a_mistake_is_one_line(error: UserError, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, one_line_exits():
        raise error
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"difffas: error: {error}\n"


@pytest.mark.parametrize("error", [ValueError("operands could not be broadcast together"), KeyError("pixels")])
def test_a_bug_keeps_its_traceback(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(error)), one_line_exits():
        raise error
    assert capsys.readouterr().err == ""  # Python itself prints the traceback, and ends with status 1


def test_a_mistake_shows_its_traceback_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFFAS_DEBUG", "1")
    with pytest.raises(SystemExit) as caught, one_line_exits():
        raise UserError("s3://key:secret@bucket is not a folder")
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "Traceback" in said and "test_exits.py" in said
    assert said.endswith("is not a folder\n") and "secret" not in said
