"""Fig. 12: maps of the kept embeddings, with their rows' colours and shapes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from factory.core.config import build
from factory.report.figures.moments import MomentsFigure, alike, chosen_steps, prepare
from factory.train.recipes.embeddings import ROWS, name_of
from tests.pages import folder

KINDS = ("live", "spoof", "generated")


def classifier(path: Path, steps: list[int], rows: int = 60) -> str:
    """A finished fit-classifier that kept embeddings: at first noise, then three groups by kind."""
    rng = np.random.default_rng(0)
    facts = [
        {"key": f"k{n}", "kind": KINDS[n % 3], "style": "cam-<x>", "brisque": None if n == 4 else float(n)}
        for n in range(rows)
    ]
    files = {ROWS: json.dumps({"rows": facts}).encode()}
    for turn, step in enumerate(steps):
        centre = np.eye(8)[np.arange(rows) % 3] * turn * 5
        files[name_of(step)] = save({"features": (centre + rng.normal(0, 1, (rows, 8))).astype(np.float16)})
    return folder(path, "fit-classifier", {"curve": [[1, 0.1]]}, files)


def config(url: str, **given: object) -> MomentsFigure:
    return build(MomentsFigure, {"classifier": url, "iterations": 250, **given})


def test_every_moment_has_a_map_of_the_same_rows(tmp_path: Path) -> None:
    url = classifier(tmp_path / "fit", [0, 5, 10, 20, 40])
    figure = prepare(config(url)).draw()
    assert [panel.title for panel in figure.panels] == [
        *("before the first step", "after 5 steps", "after 20 steps", "after 40 steps")
    ]
    for panel in figure.panels:
        assert panel.chart.count('<circle class="place') == 20 and panel.chart.count('<path class="place') == 40
        shades = re.findall(r'class="place (shade-\w+)"', panel.chart)
        assert shades.count("shade-none") == 1 and shades == re.findall(
            r'class="place (shade-\w+)"', figure.panels[0].chart
        )
        assert "spoof cam-&lt;x&gt;, BRISQUE 1.0" in panel.chart
    assert figure.table is not None
    shares = [float(cells[0].split()[0]) for _, cells in figure.table.rows]
    assert shares[0] < 60 < 95 < shares[-1]
    texts = [mark.text for mark in figure.legend]
    assert texts[-3:] == ["real live faces (20)", "real spoofs (20)", "generated spoofs (20)"]
    assert "no BRISQUE" in texts and len(texts) == 5 + 1 + 3


def test_four_moments_are_spread_over_the_kept_steps() -> None:
    assert chosen_steps([7]) == [7]
    assert chosen_steps([1, 2]) == [1, 2]
    assert chosen_steps(list(range(0, 110, 10))) == [0, 30, 70, 100]


def test_neighbours_are_alike_where_quality_or_kind_orders_the_embedding() -> None:
    rng = np.random.default_rng(1)
    brisque = rng.permutation(200).astype(float)
    kinds = np.array(["a", "b"])[rng.integers(0, 2, 200)]
    share, ratio = alike(np.stack([brisque, np.zeros(200)], axis=1), kinds, brisque)
    assert share == pytest.approx(0.5, abs=0.1) and ratio is not None and ratio < 0.06
    _, chance = alike(rng.normal(size=(200, 4)), kinds, brisque)
    assert chance == pytest.approx(1.0, abs=0.1)
    assert alike(rng.normal(size=(9, 2)), kinds[:9], np.full(9, np.nan))[1] is None
    assert alike(rng.normal(size=(9, 2)), kinds[:9], np.ones(9))[1] is None


def test_what_was_not_kept_is_refused(tmp_path: Path) -> None:
    url = classifier(tmp_path / "fit", [0, 5])
    with pytest.raises(ValueError, match=r"kept no embeddings of \[7\], only of \[0, 5\]"):
        prepare(config(url, steps=[5, 7]))
    without = folder(tmp_path / "without", "fit-classifier", {"curve": []})
    with pytest.raises(ValueError, match="holds no embeddings"):
        prepare(config(without))
