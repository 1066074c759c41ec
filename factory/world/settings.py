"""Configuration of a rendered corpus; docs/world.md is the manual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field, ValidationInfo, field_validator, model_validator

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl
from factory.corpus.shards import OutputConfig
from factory.line.rounds import STALL_SECONDS
from factory.world.attacks import ATTACKS
from factory.world.capture.cameras import CAMERAS

MOST_SEED, MOST_PEOPLE = 2**31 - 1, 2**31
PICTURE_SECONDS = 4.0  # of a core, at 128 pixels a side and 64 paths a pixel: docs/world.md, Speed
SHARD_SECONDS, MOST_ROWS = 240.0, 96  # a shard that is lost with its machine costs some minutes


class WorldOutput(OutputConfig):
    """As everywhere, in smaller shards, since a picture takes seconds.

    Unless given, `rows_per_shard` is what a core renders in some minutes, and at most 96.
    """

    rows_per_shard: int = Field(
        MOST_ROWS, ge=1, description="planned images of a shard, the unit of work and of resuming"
    )


class WorldResources(Config):
    """Resources that the line may use; excluded from the fingerprint."""

    num_cpus: int = Field(1, ge=1, description="CPUs that one rendering task reserves, and its threads")
    task_labels: dict[str, str] = Field({}, description="labels of nodes that tasks may run on; empty: any node")
    stall_seconds: float = Field(STALL_SECONDS, gt=0, description="give up after this long without a finished shard")


class WorldConfig(Config):
    """One rendered corpus: people × domains × captures, each live and under every attack."""

    out: PathOrUrl = Field(description="corpus folder to write, local or s3://")
    people: int = Field(120, ge=1, le=MOST_PEOPLE, description="number of people")
    domains: tuple[str, ...] = Field(tuple(CAMERAS), min_length=1, description="cameras")
    attacks: tuple[str, ...] = Field(tuple(ATTACKS), description="none: live faces alone")
    captures: int = Field(1, ge=1, le=100, description="captures of each person in each domain")
    aligned: bool = Field(False, description="with every spoof a live picture of the same pose and framing")
    size: int = Field(128, ge=32, le=1024, description="pixels of a picture's side, a multiple of 32")
    samples: int = Field(36, ge=1, le=4096, description="light paths a pixel: fewer are faster and noisier")
    split: dict[str, float] = Field(
        {"train": 0.6, "dev": 0.2, "test": 0.2}, description="shares of people in each split"
    )
    seed: int = Field(0, ge=0, le=MOST_SEED, description="another seed: other people")
    output: WorldOutput = Field(WorldOutput(), validate_default=True)
    resources: WorldResources = WorldResources()

    @field_validator("output")
    @classmethod
    def _sized(cls, output: WorldOutput, info: ValidationInfo) -> WorldOutput:
        if "rows_per_shard" in output.model_fields_set or not {"size", "samples"} <= info.data.keys():
            return output
        rows = int(SHARD_SECONDS / picture_seconds(info.data["size"], info.data["samples"]))
        return output.model_copy(update={"rows_per_shard": min(max(rows, 1), MOST_ROWS)})

    @model_validator(mode="after")
    def _check(self) -> WorldConfig:
        if self.size % 32:
            lower = self.size // 32 * 32
            raise UserError(f"size {self.size} must be a multiple of 32: take {lower} or {lower + 32}")
        _check_names("domain", self.domains, CAMERAS)
        _check_names("attack", self.attacks, ATTACKS)
        for name in self.split:
            if not name.isidentifier() or name != name.lower() or not name.isascii():
                raise UserError(f"split name {name!r} must be of [a-z0-9_]")
        if min(self.split.values(), default=0) < 0 or abs(sum(self.split.values()) - 1) > 1e-6:
            raise UserError(f"split {self.split} must be fractions that sum to 1")
        rows, most = self.output.rows_per_shard, self.resources.stall_seconds
        if (seconds := rows * picture_seconds(self.size, self.samples) / self.resources.num_cpus) > most:
            less = "lower output.rows_per_shard" if rows > 1 else "lower size or samples"
            raise UserError(
                f"output.rows_per_shard {rows}, size {self.size}, samples {self.samples}: a shard takes about "
                f"{seconds:,.0f} s, a run gives up after {most:,.0f} s without one: {less}, or raise "
                f"resources.num_cpus or resources.stall_seconds"
            )
        return self


def picture_seconds(size: int, samples: int) -> float:
    """Seconds that a core takes for a picture, on average over live faces and attacks: a rough estimate."""
    return PICTURE_SECONDS * (size / 128) ** 2 * samples / 64


def _check_names(kind: str, names: Sequence[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            raise UserError(f"unknown {kind} {name!r}: choose from {', '.join(known)}")
    if len(set(names)) != len(names):
        raise UserError(f"{kind}s {', '.join(names)}: give each once")
