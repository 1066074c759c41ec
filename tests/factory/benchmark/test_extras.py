"""Which runs a benchmark adds to those of its table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from difffas.errors import UserError
from factory.ablate import expand
from factory.benchmark import forecast, run
from factory.benchmark.extras import check_noise, generation_of, places, strength_run, trace_runs
from factory.benchmark.traces import PassConfig
from factory.corpus import Corpus
from factory.strength import StrengthConfig
from tests.benchmarked import benchmark_of, world


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return world(tmp_path_factory.mktemp("world") / "people")


def test_only_a_networks_faces_have_a_generator(corpus: Corpus, tmp_path: Path) -> None:
    _, graph = expand(benchmark_of(corpus, tmp_path / "out").ablation())
    with_network = {row for (row, *_), name in places(graph).items() if generation_of(graph, name)}
    assert with_network == {row for row, *_ in places(graph) if "generated" in row}
    made = [generation_of(graph, name) for name in places(graph).values()]
    assert len({each.name for each in made if each}) == 2, "one a training part"


def test_a_pass_asks_the_classifiers_of_its_protocol(corpus: Corpus, tmp_path: Path) -> None:
    config = benchmark_of(corpus, tmp_path / "out")
    _, graph = expand(config.ablation())
    judged = {place for place in places(graph) if place != ("relative quality", "world-ptw-c", 1)}
    found = trace_runs(config, graph, judged, 1)
    assert list(found) == ["world-ptw-c", "world-loo-print"]
    settings = found["world-ptw-c"].config
    assert isinstance(settings, PassConfig)
    assert (settings.protocol, settings.split, settings.corpus) == ("world-ptw-c", "test", corpus.storage.url)
    assert {row: list(of_seed) for row, of_seed in settings.classifiers.items()}["relative quality"] == [0]
    assert len(settings.classifiers) == 8
    whole = trace_runs(config, graph, set(places(graph)), 1)
    assert found["world-ptw-c"].name != whole["world-ptw-c"].name
    assert found["world-loo-print"].name == whole["world-loo-print"].name
    assert trace_runs(config.model_copy(update={"traces": None}), graph, judged, 1) == {}


def test_the_study_is_of_the_first_protocols_generator(corpus: Corpus, tmp_path: Path) -> None:
    config = benchmark_of(corpus, tmp_path / "out")
    _, graph = expand(config.ablation())
    study = strength_run(config, graph)
    assert study is not None and isinstance(study.config, StrengthConfig)
    assert (study.config.protocol, study.config.split, study.config.faces) == ("world-ptw-c", "dev", 6)
    assert strength_run(config.model_copy(update={"strength": None}), graph) is None
    with pytest.raises(UserError, match="facez"):
        strength_run(config.model_copy(update={"strength": {"facez": 1}}), graph)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"traces": {"t0": 50}}, r"^traces\.t0 50: a generator of this table is trained for T₀ up to 40; lower it$"),
        ({"traces": None, "strength": {"t0": [25, 41]}}, r"^strength\.t0 41: a generator .* up to 40; lower it$"),
    ],
)
def test_more_noise_than_the_generator_will_learn_is_refused_before_anything_is_claimed(
    corpus: Corpus, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    small = {"fit_generator": {"network": {"timesteps": 40}}, "strength": {"t0": [25, 40]}}
    for call in (run, forecast):
        with pytest.raises(UserError, match=message):
            call(benchmark_of(corpus, tmp_path / "out", **{**small, **given}))
    assert not (tmp_path / "out").exists()
    fits = benchmark_of(corpus, tmp_path / "out", **small, traces={"t0": 40})
    check_noise(fits, expand(fits.ablation())[1])
