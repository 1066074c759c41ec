"""Configuration of the benchmark; docs/benchmark.md is the manual."""

from __future__ import annotations

from pydantic import Field, JsonValue, model_validator

from difffas.errors import UserError
from factory.ablate import AblateConfig
from factory.ablate.tables import METRICS
from factory.core.config import Config, PathOrUrl

ATTACKS = ("print", "replay", "rigid_mask", "partial", "make_up")
FAMILIES = {
    "one camera left out": ("world-twc-p", "world-pwc-t", "world-ptc-w", "world-ptw-c"),
    "two cameras alone": ("world-pt-wc", "world-wc-pt"),
    "an unseen attack": tuple(f"world-loo-{attack}" for attack in ATTACKS),
}


class TracesConfig(Config):
    """How live test faces are passed through a generator, to see whether a classifier has learnt its own traces."""

    t0: int = Field(50, ge=1, le=1000, description="noise level to which a face is taken and back")
    steps: int = Field(10, ge=1, description="network calls on the way back")
    batch_size: int = Field(16, ge=1, description="faces a call")

    @model_validator(mode="after")
    def _check(self) -> TracesConfig:
        if self.steps > self.t0:
            raise UserError(f"traces.steps {self.steps} must be at most traces.t0 ({self.t0})")
        return self


class FeaturesConfig(Config):
    """The map of what classifiers see (t-SNE): of one protocol and one seed, the people of dev and test."""

    protocol: PathOrUrl | None = Field(None, description="None: the first of the table")
    rows: tuple[str, ...] | None = Field(None, min_length=1, description="None: the baseline and the rows that add")
    perplexity: float = Field(30.0, ge=2, description="about how many neighbours of a face count")
    steps: int = Field(750, ge=250, description="steps of t-SNE's descent")


class BenchmarkConfig(AblateConfig):
    """The benchmark: an ablation table with intervals, pictures and a page.

    All keys of an ablation are keys of the benchmark.
    """

    table: PathOrUrl = Field("benchmark", description="name of a table in the package, or FILE.yaml")
    corpus: PathOrUrl = Field("embedded://people", description="people to train, choose thresholds and test on")
    size: int | None = Field(64, ge=32, description="pixels of a side to which the faces are brought first")
    generation_seed: int | None = Field(
        0, ge=0, description="seed of style encoder, generator and generated faces, shared by all seeds"
    )
    baseline: str | None = Field(None, description="row with which others are compared; None: the first")
    judged_by: str = Field("hter@dev_eer", description="metric that says what helps")
    families: dict[str, tuple[PathOrUrl, ...]] = Field(
        FAMILIES, description="protocols that are averaged; one that is in none stands alone"
    )
    resamples: int = Field(1000, ge=100, description="draws of test people, from which intervals follow")
    strength: dict[str, JsonValue] | None = Field(
        {}, description="settings of the strength study of one generator; null: none"
    )
    traces: TracesConfig | None = Field(TracesConfig(), description="null: no test of the generator's own traces")
    features: FeaturesConfig | None = Field(FeaturesConfig(), description="null: no map of features")

    @model_validator(mode="after")
    def _judged(self) -> BenchmarkConfig:
        if self.judged_by not in METRICS:
            raise UserError(f"unknown metric {self.judged_by!r} for judged_by: choose from {', '.join(METRICS)}")
        named = [protocol for protocols in self.families.values() for protocol in protocols]
        if twice := [name for place, name in enumerate(named) if name in named[:place]]:
            raise UserError(f"families name {twice[0]} twice: a protocol is in one family")
        return self

    def ablation(self) -> AblateConfig:
        """The same settings, without those that only the benchmark has."""
        return AblateConfig(**{name: getattr(self, name) for name in AblateConfig.model_fields})
