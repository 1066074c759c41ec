"""The search space: values of each parameter, the draw of trial n, and the resulting classifier settings.

Sampler parameters act as filters on the rows of one generated corpus, read from its pixel-free index, so that trials
never generate images.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core import draws
from factory.core.config import Config, build
from factory.models import backbone
from factory.storage import Storage
from factory.train.recipes.classifier import FitClassifierConfig
from factory.train.recipes.sampling import style_weights

if TYPE_CHECKING:
    from ray.tune.search.sample import Domain

DIGITS = 4  # significant digits of a drawn value
INTEGERS = ("t0_min", "t0_max")
LOGARITHMIC = ("learning_rate",)
MARGINS = ("live_margin", "spoof_margin", "scale")  # parameters of the loss, with these names
WEIGHT = "style_weights."  # prefix before a style's or attack's name
# The end of a `generated_rows` range that each parameter sets.
ENDS = {"t0_min": ("t0", 0), "t0_max": ("t0", 1), "cfg_scale_min": ("cfg_scale", 0), "cfg_scale_max": ("cfg_scale", 1)}

Parameters = dict[str, float]


class Values(Config):
    """`[low, high]`, a closed range, or `{choices: [a, b, …]}`."""

    low: float | None = Field(None, description="least value")
    high: float | None = Field(None, description="greatest value")
    choices: tuple[float, ...] | None = Field(None, min_length=1, description="the only values, instead of a range")

    @model_validator(mode="before")
    @classmethod
    def _of_pair(cls, given: Any) -> Any:
        if isinstance(given, list | tuple):
            if len(given) != 2:
                raise UserError("give a closed range [low, high], or {choices: [a, b, …]}")
            return {"low": given[0], "high": given[1]}
        return given

    @model_validator(mode="after")
    def _check(self) -> Values:
        if (self.choices is None) == (self.low is None or self.high is None):
            raise UserError("give a closed range [low, high], or {choices: [a, b, …]}")
        if not all(map(math.isfinite, self.every)) or self.least > self.most:
            raise UserError(f"[{self.least:g}, {self.most:g}] must rise: write the smaller value first")
        return self

    @property
    def every(self) -> tuple[float, ...]:
        """The choices, or both ends."""
        if self.choices is not None:
            return self.choices
        assert self.low is not None and self.high is not None
        return self.low, self.high

    @property
    def least(self) -> float:
        """The smallest value that may be drawn."""
        return min(self.every) if self.choices is not None else self.every[0]

    @property
    def most(self) -> float:
        """The largest value that may be drawn."""
        return max(self.every) if self.choices is not None else self.every[1]


class SearchSpace(Config):
    """What to vary; omitted settings stay as in `fit`. Draws are uniform, for the learning rate in its logarithm."""

    live_margin: Values | None = Field(None, description="the RQ loss's margin for live faces")
    spoof_margin: Values | None = Field(None, description="the RQ loss's margin for spoofs")
    scale: Values | None = Field(None, description="s of the softmax, in the loss and in the classifier")
    t0_min: Values | None = Field(None, description="lowest T₀ of the generated rows that are used")
    t0_max: Values | None = Field(None, description="largest T₀ of the generated rows that are used")
    cfg_scale_min: Values | None = Field(None, description="lowest w of the generated rows that are used")
    cfg_scale_max: Values | None = Field(None, description="largest w of the generated rows that are used")
    generated_share: Values | None = Field(None, description="share of every batch")
    style_weights: dict[str, Values] = Field({}, description="weights by style or attack")
    learning_rate: Values | None = Field(None, description="learning rate of the classifier")

    @model_validator(mode="after")
    def _check(self) -> SearchSpace:
        varied = dict(self.varied())
        if not varied:
            raise UserError(f"nothing to search: give values of {', '.join(type(self).model_fields)}")
        for name in INTEGERS:
            if name in varied and any(value != int(value) for value in varied[name].every):
                raise UserError(f"{name} {list(varied[name].every)} must be whole numbers")
        for name in LOGARITHMIC:
            if name in varied and varied[name].least <= 0:
                raise UserError(f"{name} must be above 0, not {varied[name].least:g}")
        for low, high in (("t0_min", "t0_max"), ("cfg_scale_min", "cfg_scale_max")):
            if low in varied and high in varied and varied[low].most > varied[high].least:
                raise UserError(
                    f"{low} reaches {varied[low].most:g}, above the least {high}, {varied[high].least:g}: a trial "
                    f"could have an empty range; let the one end where the other begins"
                )
        return self

    def varied(self) -> Iterator[tuple[str, Values]]:
        """(parameter, values) of everything that is varied, style weights as `style_weights.NAME`."""
        for name in type(self).model_fields:
            given = getattr(self, name)
            if isinstance(given, Values):
                yield name, given
        for name, values in self.style_weights.items():
            yield WEIGHT + name, values


def draw(space: SearchSpace, seed: int, trial: int) -> Parameters:
    """The parameters of a random-search trial; they follow only from the seed and the trial's number."""
    return {
        name: _value(name, values, float(draws.uniform(np.array([trial]), seed, "search", name)[0]))
        for name, values in space.varied()
    }


