"""The configuration of a calibration."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, model_validator

from difffas.errors import UserError
from difffas.routes import Matching
from factory.core.config import Config, PathOrUrl, build
from factory.corpus.identity import EmbedderName
from factory.models.settings import GeneratorFolder, SamplerConfig


class CalibrateInputs(Config):
    """Folders, local or `s3://`. `guides` may be the same corpus as `live`; `generator` is a model folder."""

    live: PathOrUrl = Field(description="corpus of live faces")
    guides: PathOrUrl = Field(description="corpus whose spoofs show the styles; may be that of the live faces")
    generator: GeneratorFolder = Field(description="model folder, or portrait-64 or people-64, which ship")
    judge: PathOrUrl = Field(description="folder of fit-judge, fitted on other people")


class Grid(Config):
    """What to try: every match with every T₀ and every w."""

    match: tuple[Matching, ...] = Field(
        ("none", "style"), min_length=1, description="what a live face is given before sampling; see sampler.match"
    )
    t0: tuple[int, ...] = Field((250, 350, 400, 450), min_length=1, description="noise levels at which editing starts")
    cfg_scale: tuple[float, ...] = Field((2.0, 3.5, 5.0), min_length=1, description="guidance scales w")

    @model_validator(mode="after")
    def _check(self) -> Grid:
        for name, values in (("t0", self.t0), ("cfg_scale", self.cfg_scale)):
            if list(values) != sorted(set(values)):
                raise UserError(f"grid.{name} {list(values)} must rise: write each value once, the smallest first")
        if len(set(self.match)) < len(self.match):
            raise UserError(f"grid.match {list(self.match)} names one twice")
        return self


class Floor(Config):
    """What a cell must keep of the person to be chosen, as a mean over its spoofs."""

    own: float = Field(0.95, ge=0, le=1, description="share of spoofs whose nearest live face is of their person")
    structure: float = Field(0.9, ge=-1, le=1, description="correlation of coarse structure with the live face")


class CalibrateResources(Config):
    """Resources that the calibration may use; excluded from the fingerprint. A GPU is used if there is one."""

    threads: int = Field(2, ge=1, description="PyTorch threads on a CPU")


class CalibrateConfig(Config):
    """One calibration."""

    inputs: CalibrateInputs
    out: PathOrUrl = Field(description="folder of the calibration, local or s3://")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpora's own splits")
    sampler: SamplerConfig = Field(
        SamplerConfig(),
        description="as for `generate`; the result is compared with its match, T₀ and w",
    )
    grid: Grid = Grid()
    floor: Floor = Floor()
    identity: EmbedderName = Field(description="dlib (extra `identity`), or structure, without face recognition")
    split: str = Field("dev", description="held-out people on whom the settings are chosen")
    check: str | None = Field("test", description="split of yet other people who confirm them; None: nobody does")
    faces: int = Field(12, ge=1, description="live faces of each style and cell, spread evenly over the split")
    styles: tuple[str, ...] | None = Field(None, min_length=1, description="None: every spoof style of the guides")
    seed: int = Field(0, ge=0, description="seed of faces, guides and noise")
    resources: CalibrateResources = CalibrateResources()

    @model_validator(mode="after")
    def _check(self) -> CalibrateConfig:
        if self.check == self.split:
            raise UserError(f"check is {self.check!r}, the split that chooses: name another, or set check=null")
        if self.sampler.match_unseen != "refuse" and not {"domain", "style"} & set(self.grid.match):
            raise UserError(
                f"grid.match {list(self.grid.match)} estimates no statistics, and sampler.match_unseen is "
                f"{self.sampler.match_unseen}: add domain or style to grid.match, or leave out sampler.match_unseen"
            )
        tuple(self.cells())  # a T₀ that the steps do not fit is refused
        return self

    def cells(self) -> Iterator[SamplerConfig]:
        """The samplers of the grid, by match, T₀ and w."""
        for match in self.grid.match:
            for t0 in self.grid.t0:
                for cfg_scale in self.grid.cfg_scale:
                    yield matched(self.sampler, match, t0=(t0, t0), cfg_scale=(cfg_scale, cfg_scale), by_style={})


def matched(sampler: SamplerConfig, match: Matching, **changes: object) -> SamplerConfig:
    """The sampler with another match and these changes; raises UserError if they do not fit it."""
    unseen = sampler.match_unseen if match in ("domain", "style") else "refuse"
    return build(SamplerConfig, {**dict(sampler), "match": match, "match_unseen": unseen, **changes})
