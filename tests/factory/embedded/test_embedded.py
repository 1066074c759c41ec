"""The people that ship with the software: all there, whole, balanced, free, and in the package that is installed."""

from __future__ import annotations

import shutil
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ray._private.ray_constants import get_runtime_env_default_excludes
from ray._private.runtime_env.packaging import create_package

from factory import prepare, report
from factory.core.config import build, canonical_json, load
from factory.corpus import Corpus
from factory.corpus.verify import verify
from factory.embedded import PEOPLE_DIGEST, smaller
from factory.run import read_claim
from factory.storage import Storage
from factory.storage.embedded import FOLDERS, PEOPLE
from factory.world import WorldConfig, identity
from tests.root import ROOT

CAMERAS, ATTACKS = ("phone", "tablet", "webcam", "cctv"), ("print", "replay", "rigid_mask", "partial", "make_up")
MEBIBYTES = 13


@pytest.fixture(scope="module")
def people() -> Corpus:
    return Corpus(PEOPLE)


def test_every_person_is_there_live_and_under_every_attack_before_every_camera(people: Corpus) -> None:
    assert len(people) == 120 * 4 * 6
    assert len(set(people.column("subject"))) == 120
    wanted = {f"world__{camera}-{attack}": 120 for camera in CAMERAS for attack in ("live", *ATTACKS)}
    assert Counter(people.column("style")) == wanted
    assert people.pixels([0, len(people) - 1]).shape == (2, 128, 128, 3)


def test_a_person_is_in_one_split(people: Corpus) -> None:
    where = dict(zip(people.column("subject"), people.column("split"), strict=True))
    assert Counter(where.values()) == {"train": 72, "dev": 24, "test": 24}
    assert Counter(people.column("split")) == {split: 24 * count for split, count in Counter(where.values()).items()}


def test_it_is_free_and_its_card_says_who_is_in_it(people: Corpus) -> None:
    assert set(people.column("license")) == {"CC0-1.0"}
    card = people.storage.read("README.md").decode()
    assert "cc0-1.0" in card and "2,880" in card
    for part in ("train", "dev", "test", "skin tone"):
        assert part in card
    assert people.storage.exists("croissant.json") and people.storage.exists("scenes.parquet")


def test_every_byte_is_the_one_that_was_rendered(people: Corpus) -> None:
    found = verify(PEOPLE)
    assert (found["problems"], found["images"]) == ([], 2880)
    assert people.digest == PEOPLE_DIGEST


def test_the_recipe_renders_it_again(people: Corpus) -> None:
    recipe = load(WorldConfig, str(ROOT / "examples" / "people.yaml"))
    planned = {**identity(recipe), "renderer": "mitsuba 3.9.1 scalar_rgb"}
    assert canonical_json(read_claim(people.storage)["identity"]) == canonical_json(planned)


def test_it_is_small() -> None:
    files = [path for path in FOLDERS[PEOPLE].rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MEBIBYTES * 2**20


def test_a_wheel_an_image_and_a_job_take_it_along(tmp_path: Path) -> None:
    """By their own rules: hatchling packs what git does not ignore of the packages, Docker and Ray what is named."""
    files = {path.relative_to(ROOT).as_posix() for path in FOLDERS[PEOPLE].rglob("*") if path.is_file()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"] == {"packages": ["difffas", "factory"]}
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "!factory" in lines and not [line for line in lines[lines.index("!factory") :] if "people" in line]
    checkout, package = tmp_path / "checkout", tmp_path / "package.zip"
    shutil.copytree(FOLDERS[PEOPLE], checkout / "factory" / "embedded" / "people")
    for name in (".gitignore", ".rayignore"):
        shutil.copy(ROOT / name, checkout)
    create_package(str(checkout), package, include_gitignore=True, excludes=get_runtime_env_default_excludes())
    with zipfile.ZipFile(package) as archive:
        assert {name for name in archive.namelist() if not name.endswith("/")} == files


def test_a_report_shows_it(tmp_path: Path) -> None:
    report.run(build(report.ReportConfig, {"inputs": {"real": PEOPLE}, "out": f"{tmp_path}/report"}))
    page = (tmp_path / "report" / report.PAGE).read_text(encoding="utf-8")
    assert "world__cctv" in page and str(FOLDERS[PEOPLE]) not in page


def test_a_smaller_copy_keeps_the_splits(people: Corpus, tmp_path: Path, in_process: None) -> None:
    prepare.run(build(prepare.PrepareConfig, smaller(32, f"{tmp_path}/copy")))
    copy = Corpus(f"{tmp_path}/copy")
    assert copy.pixels([0]).shape == (1, 32, 32, 3)
    for name in ("subject", "style", "split", "label", "license", "capture"):
        assert Counter(copy.column(name)) == Counter(people.column(name))
    splits = [set(zip(each.column("subject"), each.column("split"), strict=True)) for each in (copy, people)]
    assert splits[0] == splits[1]
    assert np.array_equal(np.unique(copy.column("license")), ["CC0-1.0"])
    claim = read_claim(Storage(f"{tmp_path}/copy"))
    assert str(FOLDERS[PEOPLE]) not in str(claim)
