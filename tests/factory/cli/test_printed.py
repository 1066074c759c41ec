"""Results for people and for machines."""

from __future__ import annotations

import json
from typing import Annotated

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from factory.cli import main
from factory.cli.printed import as_lines, print_summary, printing

SUMMARY = {
    "written": 12345,
    "seconds": 1.23456,
    "rate": 123456.7,
    "closed": True,
    "missing": None,
    "styles": {"cam-print": 3, "cam_2-mask": 40},
    "events": [{"event": "started", "todo": 3}],
    "names": ["a", "b"],
    "none": {},
    "curve": [[1, 2.0]],
    "digests": {"run.json": "0" * 64},
}


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    app = typer.Typer()

    @app.command()
    @printing
    def show(number: Annotated[int, typer.Argument()] = 0) -> None:
        print_summary({**SUMMARY, "number": number})

    with pytest.raises(SystemExit) as caught:
        app(list(arguments))
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_a_pipe_gets_json_and_a_terminal_gets_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.loads(printed(capsys, "7"))
    assert found == {**{name: value for name, value in SUMMARY.items() if name != "curve"}, "number": 7}
    assert found == json.loads(printed(capsys, "7", "--json"))
    lines = printed(capsys, "7", "--no-json")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert printed(capsys, "7") == lines
    assert json.loads(printed(capsys, "7", "--json")) == found


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--no-json") == (
        "written  12,345\n"
        "seconds  1.235\n"
        "rate     123,457\n"
        "closed   yes\n"
        "names    a, b\n"
        "number   0\n"
        "styles\n"
        "  cam-print   3\n"
        "  cam_2-mask  40\n"
        "events\n"
        "  event  started\n"
        "  todo   3\n"
    )


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=10
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_any_summary_can_be_shown(summary: dict[str, object]) -> None:
    assert isinstance(as_lines(summary), str)


def test_every_verb_that_prints_figures_takes_json(capsys: pytest.CaptureFixture[str]) -> None:
    main_help = []
    for verb in ("generate", "plan", "status", "fit-style", "evaluate", "prepare", "ablate"):
        with pytest.raises(SystemExit):
            main([verb, "--help"])
        main_help.append("--json / --no-json" in capsys.readouterr().out)
    assert all(main_help)


def test_names_stay_as_they_are_written() -> None:
    """A style is copied from the lines into a setting; keys are words."""
    lines = as_lines({"images_per_second": 2.0, "styles": {"world__cctv-make_up": 3, "cam-print": 1}}).splitlines()
    assert lines == ["images per second  2", "styles", "  world__cctv-make_up  3", "  cam-print            1"]


def test_the_moment_of_an_event_is_a_date() -> None:
    assert as_lines({"events": [{"time": 1796098330.4, "event": "started"}]}).splitlines()[1:] == [
        "  time   2026-12-01 04:12:10 UTC",
        "  event  started",
    ]
    assert as_lines({"time": float("inf")}) == "time  inf"
