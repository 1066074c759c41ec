"""From a shard's plan to a generator's inputs, without Ray."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import load
from factory.generate import GenerateConfig, inputs, lay_plan, open_inputs, recipe_of
from factory.generate.plan import Plan
from factory.images import decode
from tests.odd_images import saved, scene


def test_each_face_of_a_shard_is_decoded_once_and_stands_at_every_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = small_rows(side=8)
    bad = next(row for row in rows if row.label == 0)
    damaged = [dataclasses.replace(row, image=row.image[:40]) if row is bad else row for row in rows]
    write_corpus(tmp_path / "real", damaged)
    given = {"inputs.live": f"{tmp_path}/real", "inputs.guides": f"{tmp_path}/real", "inputs.generator": "dummy"}
    given |= {"out": f"{tmp_path}/spoofs", "plan.samples": "200", "output.rows_per_shard": "200"}
    config = load(GenerateConfig, None, [f"{name}={value}" for name, value in given.items()])
    opened = open_inputs(config)
    live, guides = opened.live, opened.guides
    plan = lay_plan(config, opened)
    assert isinstance(plan, Plan)
    shard_plan = plan.shard_plan("train-000000")

    counted = Counter[bytes]()

    def counting(data: bytes) -> np.ndarray:
        counted[data] += 1
        return decode(data)

    monkeypatch.setattr(inputs, "decode", counting)
    made = inputs.read_inputs(
        shard_plan, (live.storage, live.index), (guides.storage, guides.index), recipe_of(config, opened)
    )

    assert len(shard_plan.live) == 200
    assert sum(counted.values()) == len(set(shard_plan.live)) + len(set(shard_plan.guide))
    assert set(counted.values()) == {1}
    by_key = {row.key: row for row in damaged}
    broken = 0
    for place, record in enumerate(json.loads(made["records"])):
        face = by_key[record["row"]["live_key"]]
        assert record["live_bytes"] == len(face.image)
        assert bool(record["reject"]) == (face.key == bad.key)
        expected = 0 if face.key == bad.key else decode(face.image)
        assert (made["pixels"][place] == expected).all()
        broken += face.key == bad.key
    assert broken > 1, "a bad face is a reject at each of its places"


def test_one_image_of_another_size_is_one_reject_wherever_it_stands(tmp_path: Path) -> None:
    """The first image of a shard does not decide for the others: those of the commonest size are made."""
    rows = small_rows(side=8)
    for odd in (next(row for row in rows if row.label == label) for label in (0, 1)):
        large = saved(scene(2000, 3000), "PNG")
        name = f"real-{odd.label}"
        write_corpus(tmp_path / name, [dataclasses.replace(r, image=large) if r is odd else r for r in rows])
        given = {"inputs.live": f"{tmp_path}/{name}", "inputs.guides": f"{tmp_path}/{name}"}
        given |= {"inputs.generator": "dummy", "out": f"{tmp_path}/spoofs", "plan.samples": "200"}
        config = load(GenerateConfig, None, [f"{key}={value}" for key, value in given.items()])
        opened = open_inputs(config)
        live, guides = opened.live, opened.guides
        plan = lay_plan(config, opened)
        assert isinstance(plan, Plan)
        shard_plan = plan.shard_plan("train-000000")
        stores = ((live.storage, live.index), (guides.storage, guides.index))
        made = inputs.read_inputs(shard_plan, *stores, recipe_of(config, opened))
        assert made["pixels"].shape[1:] == (8, 8, 3)
        for record in json.loads(made["records"]):
            assert bool(record["reject"]) == (odd.key in (record["row"]["live_key"], record["row"]["guide_key"]))
            assert not record["reject"] or "size 2000×3000 among 8×8" in record["reject"]


def test_finer_styles_take_turns_and_generated_rows_are_of_their_guides(tmp_path: Path) -> None:
    rows = [
        dataclasses.replace(row, style=f"{row.style}-session_{row.capture}") if row.label else row
        for row in small_rows(side=8)
    ]
    write_corpus(tmp_path / "real", rows)
    given = {"inputs.live": f"{tmp_path}/real", "inputs.guides": f"{tmp_path}/real", "inputs.generator": "dummy"}
    given |= {"out": f"{tmp_path}/spoofs", "plan.samples": "80", "output.rows_per_shard": "80"}
    config = load(GenerateConfig, None, [f"{name}={value}" for name, value in given.items()])
    opened = open_inputs(config)
    plan = lay_plan(config, opened)
    assert isinstance(plan, Plan)
    spoofs = {row.style for row in rows if row.label}
    assert len(spoofs) == 8 and set(plan.style_counts()) == spoofs
    corpora = (opened.live.storage, opened.live.index), (opened.guides.storage, opened.guides.index)
    made = inputs.read_inputs(plan.shard_plan("train-000000"), *corpora, recipe_of(config, opened))
    by_key = {row.key: row for row in rows}
    records = json.loads(made["records"])
    for record, route in zip(records, inputs.routes_of(records), strict=True):
        facts, guide = record["row"], by_key[record["row"]["guide_key"]]
        assert (facts["domain"], facts["attack"], facts["style"]) == (guide.domain, guide.attack, guide.style)
        assert route == (f"{facts['live_domain']}-live", f"{guide.domain}-live", guide.style)
        assert route.attack == guide.attack
    assert set(inputs.routes_of(records)) <= plan.routes()
