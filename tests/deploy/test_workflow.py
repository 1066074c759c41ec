"""What a hosted run does, held against the Makefile: the same commands as by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.root import ROOT


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["jobs"])


def test_each_job_runs_its_target_and_nothing_else(jobs: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(jobs) == {"test", "lint", "docs"} and set(jobs) <= targets
    for name, job in jobs.items():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        assert [command for command in commands if not command.startswith("apt-get ")] == [f"make {name}"]


def test_tests_run_on_every_python_with_chromium(jobs: dict[str, Any]) -> None:
    job = jobs["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "${{ matrix.python }}" in job["container"]["image"]
    assert any(re.search(r"install .*\bchromium\b", step.get("run", "")) for step in job["steps"])


def test_actions_are_pinned_by_commit(jobs: dict[str, Any]) -> None:
    used = [step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []
