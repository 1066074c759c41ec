"""The whole chain as one command: from photographs or a corpus to a classifier, its metrics and a report.

Every step is an ordinary run of its station in its own folder below `out`, so finished steps are left alone and a
stopped pipeline resumes where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import Field, model_validator

from difffas.errors import UserError
from factory import evaluate, generate, prepare, report
from factory.core.config import Config, PathOrUrl, build
from factory.core.progress import duration, say
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes import generator as fit_generator
from factory.train.recipes import style as fit_style


class Step(NamedTuple):
    """One run of a station."""

    verb: str  # the command's name
    run: Callable[[Any], Mapping[str, object]]
    model: type[Config]
    settings: dict[str, Any]


class PipelineConfig(Config):
    """One chain. Each step has the settings of its own file in `jobs/`, without `out`.

    A step reads the outputs of earlier steps, unless its settings name other inputs. Outputs that no step reads are
    not made: with `fit_generator.initial` the style encoder is skipped, with `generate.inputs.generator` also the
    generator.
    """

    out: PathOrUrl = Field(description="folder of the steps' folders, local or s3://")
    corpus: PathOrUrl | None = Field(None, description="finished corpus, instead of running prepare")
    prepare: dict[str, Any] | None = None
    protocol: PathOrUrl | None = Field(None, description="name or file, for every step; None: the corpus's own splits")
    fit_style: dict[str, Any] = {}
    fit_generator: dict[str, Any] = {}
    generate: dict[str, Any] = {}
    fit_classifier: dict[str, Any] = {}
    evaluate: dict[str, Any] = {}
    report: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check(self) -> PipelineConfig:
        if (self.corpus is None) == (self.prepare is None):
            raise UserError("give either prepare (photographs to start from) or corpus (a finished one)")
        for name, value in self:
            if isinstance(value, dict) and "out" in value:
                raise UserError(f"{name}.out is not for a pipeline: every step writes below the pipeline's out")
        for step in steps(self):
            try:
                build(step.model, step.settings)
            except UserError as error:  # report a typing error in the last step now, not after days
                raise UserError(f"in {step.verb.replace('-', '_')}: {error}") from None
        return self


def run(config: PipelineConfig) -> dict[str, Any]:
    """Run every step that is not done; return the paths of each step's folder and of the report.

    Raises:
        UserError: and any other error of the stations: the first step that fails ends the chain.
    """
    summaries = run_steps("pipeline", steps(config))
    return {"steps": {step.verb: step.settings["out"] for step in steps(config)}, **summaries[-1]}


def run_steps(name: str, chain: Iterable[Step]) -> list[Mapping[str, object]]:
    """Run steps one after the other, with a line about each; return their summaries."""
    summaries = []
    for step in chain:
        before, what = time.monotonic(), f"{name}: {step.verb} → {step.settings['out']}"
        try:
            summaries.append(step.run(build(step.model, step.settings)))
        except Exception:
            say(f"{what} stopped after {duration(time.monotonic() - before)}")
            raise
        say(f"{what} took {duration(time.monotonic() - before)}")
    return summaries


def steps(config: PipelineConfig) -> Iterator[Step]:
    """The steps in order; each reads the outputs of earlier steps."""
    corpus = config.corpus or f"{config.out}/corpus"
    style, generator, spoofs = (f"{config.out}/{name}" for name in ("style", "generator", "spoofs"))
    classifier, evaluation = f"{config.out}/classifier", f"{config.out}/evaluation"
    protocol = {"protocol": config.protocol} if config.protocol is not None else {}
    on_corpus = {"corpus": corpus, **protocol}
    if config.prepare is not None:
        yield Step("prepare", prepare.run, prepare.PrepareConfig, {**config.prepare, "out": corpus})
    inputs = {"live": corpus, "guides": corpus, "generator": generator, **config.generate.get("inputs", {})}
    fits_generator = inputs["generator"] == generator
    fits_style = fits_generator and not {"initial", "style_encoder"} & config.fit_generator.keys()
    if fits_style:
        yield Step(
            "fit-style", fit_style.run, fit_style.FitStyleConfig, {**on_corpus, **config.fit_style, "out": style}
        )
    if fits_generator:
        first = {"style_encoder": style} if fits_style else {}
        settings = {**on_corpus, **first, **config.fit_generator, "out": generator}
        yield Step("fit-generator", fit_generator.run, fit_generator.FitGeneratorConfig, settings)
    yield Step(
        "generate",
        generate.run,
        generate.GenerateConfig,
        {**protocol, **config.generate, "inputs": inputs, "out": spoofs},
    )
    settings = {**on_corpus, "generated": spoofs, **config.fit_classifier, "out": classifier}
    yield Step("fit-classifier", fit_classifier.run, fit_classifier.FitClassifierConfig, settings)
    settings = {**on_corpus, "classifier": classifier, **config.evaluate, "out": evaluation}
    yield Step("evaluate", evaluate.run, evaluate.EvaluateConfig, settings)
    fitted = {"style encoder": style} if fits_style else {}
    fitted |= {"generator": generator} if fits_generator else {}
    shown = {
        "real": corpus,
        "generated": spoofs,
        "models": {**fitted, "classifier": classifier},
        "evaluations": {"real and generated": evaluation},
    }
    yield Step(
        "report", report.run, report.ReportConfig, {"inputs": shown, **config.report, "out": f"{config.out}/report"}
    )
