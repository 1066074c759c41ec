"""Maps show the faces of dev and test, each row's classifier its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difffas.errors import UserError
from factory.benchmark import maps
from factory.benchmark.pictures import KINDS
from factory.benchmark.settings import FeaturesConfig
from factory.core.config import build
from factory.evaluate import EvaluateConfig
from factory.storage import Storage
from tests.benchmarked import world


def test_every_face_of_dev_and_test_is_a_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def features(folder: Storage, pixels: np.ndarray, threads: int) -> np.ndarray:
        asked.append(folder.url)
        return np.random.default_rng(len(asked)).normal(size=(len(pixels), 4))

    monkeypatch.setattr(maps, "features", features)
    corpus = world(tmp_path / "people")
    evaluations = {
        row: build(
            EvaluateConfig,
            {"classifier": f"/{row}", "corpus": corpus.storage.url, "protocol": "world-ptw-c", "out": "-"},
        )
        for row in ("a", "b")
    }
    found = maps.maps_of(evaluations, FeaturesConfig(steps=250, perplexity=5), 1)
    assert asked == ["/a", "/b"]
    for each in found:
        assert {(point["split"], point["domain"]) for point in each.points if point["split"] == "test"} == {
            ("test", "world__cctv")
        }
        assert len(each.points) == 3 * 2 * 3 + 2 * 3 == each.chart.count("<circle")
        assert all(f"point {kind}" in each.chart for kind in KINDS)
    assert found[0].points != found[1].points


def test_a_diverged_classifier_and_too_few_faces_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "features", lambda folder, pixels, threads: np.full((len(pixels), 4), np.nan))
    given = {"classifier": "/a", "corpus": world(tmp_path / "people").storage.url, "out": "-"}
    asked = {"a": build(EvaluateConfig, given)}
    with pytest.raises(UserError, match="^the classifier of a gives embeddings that are not finite"):
        maps.maps_of(asked, FeaturesConfig(), 1)
    monkeypatch.setattr(maps, "PARTS", ("nobody",))
    with pytest.raises(UserError, match="^nobody hold 0 faces: a map needs 4 or more"):
        maps.maps_of(asked, FeaturesConfig(), 1)
