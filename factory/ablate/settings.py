"""Configuration of an ablation; docs/ablating.md is the manual."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, JsonValue, model_validator

from difffas.errors import UserError
from factory.ablate.tables import Seeds
from factory.core.config import Config, PathOfProtocol, PathOrUrl, is_empty
from factory.models.settings import GeneratorOfProtocol
from factory.train import TrainResources

Unit: TypeAlias = Literal["frame", "video"]
StationOfProtocol: TypeAlias = Literal["fit_style", "fit_generator", "generate", "fit_classifier"]


class AblateConfig(Config):
    """One table on one corpus.

    Generated faces come from what their row names, else from `generated`, else from `generator`, else from a generator
    fitted with `fit_generator`.
    The stations' settings are those of their own configurations, without inputs, `out` and seeds.
    """

    table: PathOrUrl = Field(description="name of a table in the package, or FILE.yaml")
    corpus: PathOrUrl = Field(description="real faces for training and testing")
    out: PathOrUrl = Field(description="folder of the table, local or s3://")
    protocols: tuple[PathOrUrl, ...] | None = Field(
        None, min_length=1, description="None: the table's; own: the corpus's own splits"
    )
    seeds: Seeds | None = Field(None, description="None: the table's")
    generated: PathOfProtocol | None = Field(None, description="finished corpus of spoofs; $protocol is replaced")
    generator: GeneratorOfProtocol | None = Field(None, description="finished model folder, or dummy; $protocol too")
    style_encoder: GeneratorOfProtocol | None = Field(
        None, description="fit-style folder for fit_generator; $protocol too"
    )
    size: int | None = Field(None, ge=32, description="pixels of a side to which the faces are brought first")
    generation_seed: int | None = Field(
        None, ge=0, description="seed of style encoder, generator and generated faces, shared by all seeds"
    )
    fit_style: dict[str, JsonValue] = Field(
        {}, description="settings of fit-style, for a generator that is fitted here"
    )
    fit_generator: dict[str, JsonValue] | None = Field(
        None, description="settings of fit-generator; null: none is fitted"
    )
    fit_dsdg: dict[str, JsonValue] | None = Field(
        None, description="for rows of generator dsdg, which make new people"
    )
    generate: dict[str, JsonValue] = Field({}, description="settings of generate")
    fit_classifier: dict[str, JsonValue] = Field(
        {}, description="settings of fit-classifier; a row of the table adds its own"
    )
    by_protocol: dict[PathOrUrl, dict[StationOfProtocol, dict[str, JsonValue]]] = Field(
        {}, exclude_if=is_empty, description="other settings of stations for single protocols"
    )
    evaluate: dict[str, JsonValue] = Field({}, description="default: no bootstrap, since tables show no intervals")
    unit: Unit | None = Field(
        None, description="video: mean score of each recording; None: video if a recording of the corpus has frames"
    )
    runs: PathOrUrl | None = Field(None, description="folder of the runs; tables may share it; None: OUT/runs")
    resources: TrainResources = Field(TrainResources(), description="for every fit without its own resources")

    @model_validator(mode="after")
    def _check(self) -> AblateConfig:
        ways = [name for name in ("generated", "generator", "fit_generator") if getattr(self, name) is not None]
        if len(ways) > 1:
            raise UserError(f"{ways[0]} and {ways[1]} both say where generated faces come from: give one")
        if self.style_encoder is not None and self.fit_generator is None:
            raise UserError("style_encoder is for a generator that fit_generator fits: leave it out")
        return self
