"""The pages as a site: the navigation names each of them once, and mkdocs finds no broken link."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.root import ROOT

AROUND = ("README.md", "LIMITATIONS.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)")


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8")))


def pages(entries: list[Any]) -> Iterator[str]:
    """The files that a navigation names, in its order."""
    for entry in entries:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from pages(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_navigation_once(settings: dict[str, Any]) -> None:
    written = [page.name for page in ROOT.glob("docs/*.md")]
    around = [f"repository/{name}" for name in AROUND]
    assert sorted(pages(settings["nav"])) == sorted([*written, *around])
    assert all((ROOT / name).is_file() for name in AROUND)


def test_the_overview_names_the_pages_in_the_same_order(settings: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\* \[[^]]+\]\(([^)]+)\)", text, re.MULTILINE)
    named = [page.replace("repository/", "../") for page in pages(settings["nav"])]
    assert ["index.md", *linked] == named


def build(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """`make docs` of a checkout, into a folder."""
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed: pip install 'difffas-factory[docs]'")
    command = [sys.executable, "-m", "mkdocs", "--no-color", "build", "--strict", "--site-dir", str(folder)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_site_has_no_broken_link_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    files = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.html")}
    made = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    assert {name: LOADED.findall(text) for name, text in made.items() if LOADED.search(text)} == {}
    assert 'href="repository/SECURITY.html"' in made["cluster.html"]
    assert 'href="../auditing.html#tried-on-the-demo"' in made["repository/index.html"]
    assert (tmp_path / "demo.jpg").is_file() and 'src="../demo.jpg"' in made["repository/index.html"]
    assert 'id="strength-t₀-and-w-figs-6-7"' in made["method.html"], "as GitHub makes anchors"


def test_a_link_that_leads_nowhere_fails(tmp_path: Path) -> None:
    for pattern in ("mkdocs.yml", "*.md", "benchmarks/*.md", "factory/**/*.md", "examples/*.py"):
        for file in ROOT.glob(pattern):
            copy = tmp_path / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    broken = ("gone.md", "../gone.md", "../factory/gone.py", "speed.md#gone", "../README.md#gone", "../../gone.md")
    with (tmp_path / "docs" / "speed.md").open("a", encoding="utf-8") as page:
        page.writelines(f"\n[here]({link})\n" for link in broken)
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    warnings = [line for line in done.stderr.splitlines() if line.startswith("WARNING")]
    assert len(warnings) == len(broken), done.stderr
