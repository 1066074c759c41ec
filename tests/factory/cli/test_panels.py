"""The help: every verb in one panel, whole sentences, and what an unknown option means."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer.main

from factory.cli import app, main
from factory.cli.panels import PANELS
from factory.core.exits import STATUSES


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_every_verb_is_in_one_panel() -> None:
    names = {name for name, command in typer.main.get_command(app).commands.items() if not command.hidden}  # type: ignore[attr-defined]
    placed = [verb for verbs in PANELS.values() for verb in verbs]
    assert sorted(placed) == sorted(names)


def test_help_has_panels_in_order_whole_sentences_and_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "--help")
    places = [text.index(f"\n{panel}:\n") for panel in PANELS]
    assert places == sorted(places)
    assert "\nCommands:\n" not in text and "..." not in text.replace("[ARGS]...", "").replace("COMMAND...", "")
    statuses = text[text.index("\nExit statuses:\n") :]
    for status, meaning in STATUSES.items():
        assert re.search(rf"^  {re.escape(str(status))} +{meaning.split()[0]}", statuses, re.MULTILINE)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "--version") == f"difffas {version('difffas-factory')}\n"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (("plan", "--samples", "3"), "plan.samples=3"),
        (("plan", "--samples"), "plan.samples=VALUE"),
        (("generate", "--codec", "png"), "output.codec=png"),
        (("generate", "--config", "x", "--t0", "[100, 200]"), "sampler.t0='[100, 200]'"),
        (("generate", "--compile", "--out", "x"), "resources.compile=VALUE"),
        (("fit-style", "--out", "x"), "out=x"),
        (("fit-style", "--out=x"), "out=x"),
        (("fit-classifier", "--learning-rate", "1"), "train.learning_rate=1"),
        (("strength", "--t0", "1"), "t0=1"),
        (("submit", "generate", "--samples", "3"), "plan.samples=3"),
        (("submit", "--no-wait", "fit-style", "--steps=5"), "train.steps=5"),
    ],
)
def test_an_option_that_is_a_setting(given: tuple[str, ...], written: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, *given)
    key = written.partition("=")[0].rpartition(".")[2]
    option = "--" + key.replace("_", "-")
    assert line == f"difffas: error: {option} is no option of {given[0]}: it is a setting, written {written}\n"


def test_a_setting_in_several_sections_names_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert "written sampler.steps=3" in refused(capsys, "generate", "--steps", "3")
    assert re.search(r"written \S*seed=3 or \S*seed=3", refused(capsys, "tune", "--seed", "3"))


def test_an_option_that_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such option: --nothing" in refused(capsys, "generate", "--nothing")


def test_a_shell_gets_its_completion() -> None:
    """Bash asks the command itself for what may follow `difffas fit-`."""
    asked = {"_DIFFFAS_COMPLETE": "complete_bash", "COMP_WORDS": "difffas fit-", "COMP_CWORD": "1"}
    code = (
        f"import os, sys; os.environ.update({asked!r}); sys.argv = ['difffas']; from factory.entry import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert {"fit-style", "fit-generator"} <= set(done.stdout.split())
