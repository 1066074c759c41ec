"""A worker renders its shard: rows that say it all, equal pixels whoever renders them, and the side table's part."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory.core.config import build
from factory.corpus.row import Row
from factory.corpus.scenes import SCENES
from factory.line.block import Block
from factory.storage import Storage
from factory.world.capture.cameras import CAMERAS
from factory.world.plan import Plan
from factory.world.render import renderer
from factory.world.settings import WorldConfig
from factory.world.worker import render_planned, render_shard

DOMAINS = tuple(CAMERAS)


def config(**given: Any) -> WorldConfig:
    small = {"people": 1, "domains": [DOMAINS[0]], "attacks": ["print"], "size": 32, "samples": 2}
    return build(WorldConfig, {"out": "x", "split": {"train": 1.0}, **small, **given})


def rendered(folder: Path, **given: Any) -> Block:
    made = config(**given)
    return render_planned("train-000000", Plan(made), made, str(folder), renderer())


@pytest.mark.slow
def test_a_shard_is_rendered(tmp_path: Path) -> None:
    shard = rendered(tmp_path)
    records = json.loads(shard["records"])
    rows = [Row(**record["row"], image=b"", codec="png") for record in records]
    assert [(row.label, row.attack, row.license) for row in rows] == [(0, "live", "CC0-1.0"), (1, "print", "CC0-1.0")]
    assert {record["source_type"] for record in records} == {"algorithmicMedia"}
    assert not any(record["reject"] for record in records)
    assert shard["pixels"].shape == (2, 32, 32, 3) and shard["pixels"].std() > 10
    assert (shard["pixels"][0] != shard["pixels"][1]).any()
    assert json.loads(shard["notes"]) == {"renderer": renderer()}
    SCENES.join_parts(Storage(str(tmp_path)), ["train-000000"])
    table = SCENES.read(Storage(str(tmp_path)))
    assert table is not None
    live, spoof = table.to_pylist()
    assert live["key"] == live["live_key"] == spoof["live_key"] == rows[0].key and spoof["key"] == rows[1].key
    assert {live["room"]} == {spoof["room"]} and 18 <= live["age"] <= 80


def test_the_threads_decide_nothing(tmp_path: Path) -> None:
    one, two = (rendered(tmp_path / str(n), resources={"num_cpus": n})["pixels"] for n in (1, 2))
    assert np.array_equal(one, two)


def test_another_renderer_is_refused(tmp_path: Path) -> None:
    made = config()
    with pytest.raises(ValueError, match=r"this node renders with mitsuba 3.*, the run was planned for mitsuba 2:"):
        render_planned("train-000000", Plan(made), made, str(tmp_path), "mitsuba 2")


def test_a_node_without_mitsuba_says_so_as_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import ray

    made = config()
    monkeypatch.setattr(ray, "get", lambda _: (Plan(made), made, str(tmp_path), "mitsuba 3"))
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    fault = render_shard({"shard": "train-000000"}, [None])["fault"]
    assert fault == "render: UserError: rendering needs Mitsuba: pip install 'difffas-factory[world]'"
