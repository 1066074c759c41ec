"""Settings of how one image is made: sampler, steps, ranges of T₀ and w."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from difffas.errors import UserError
from difffas.presets import PRESETS, STUDENT, PresetName
from difffas.routes import Matching
from factory.core.config import Config, PathOfProtocol, PathOrUrl, is_empty
from factory.storage.embedded import PORTRAIT, RENDERED

# What ships, by the name on its card; a folder of that name is ./portrait-64.
NAMES = {"portrait-64": PORTRAIT, "people-64": RENDERED}


def _by_name(given: str) -> str:
    return NAMES.get(given, given)


# Of every setting that names a generator, or a folder that may be one.
GeneratorFolder = Annotated[PathOrUrl, AfterValidator(_by_name)]
GeneratorOfProtocol = Annotated[PathOfProtocol, AfterValidator(_by_name)]  # where $protocol is replaced


class Ranges(NamedTuple):
    """Closed ranges from which T₀ and w are drawn."""

    t0: tuple[int, int]
    cfg_scale: tuple[float, float]


class StyleRanges(Config):
    """Ranges of T₀ and w for one style; None: those of all styles."""

    t0: tuple[int, int] | None = Field(None, description="closed range of T₀ for this style; null: that of all")
    cfg_scale: tuple[float, float] | None = Field(
        None, description="closed range of w for this style; null: that of all"
    )


class SamplerConfig(Config):
    """How one image is made; T₀ and w are drawn per sample, uniformly from the closed ranges.

    Presets other than `exact` set `name` and `steps` (see `difffas.presets`).
    """

    preset: PresetName = Field("exact", description="student and student-2 need a generator that has a student")
    name: Literal["ddim", "ddpm", "dpm_solver_pp_2m", "student"] = Field(
        "ddim", description="name of the sampler; presets other than exact set it"
    )
    steps: int = Field(25, ge=1, description="network calls of exact (two each with guidance); other presets set them")
    offset: Literal["trailing", "official"] = Field("trailing", description="how timesteps follow from T₀")
    t0: tuple[int, int] = Field(
        (250, 250),
        description="closed range of the noise level at which editing starts; higher: stronger spoof, weaker identity",
    )
    cfg_scale: tuple[float, float] = Field(
        (2.0, 2.0), description="closed range of the guidance scale w; higher: stronger style"
    )
    by_style: dict[str, StyleRanges] = Field(
        {},
        exclude_if=is_empty,
        description="other ranges of T₀ and w for these styles; `difffas calibrate` finds them",
    )
    match: Matching = Field(
        "none",
        description="what a live face is given before sampling. guide: start with the tint and contrast of the guide; "
        "domain: the colours and sharpness of live faces of the guide's domain; style: start moreover from those of "
        "the guide's style",
    )
    match_unseen: Literal["refuse", "estimate"] = Field(
        "refuse", description="what to do for a style without statistics in the model: estimate them from the inputs"
    )
    batch_size: int = Field(16, ge=1, description="faces a network call; part of a shard's bytes")

    @model_validator(mode="before")
    @classmethod
    def _of_preset(cls, given: Any) -> Any:
        name = given.get("preset") if isinstance(given, dict) else None
        preset = PRESETS.get(name) if isinstance(name, str) else None
        if preset is None or preset.steps is None:
            return given
        return {"name": preset.sampler, "steps": preset.steps, **given}

    @model_validator(mode="after")
    def _check(self) -> SamplerConfig:
        preset = PRESETS[self.preset]
        wanted = (preset.sampler or self.name, preset.steps or self.steps)
        trailing = preset.spacing > 1.0 or preset.of_student
        if (self.name, self.steps) != wanted or (trailing and self.offset != "trailing"):
            raise UserError(
                f"sampler.preset {self.preset} is {wanted[0]} in {wanted[1]} step(s) with offset trailing: leave out "
                "name, steps and offset, or use preset exact"
            )
        if self.name == STUDENT and not preset.of_student:
            raise UserError(f"sampler.name {STUDENT} needs sampler.preset student or student-2: set the preset alone")
        if self.match in ("none", "guide") and self.match_unseen != "refuse":
            raise UserError(
                f"sampler.match_unseen {self.match_unseen} needs sampler.match domain or style: set it too"
            )
        highest = 1000 if self.offset == "trailing" else 999  # official: the start noise has index T₀
        for key, ranges in self.all_ranges():
            for name, (low, high) in ranges._asdict().items():
                if low > high:
                    raise UserError(f"{key}.{name} [{low}, {high}] must rise: write the smaller value first")
            if not self.steps <= ranges.t0[0] <= ranges.t0[1] <= highest:
                raise UserError(f"{key}.t0 {list(ranges.t0)} must lie within steps ({self.steps}) and {highest}")
        return self

    def ranges(self, style: str) -> Ranges:
        """The ranges for one style."""
        own = self.by_style.get(style, StyleRanges())
        return Ranges(own.t0 or self.t0, own.cfg_scale or self.cfg_scale)

    def all_ranges(self) -> Iterator[tuple[str, Ranges]]:
        """All ranges, each with the key that sets it."""
        yield "sampler", Ranges(self.t0, self.cfg_scale)
        for style in self.by_style:
            yield f"sampler.by_style.{style}", self.ranges(style)

    def decisive(self) -> dict[str, Any]:
        """The settings that decide pixels, as JSON values; without those that are not used.

        Runs from before these settings existed have these fingerprints, and can go on.
        """
        unused = {"match", "match_unseen"} if self.match == "none" else set[str]()
        return self.model_dump(mode="json", exclude=unused)
