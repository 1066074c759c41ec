"""Settings of the best trials: to generate at their ranges and to fit on that."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.core.config import build, load
from factory.generate import GenerateConfig
from factory.storage import Storage
from factory.train.recipes.classifier import FitClassifierConfig, RowFilter
from factory.tune import best as search_best
from factory.tune.best import generation_of, write_settings
from tests.factory.tune.summaries import trial_of
from tests.searches import settings


def test_best_settings_generate_at_the_trial_s_ranges_and_fit_on_that(
    corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build(
        GenerateConfig,
        {
            "inputs": {"live": "faces", "guides": "faces", "generator": "dummy"},
            "out": "spoofs",
            "plan": {"samples": 24, "seed": 4},
            "sampler": {"steps": 5, "t0": [100, 450], "cfg_scale": [1, 3]},
        },
    )
    kept = RowFilter(t0=(0, 222), cfg_scale=(1.25, 1000.0))
    again = generation_of(made, kept, "there")
    assert (again.sampler.t0, again.sampler.cfg_scale) == ((100, 222), (1.25, 3.0))
    assert again.inputs.live == f"{Path.cwd()}/faces"
    changes = {"inputs": made.inputs, "out": made.out, "sampler": made.sampler}
    assert again.model_copy(update=changes) == made

    by_style = {"by_style": {"cam-print": {"t0": [150, 300]}, "cam-replay": {"t0": [400, 400], "cfg_scale": [2, 2]}}}
    styled = build(GenerateConfig, {**made.model_dump(), "sampler": made.sampler.model_dump() | by_style})
    narrowed = generation_of(styled, kept, "there").sampler
    assert narrowed.ranges("cam-print") == ((150, 222), (1.25, 3.0))
    assert narrowed.ranges("cam-replay") == ((222, 222), (2.0, 2.0))
    beside = generation_of(styled, RowFilter(t0=(460, 500), cfg_scale=(1.0, 2.0)), "there").sampler
    assert (beside.t0, beside.ranges("cam-replay")) == ((460, 460), ((460, 460), (2.0, 2.0)))

    monkeypatch.setattr(search_best, "_generation", lambda url: made)
    fit = build(FitClassifierConfig, {**settings(corpora, "out")["fit"], "out": "out/trials"})
    storage = Storage(str(tmp_path))
    ranked = [trial_of("0004", {"t0_max": 222, "live_margin": 0.33}), trial_of("1", {})]
    assert write_settings(storage, ranked, fit) == ["best", "best-2"]
    generation = load(GenerateConfig, f"{tmp_path}/best/generate.yaml")
    assert (generation.sampler.t0, generation.out) == ((100, 222), f"{tmp_path}/best/spoofs")
    classifier = load(FitClassifierConfig, f"{tmp_path}/best/fit_classifier.yaml")
    assert (classifier.generated, classifier.out) == (generation.out, f"{tmp_path}/best/classifier")
    assert classifier.generated_rows == RowFilter()  # all that were generated
    assert classifier.loss.parameters["live_margin"] == 0.33
    assert classifier.train == fit.train


def test_best_settings_keep_the_filter_where_the_rows_cannot_be_generated_again(corpora: Path, tmp_path: Path) -> None:
    fit = build(FitClassifierConfig, {**settings(corpora, "out")["fit"], "out": "out/trials"})
    write_settings(Storage(str(tmp_path)), [trial_of("0001", {"t0_max": 160})], fit)
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == ["fit_classifier.yaml"]
    classifier = load(FitClassifierConfig, f"{tmp_path}/best/fit_classifier.yaml")
    assert (classifier.generated, classifier.generated_rows.t0) == (f"{corpora}/spoofs", (0, 160))
