"""The chain of all stations: what it would run, that a wrong key anywhere is found first, and one run of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory import pipeline
from factory.core.config import build, load
from factory.corpus import Corpus
from factory.pipeline import PipelineConfig
from tests.root import ROOT

PHOTOS = {"source": "photos", "crop": "none", "defaults": {"domain": "cam"}, "license": "CC0-1.0"}
NETWORK = {"base_channels": 8, "channel_multipliers": [1] * 6, "embed_channels": 16, "timesteps": 300}


def chain(**given: Any) -> list[str]:
    config = build(PipelineConfig, {"out": "run", "corpus": "faces", **given})
    return [station_run.verb for station_run in pipeline.station_runs(config)]


def test_what_nothing_reads_is_not_made() -> None:
    rest = ["generate", "fit-classifier", "evaluate", "report"]
    assert chain() == ["fit-style", "fit-generator", *rest]
    assert chain(fit_generator={"initial": "model"}) == ["fit-generator", *rest]
    assert chain(fit_generator={"style_encoder": "style"}) == ["fit-generator", *rest]
    assert chain(fit_generator={"initial": "model", "style_encoder": "style"}) == ["fit-generator", *rest]
    assert chain(generate={"inputs": {"generator": "dummy"}}) == rest
    assert chain(corpus=None, prepare=PHOTOS)[0] == "prepare"


def test_a_generator_goes_on_with_an_encoder_that_is_fitted_to_go_on() -> None:
    given = {"fit_style": {"initial": "model"}, "fit_generator": {"initial": "model"}}
    config = build(PipelineConfig, {"out": "run", "corpus": "faces", **given})
    style, generator = list(pipeline.station_runs(config))[:2]
    assert (style.verb, style.settings["initial"]) == ("fit-style", "model")
    assert (generator.settings["initial"], generator.settings["style_encoder"]) == ("model", style.settings["out"])


def test_every_station_reads_what_those_before_it_wrote() -> None:
    config = load(PipelineConfig, str(ROOT / "jobs" / "pipeline.yaml"), ["out=s3://bucket/run", "protocol=oci-m"])
    written: set[str] = set()

    def urls(value: Any) -> set[str]:
        if isinstance(value, dict):
            return {url for item in value.values() for url in urls(item)}
        return {value} if isinstance(value, str) and value.startswith("s3://") else set()

    for verb, _, model, settings in pipeline.station_runs(config):
        read = urls({name: value for name, value in settings.items() if name != "out"})
        assert read <= written, verb
        written.add(str(settings["out"]))
        assert settings.get("protocol", "oci-m") == "oci-m" and ("protocol" in settings) == (
            "protocol" in model.model_fields
        )


def test_a_student_that_there_is_serves_a_chain() -> None:
    given: dict[str, Any] = {"inputs": {"generator": "student"}, "sampler": {"preset": "student"}}
    assert chain(generate=given)[0] == "generate"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fit_classifier": {"backbon": "resnet18"}}, "in fit_classifier: .*did you mean 'backbone'"),
        ({"evaluate": {"resamples": -1}}, "in evaluate: .*'resamples'"),
        ({"report": {"out": "elsewhere"}}, "report.out is set by the pipeline"),
        (
            {"generate": {"sampler": {"preset": "student"}}},
            "in generate: sampler.preset student: the generator",
        ),
        ({"prepare": {"source": "photos"}}, "either prepare .* or corpus"),
        ({"corpus": None}, "either prepare .* or corpus"),
    ],
)
def test_a_mistake_anywhere_is_found_before_anything_runs(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chain(**given)


def test_the_first_failure_ends_the_chain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from factory import generate
    from factory.core.errors import Quarantined
    from factory.train.recipes import classifier as fit_classifier
    from factory.train.recipes import generator as fit_generator
    from factory.train.recipes import style as fit_style

    ran: list[str] = []

    def station(name: str, error: Exception | None = None) -> Any:
        def run(_: Any) -> dict[str, Any]:
            ran.append(name)
            if error:
                raise error
            return {}

        return run

    for name, module in (
        ("fit_style", fit_style),
        ("fit_generator", fit_generator),
        ("fit_classifier", fit_classifier),
    ):
        monkeypatch.setattr(module, "run", station(name))
    monkeypatch.setattr(generate, "run", station("generate", Quarantined("3 of 7 shards are done")))
    with pytest.raises(Quarantined):
        pipeline.run(build(PipelineConfig, {"out": "run", "corpus": "faces"}))
    assert ran == ["fit_style", "fit_generator", "generate"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" → ")[0] for line in lines] == [
        "pipeline: fit-style",
        "pipeline: fit-generator",
        "pipeline: generate",
    ]
    assert "took" in lines[0] and "stopped after" in lines[2]


@pytest.mark.slow
def test_the_whole_chain_and_again(tmp_path: Path, ray_local: None) -> None:
    write_corpus(tmp_path / "faces", small_rows())
    cpu = {"gpus_per_worker": 0, "threads": 1}
    train = {"steps": 4, "batch_size": 8, "learning_rate": 1e-3}
    config = build(
        PipelineConfig,
        {
            "out": str(tmp_path / "run"),
            "corpus": str(tmp_path / "faces"),
            "fit_style": {
                "network": {"stem_channels": 8, "channels": [8, 8, 8, 8], "depths": [1, 1, 1, 1]},
                "train": train,
                "resources": cpu,
            },
            "fit_generator": {"network": NETWORK, "train": train, "ema_decay": 0.5, "resources": cpu},
            "generate": {
                "plan": {"samples": 12},
                "sampler": {"steps": 2, "t0": [4, 8]},
                "output": {"rows_per_shard": 6},
                "resources": {"gpus_per_generator": 0, "threads": 1},
            },
            "fit_classifier": {"backbone": "test_convnext", "train": train, "resources": cpu},
            "evaluate": {"split": "train", "dev_split": None, "resamples": 10},
        },
    )
    first = pipeline.run(config)
    assert len(Corpus(str(tmp_path / "run" / "spoofs"))) == 12
    assert Path(str(first["report"])).is_file()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert pipeline.run(config) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
