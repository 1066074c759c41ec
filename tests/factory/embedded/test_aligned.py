"""The aligned pairs that ship with the software: whole, free, of other people, and pairs that a generator can use."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from factory.core.config import canonical_json, load
from factory.corpus import Corpus
from factory.corpus.verify import verify
from factory.embedded import ALIGNED_DIGEST, fit
from factory.run import read_claim
from factory.storage.embedded import ALIGNED, FOLDERS, PEOPLE
from factory.world import WorldConfig, identity
from tests.factory.embedded.test_embedded import ATTACKS, CAMERAS
from tests.root import ROOT

MEBIBYTES = 7


@pytest.fixture(scope="module")
def pairs() -> Corpus:
    return Corpus(ALIGNED)


def test_every_spoof_has_a_live_picture_of_its_capture(pairs: Corpus) -> None:
    assert pairs.pixels([0]).shape == (1, fit.SIZE, fit.SIZE, 3)
    names = ("subject", "domain", "capture", "label")
    seen = Counter(zip(*(pairs.column(name) for name in names), strict=True))
    spoofs = [what for what in seen if what[3] == 1]
    assert len(spoofs) == 44 * len(CAMERAS) * len(ATTACKS)
    assert all(seen[what] == seen[*what[:3], 0] == 1 for what in spoofs)
    assert len(pairs) == 44 * len(CAMERAS) * (1 + 2 * len(ATTACKS))


def test_live_and_spoof_of_a_pair_stand_where_the_other_stands(pairs: Corpus) -> None:
    """A make-up's picture and its live one differ by far less than two pictures of the person do."""
    spoofs = pairs.where(attack="make_up", domain="world__phone")[:20]
    column = {name: pairs.column(name) for name in ("subject", "capture", "attack", "domain")}

    def live(spoof: int, capture: str) -> int:
        at = pairs.where(attack="live", domain="world__phone", subject=column["subject"][spoof], capture=capture)
        return int(at[0])

    partners = [live(spoof, column["capture"][spoof]) for spoof in spoofs]
    others = [live(spoof, "00-print") for spoof in spoofs]
    pixels = [pairs.pixels(at).astype(float) for at in (list(spoofs), partners, others)]
    own, other = (np.abs(pixels[0] - pixels[at]).mean() for at in (1, 2))
    assert own < 0.5 * other


def test_its_people_are_in_one_split_and_nobody_is_among_the_embedded_people(pairs: Corpus) -> None:
    where = set(zip(pairs.column("subject"), pairs.column("split"), strict=True))
    assert Counter(split for _, split in where) == {"train": 40, "dev": 4}
    people = Corpus(PEOPLE)
    assert {name for name, _ in where}.isdisjoint(people.column("subject"))
    assert set(pairs.column("style")) == set(people.column("style"))


def test_every_byte_is_the_one_that_was_rendered(pairs: Corpus) -> None:
    found = verify(ALIGNED)
    assert (found["problems"], found["images"]) == ([], 1936)
    assert pairs.digest == ALIGNED_DIGEST


def test_the_recipe_renders_it_again(pairs: Corpus) -> None:
    recipe = load(WorldConfig, str(ROOT / "examples" / "aligned.yaml"))
    planned = {**identity(recipe), "renderer": "mitsuba 3.9.1 scalar_rgb"}
    assert canonical_json(read_claim(pairs.storage)["identity"]) == canonical_json(planned)


def test_it_is_free_and_small(pairs: Corpus) -> None:
    assert set(pairs.column("license")) == {"CC0-1.0"}
    assert "cc0-1.0" in pairs.storage.read("README.md").decode()
    files = [path for path in FOLDERS[ALIGNED].rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MEBIBYTES * 2**20
