"""Write the best trials as settings files for `difffas generate` and `fit-classifier`, and run both with them.

A trial used the rows of one corpus that passed its filters. In a regenerated corpus, all rows are drawn from the
trial's ranges of T₀ and w: another, larger sample of the same distribution.
"""

from __future__ import annotations

from typing import TypeVar

import yaml

from difffas.errors import UserError
from factory import generate
from factory.core.config import Config, build
from factory.core.documents import JsonObject, parse_yaml
from factory.generate import GenerateConfig
from factory.models.generators import BUILT_IN
from factory.run import read_claim
from factory.storage import Storage
from factory.train import model_evaluation
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes.classifier import FitClassifierConfig, RowFilter
from factory.tune.space import located, settings_of
from factory.tune.summary import Regenerated, Trial

Number = TypeVar("Number", int, float)

GENERATE, FIT = "generate.yaml", "fit_classifier.yaml"


def check_regenerate(fit: FitClassifierConfig, count: int) -> None:
    """Refuse to regenerate if `difffas generate` did not make the generated corpus."""
    if count and (fit.generated is None or _generation(fit.generated) is None):
        raise UserError(f"regenerate {count} needs fit.generated to be a folder that `difffas generate` wrote")
    if count and fit.audit is not None:
        raise UserError(f"regenerate {count} makes rows that fit.audit does not know: leave one of them out")


def write_settings(storage: Storage, ranked: list[Trial], fit: FitClassifierConfig) -> list[str]:
    """Settings files of the best trials, first `best/`, then `best-2/` …; returns these folders."""
    places = []
    for rank, trial in enumerate(ranked, start=1):
        place = "best" if rank == 1 else f"best-{rank}"
        settings = settings_of(located(fit), trial["parameters"], storage.path(f"{place}/classifier"))
        made = _generation(fit.generated) if fit.generated else None
        if made is not None:
            again = generation_of(made, settings.generated_rows, storage.path(f"{place}/spoofs"))
            storage.create(f"{place}/{GENERATE}", _yaml(again))
            # The audit does not cover regenerated rows.
            changed = {"generated": again.out, "generated_rows": RowFilter(), "audit": None}
            settings = settings.model_copy(update=changed)
        storage.create(f"{place}/{FIT}", _yaml(settings))
        places.append(place)
    return places


def regenerate(storage: Storage, ranked: list[Trial], places: list[str], metric: str) -> list[Regenerated]:
    """Generate and fit with these files; return each held-out metric together with that of the filtered rows."""
    found: list[Regenerated] = []
    for trial, place in zip(ranked, places, strict=False):
        again = build(GenerateConfig, _read(storage, f"{place}/{GENERATE}"))
        made = generate.run(again)
        fitted = fit_classifier.run(build(FitClassifierConfig, _read(storage, f"{place}/{FIT}")))
        found.append(
            {
                "trial": trial["trial"],
                "folder": place,
                "t0": list(again.sampler.t0),
                "cfg_scale": list(again.sampler.cfg_scale),
                "rows": {"filtered": trial["rows"], "regenerated": made["written"]},
                "metric": {"filtered": trial["metric"], "regenerated": model_evaluation(fitted)[metric]},
            }
        )
    return found


def generation_of(made: GenerateConfig, kept: RowFilter, out: str) -> GenerateConfig:
    """The generation of `made`, with T₀ and w drawn only from the filter's ranges.

    A range that lies outside becomes the nearest end of the filter's.
    """
    inputs = made.inputs
    places = {name: Storage(getattr(inputs, name)).url for name in ("live", "guides")}
    generator = inputs.generator if inputs.generator in BUILT_IN else Storage(inputs.generator).url
    sampler = {name: _clamped(getattr(made.sampler, name), getattr(kept, name)) for name in ("t0", "cfg_scale")}
    values = made.model_dump(mode="json")
    values |= {"inputs": {**places, "generator": generator}, "out": out}
    values["sampler"] |= {name: list(ends) for name, ends in sampler.items()}
    for style in made.sampler.by_style:
        ranges = made.sampler.ranges(style)
        values["sampler"]["by_style"][style] = {
            "t0": list(_clamped(ranges.t0, kept.t0)),
            "cfg_scale": list(_clamped(ranges.cfg_scale, kept.cfg_scale)),
        }
    return build(GenerateConfig, values)


def _clamped(ends: tuple[Number, Number], kept: tuple[Number, Number]) -> tuple[Number, Number]:
    low, high = (min(max(end, kept[0]), kept[1]) for end in ends)
    return low, high


def _generation(url: str) -> GenerateConfig | None:
    """The settings that generated a corpus; None if it was made in another way."""
    claim = read_claim(Storage(url))
    return build(GenerateConfig, claim["config"]) if claim["job"] == "generate" else None


def _read(storage: Storage, name: str) -> JsonObject:
    """Read the file that `_yaml` wrote, or that another writer wrote first."""
    values = parse_yaml(storage.read(name).decode("utf-8", "replace"), storage.path(name))
    if not isinstance(values, dict):
        raise UserError(f"{storage.path(name)} holds no settings: delete it and run the command again")
    return values


def _yaml(config: Config) -> bytes:
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True).encode()
