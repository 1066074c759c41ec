"""Configuration of a search; docs/searching.md is the manual."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl
from factory.train.recipes.classifier import FitClassifierConfig
from factory.tune.space import SearchSpace

TRIALS = "trials"


class TuneConfig(Config):
    """One search. `fit` holds the settings common to all trials, as for fit-classifier; `search` those that vary."""

    out: PathOrUrl = Field(description="folder of the search, local or s3://")
    fit: FitClassifierConfig = Field(
        description="settings of every trial, without `out`; resources are per trial",
        json_schema_extra={"derived": ["out"]},  # a template leaves it out
    )
    search: SearchSpace
    trials: int = Field(20, ge=1, description="classifiers to fit")
    searcher: Literal["random", "optuna"] = Field("random", description="random: the seed decides each trial's draw")
    metric: Literal["auc", "d_eer"] = Field("auc", description="figure on held-out people that compares trials")
    grace_steps: int | None = Field(
        None, ge=1, description="ASHA stops no trial earlier; None: a quarter of all steps; all steps: never"
    )
    reduction: int = Field(3, ge=2, description="one in this many trials survives each rung of ASHA")
    regenerate: int = Field(
        0, ge=0, description="how many of the best trials to repeat with rows generated in their ranges of T₀ and w"
    )
    seed: int = Field(0, ge=0, description="seed of the search")
    concurrent: int = Field(2, ge=1, description="concurrent trials; excluded from the fingerprint")

    @model_validator(mode="before")
    @classmethod
    def _out_of_fit(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("fit"), dict):
            return values
        out = f"{values.get('out')}/{TRIALS}"
        if values["fit"].get("out", out) != out:
            raise UserError("fit.out follows from out: leave it out")
        return values | {"fit": values["fit"] | {"out": out}}
