"""Aligned crops from a table of landmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from difffas.errors import UserError
from factory.prepare import PrepareConfig, plan, read_shard
from tests.factory.sources.test_aligned import SIDE, WANTED, dotted, found, planted

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
FACES = {"a.png": planted(160, 17), "b.png": planted(90, -60)}
ONE = {"one.png": np.full((5, 2), 300.0)}  # without a box such a table is refused


def prepared(folder: Path, points: tuple[str, ...], header: str = "path", **given: Any) -> dict[str, Any]:
    """The crops of a folder by name, or the reasons to reject them; d.png has no numbers in its table."""
    chosen = [POINTS.index(name) for name in points]
    lines = [",".join([header, *(f"{name}_{axis}" for name in points for axis in "xy")])]
    for name, places in {**FACES, **(ONE if header != "path" else {}), "d.png": planted(160, 0)}.items():
        path = folder / "in" / "live" / "s1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dotted(places, 6)).save(path)
        numbers = places[chosen].ravel().tolist() if name != "d.png" else [""] * 2 * len(chosen)
        box = ["200", "200", "100", "100"] if header != "path" else []
        lines.append(",".join(map(str, [f"live/s1/{name}", *box, *numbers])))
    (folder / "faces.csv").write_text("\n".join(lines) + "\n")
    values = {"source": str(folder / "in"), "out": "out", "license": "cc0-1.0", "size": SIDE, "crop": "table"}
    values |= {"boxes": str(folder / "faces.csv"), "defaults": {"domain": "cam"}, **given}
    config = PrepareConfig.model_validate(values)
    results: dict[str, Any] = {}
    for entries in plan(config).shards.values():
        shard = read_shard(config, entries)
        for entry, record, pixels in zip(entries, shard["records"], shard["pixels"], strict=True):
            results[entry.path.rpartition("/")[2]] = record["reject"] or pixels
    return results


@pytest.mark.parametrize("points", [POINTS, tuple(name for name in POINTS if name != "nose")])
@pytest.mark.parametrize("header", ["path", "path,x,y,width,height"])
def test_landmarks_of_a_table_land_on_the_template(tmp_path: Path, points: tuple[str, ...], header: str) -> None:
    crops = prepared(tmp_path, points, header, align=True)
    for name in ("a.png", "b.png"):
        assert np.abs(found(crops[name]) - WANTED).max() < 1.0
    rest = {name: crop for name, crop in crops.items() if name not in FACES}
    assert rest == dict.fromkeys(rest, "no face") and len(rest) == len(header.split(",")) // 5 + 1


def test_without_the_setting_the_box_is_cut(tmp_path: Path) -> None:
    crops = prepared(tmp_path, POINTS, "path,x,y,width,height")
    assert all(isinstance(crop, np.ndarray) for crop in crops.values())


def test_a_table_of_boxes_alone_cannot_be_aligned(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="faces.csv has no column 'left_eye_x'"):
        prepared(tmp_path, (), "path,x,y,width,height", align=True)
