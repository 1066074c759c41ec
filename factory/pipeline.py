"""The whole chain as one command: from photographs or a corpus to a classifier, its metrics and a report.

Every station has an ordinary run in its own folder below `out`, so finished runs are left alone and a
stopped pipeline resumes where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pydantic
from pydantic import Field, model_validator

from difffas.errors import UserError
from difffas.presets import PRESETS
from factory import evaluate, generate, prepare, report
from factory.core.config import Config, PathOrUrl, build
from factory.core.documents import JsonObject, JsonValue
from factory.core.progress import duration, say
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes import generator as fit_generator
from factory.train.recipes import style as fit_style


class StationRun(NamedTuple):
    """One run of a station."""

    verb: str  # the command's name
    run: Callable[[Any], Mapping[str, object]]
    model: type[Config]
    settings: Mapping[str, JsonValue]


class PipelineConfig(Config):
    """One chain. Each station has the settings of its own file in `jobs/`, without `out`.

    A station reads the outputs of earlier ones, unless its settings name other inputs. Outputs that none reads are not
    made: with `fit_generator.initial` the style encoder is skipped, unless `fit_style.initial` says what it starts
    from; with `generate.inputs.generator` also the generator.
    """

    out: PathOrUrl = Field(description="folder of the stations' folders, local or s3://")
    corpus: PathOrUrl | None = Field(None, description="finished corpus, instead of running prepare")
    prepare: dict[str, pydantic.JsonValue] | None = Field(
        None, description="settings of prepare; null where corpus is given"
    )
    protocol: PathOrUrl | None = Field(
        None, description="name or file, for every station; None: the corpus's own splits"
    )
    fit_style: dict[str, pydantic.JsonValue] = Field({}, description="settings of fit-style")
    fit_generator: dict[str, pydantic.JsonValue] = Field({}, description="settings of fit-generator")
    generate: dict[str, pydantic.JsonValue] = Field({}, description="settings of generate")
    fit_classifier: dict[str, pydantic.JsonValue] = Field({}, description="settings of fit-classifier")
    evaluate: dict[str, pydantic.JsonValue] = Field({}, description="settings of evaluate")
    report: dict[str, pydantic.JsonValue] = Field({}, description="settings of report")

    @model_validator(mode="after")
    def _check(self) -> PipelineConfig:
        if (self.corpus is None) == (self.prepare is None):
            raise UserError("give either prepare (photographs to start from) or corpus (a finished one)")
        for name, value in self:
            if isinstance(value, dict) and "out" in value:
                raise UserError(
                    f"{name}.out is set by the pipeline, whose stations write below its own out: leave it out"
                )
        for station_run in station_runs(self):
            try:
                _check_preset(self, build(station_run.model, station_run.settings))
            except UserError as error:  # report a typing error in the last station's settings now, not after days
                raise UserError(f"in {station_run.verb.replace('-', '_')}: {error}") from None
        return self


def _check_preset(pipeline: PipelineConfig, config: Config) -> None:
    """Refuse a student's preset for the generator that this pipeline fits, which will have no student."""
    if not isinstance(config, generate.GenerateConfig) or not PRESETS[config.sampler.preset].of_student:
        return
    if config.inputs.generator == f"{pipeline.out}/generator":
        raise UserError(
            f"sampler.preset {config.sampler.preset}: the generator that the pipeline fits has no student; use preset "
            "balanced, or give generate.inputs.generator, a folder of `difffas fit-student`"
        )


def run(config: PipelineConfig) -> Mapping[str, object]:
    """Run every station that is not done; return the paths of each station's folder and of the report.

    Raises:
        UserError: and any other error of the stations: the first station that fails ends the chain.
    """
    summaries = run_in_turn("pipeline", station_runs(config))
    return {
        "steps": {station_run.verb: station_run.settings["out"] for station_run in station_runs(config)},
        **summaries[-1],
    }


def run_in_turn(name: str, chain: Iterable[StationRun]) -> list[Mapping[str, object]]:
    """Run stations one after the other, with a line about each; return their summaries."""
    summaries = []
    for station_run in chain:
        before, what = time.monotonic(), f"{name}: {station_run.verb} → {station_run.settings['out']}"
        try:
            summaries.append(station_run.run(build(station_run.model, station_run.settings)))
        except Exception:
            say(f"{what} stopped after {duration(time.monotonic() - before)}")
            raise
        say(f"{what} took {duration(time.monotonic() - before)}")
    return summaries


def station_runs(config: PipelineConfig) -> Iterator[StationRun]:
    """The runs in order; each reads the outputs of earlier ones."""
    corpus = config.corpus or f"{config.out}/corpus"
    style, generator, spoofs = (f"{config.out}/{name}" for name in ("style", "generator", "spoofs"))
    classifier, evaluation = f"{config.out}/classifier", f"{config.out}/evaluation"
    protocol: JsonObject = {"protocol": config.protocol} if config.protocol is not None else {}
    on_corpus: JsonObject = {"corpus": corpus, **protocol}
    if config.prepare is not None:
        yield StationRun("prepare", prepare.run, prepare.PrepareConfig, {**config.prepare, "out": corpus})
    given = config.generate.get("inputs", {})
    inputs: JsonObject = {"live": corpus, "guides": corpus, "generator": generator}
    inputs |= given if isinstance(given, dict) else {}
    fits_generator = inputs["generator"] == generator
    own_encoder = "initial" not in config.fit_generator or "initial" in config.fit_style
    fits_style = fits_generator and own_encoder and "style_encoder" not in config.fit_generator
    if fits_style:
        yield StationRun(
            "fit-style", fit_style.run, fit_style.FitStyleConfig, {**on_corpus, **config.fit_style, "out": style}
        )
    if fits_generator:
        first = {"style_encoder": style} if fits_style else {}
        settings: JsonObject = {**on_corpus, **first, **config.fit_generator, "out": generator}
        yield StationRun("fit-generator", fit_generator.run, fit_generator.FitGeneratorConfig, settings)
    yield StationRun(
        "generate",
        generate.run,
        generate.GenerateConfig,
        {**protocol, **config.generate, "inputs": inputs if isinstance(given, dict) else given, "out": spoofs},
    )
    settings = {**on_corpus, "generated": spoofs, **config.fit_classifier, "out": classifier}
    yield StationRun("fit-classifier", fit_classifier.run, fit_classifier.FitClassifierConfig, settings)
    settings = {**on_corpus, "classifier": classifier, **config.evaluate, "out": evaluation}
    yield StationRun("evaluate", evaluate.run, evaluate.EvaluateConfig, settings)
    fitted = {"style encoder": style} if fits_style else {}
    fitted |= {"generator": generator} if fits_generator else {}
    shown: JsonObject = {
        "real": corpus,
        "generated": spoofs,
        "models": {**fitted, "classifier": classifier},
        "evaluations": {"real and generated": evaluation},
    }
    yield StationRun(
        "report", report.run, report.ReportConfig, {"inputs": shown, **config.report, "out": f"{config.out}/report"}
    )