def _value(name: str, values: Values, u: float) -> float:
    """The value at the quantile u in [0, 1)."""
    if values.choices is not None:
        return whole(name, values.choices[int(u * len(values.choices))])
    low, high = values.least, values.most
    if name in INTEGERS:
        return int(low) + int(u * (int(high) - int(low) + 1))
    value = math.exp(math.log(low) + u * math.log(high / low)) if name in LOGARITHMIC else low + u * (high - low)
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)


def whole(name: str, value: float) -> float:
    """The value in its parameter's type: an int for whole-number parameters."""
    return int(value) if name in INTEGERS else float(value)


def optuna_space(space: SearchSpace) -> dict[str, Domain]:
    """The same values as Ray Tune domains, which its OptunaSearch accepts."""
    from ray import tune

    def domain(name: str, values: Values) -> Domain:
        if values.choices is not None:
            return tune.choice([whole(name, value) for value in values.choices])
        if name in INTEGERS:
            return tune.randint(int(values.least), int(values.most) + 1)
        return (tune.loguniform if name in LOGARITHMIC else tune.uniform)(values.least, values.most)

    return {name: domain(name, values) for name, values in space.varied()}


def located(fit: FitClassifierConfig) -> FitClassifierConfig:
    """The same settings with absolute paths, because Ray Tune runs every trial in its own folder."""
    places = {name: Storage(url).url for name in ("corpus", "generated", "audit") if (url := getattr(fit, name))}
    places["backbone"] = backbone.located(fit.backbone, fit.backbones)
    if fit.protocol is not None and fit.protocol.partition(":")[0].endswith((".yaml", ".yml")):
        places["protocol"] = os.path.abspath(fit.protocol)
    return fit.model_copy(update=places)


def check_values(space: SearchSpace, fit: FitClassifierConfig, styles: Sequence[str]) -> None:
    """Refuse values that a trial could not use: check both ends of each parameter before any trial.

    `styles` are the styles of the training rows.

    Raises:
        UserError: naming the parameter and its fault.
    """
    for name, values in space.varied():
        for value in (values.least, values.most):
            try:
                settings_of(fit, {name: whole(name, value)}, fit.out)
                if name.startswith(WEIGHT):
                    style_weights(np.array(styles), {name.removeprefix(WEIGHT): value})
            except UserError as error:
                raise UserError(f"search.{name}: {error}") from None


def settings_of(fit: FitClassifierConfig, parameters: Parameters, out: str) -> FitClassifierConfig:
    """The classifier settings of a trial: the settings of `fit` with the trial's parameters.

    Raises:
        UserError: if the loss does not have a parameter, or a value is outside a setting's range.
    """
    values = fit.model_dump(mode="json")
    values["out"] = out
    for name, value in parameters.items():
        if name in ENDS:
            key, end = ENDS[name]
            values["generated_rows"][key][end] = value
        elif name in MARGINS:
            values["loss"][name] = value
        elif name == "learning_rate":
            values["train"][name] = value
        elif name == "generated_share":
            values["sampling"][name] = value
        else:
            values["sampling"]["style_weights"][name.removeprefix(WEIGHT)] = value
    return build(FitClassifierConfig, values)
