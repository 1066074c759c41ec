"""Generators of people: their folders are recognised and checked, and their pixels do not depend on neighbours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from difffas.errors import UserError
from factory.models.load import load_people, model_digest
from factory.models.people_sampler import VAE, PeopleSampler, check_people, makes_people, people_facts
from factory.storage import Storage
from tests.people import SIDE, write_people


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_people(tmp_path)
    return tmp_path / "people"


def test_the_folder_says_what_it_is(folder: Path, tmp_path: Path) -> None:
    storage = Storage(str(folder))
    assert makes_people(storage) and not makes_people(Storage(str(tmp_path)))
    assert people_facts(storage) == (("cam-print", "cam-replay", "phone-print", "phone-replay"), "train", SIDE)
    before = model_digest(storage)
    config = json.loads((folder / VAE / "config.json").read_text())
    (folder / VAE / "config.json").write_text(json.dumps({**config, "split": "dev"}))
    assert model_digest(storage) != before


def test_a_damaged_folder_is_refused_in_a_line(folder: Path) -> None:
    storage, index = Storage(str(folder)), folder / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "more": ["os", "system"]}))
    with pytest.raises(UserError, match="must name the part vae alone"):
        check_people(storage)


def test_a_pair_does_not_depend_on_its_neighbours(folder: Path) -> None:
    sample = load_people(str(folder), batch_size=3, threads=1)
    styles, seeds = ["cam-print", "phone-print", "cam-replay", "cam-print"], np.array([5, 6, 7, 8])
    made = sample(styles, seeds)
    assert made.live.shape == made.spoof.shape == (4, SIDE, SIDE, 3) and made.broken == []
    turned = sample(styles[::-1], seeds[::-1])
    assert np.array_equal(made.live, turned.live[::-1]) and np.array_equal(made.spoof, turned.spoof[::-1])
    assert len({face.tobytes() for face in (*made.live, *made.spoof)}) == 8


def test_pairs_that_are_not_finite_are_named(folder: Path, monkeypatch: Any) -> None:
    sample = PeopleSampler(str(folder), batch_size=2, threads=1)
    plain = sample._vae.sample

    def broken(styles: Any, seeds: Any) -> Any:
        live, spoof = plain(styles, seeds)
        spoof[[seed == 6 for seed in seeds]] = torch.nan
        return live, spoof

    monkeypatch.setattr(sample._vae, "sample", broken)
    made = sample(["cam-print"] * 3, np.array([5, 6, 7]))
    assert made.broken == [1] and not made.live[1].any() and made.live[2].any()
    with pytest.raises(FloatingPointError, match="weights are broken"):
        sample(["cam-print"], np.array([6]))
