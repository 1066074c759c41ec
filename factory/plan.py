"""The plan: which live face meets which guide, with which T₀, w and seed, in which shard, at which place.

A plan is a function, not a file. Everything about sample n of a split follows from the configuration and the corpus
indexes by counters and hashes, so `order(shard)` costs the size of one shard however large the run is:

* styles take turns: sample n has style n mod S, so style counts differ by at most one;
* turn r = n div S of a style with L live faces and R turns uses live face floor(r·L/R): live faces are visited in
  corpus order, evenly, so that a shard reads a few neighbouring row groups and not the whole corpus;
* guide, T₀, w and seed are drawn by hashing (plan seed, split, n).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from difffas.presets import PRESETS
from factory import draws
from factory.config import Config
from factory.pairing import StyleOrders, style_orders
from factory.shards import shard_sizes, shard_span


class PlanConfig(Config):
    """What to generate.

    cross-attack: every attack that a live subject lacks in its own domain. cross-domain: the styles of other domains.
    """

    policies: tuple[Literal["cross-attack", "cross-domain"], ...] = Field(
        ("cross-attack", "cross-domain"), min_length=1
    )
    splits: tuple[str, ...] = Field(("train",), min_length=1)
    samples: int | None = Field(None, ge=1, description="per split; None: as many as (live, style, guide) triples")
    live_domains: tuple[str, ...] | None = Field(
        None, min_length=1, description="only live faces of these domains; None: all"
    )
    allowed_domains: tuple[str, ...] | None = Field(None, description="of a protocol: anything else is refused")
    allowed_attacks: tuple[str, ...] | None = Field(None, description="of a protocol: anything else is refused")
    guides_per_style: int = Field(4, ge=1)
    styles: tuple[str, ...] | None = Field(
        None, min_length=1, description="only these styles; None: all that the policies allow"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> PlanConfig:
        for name in ("splits", "styles"):
            given = getattr(self, name) or ()
            if len(set(given)) < len(given):
                raise ValueError(f"plan.{name} {list(given)} names one twice")
        return self


class SamplerConfig(Config):
    """How one image is made; T₀ and w are drawn per sample, uniformly from the closed ranges.

    Presets other than `exact` set `name` and `steps` (see `difffas.presets`).
    """

    preset: Literal["exact", "balanced", "fast"] = "exact"
    name: Literal["ddim", "ddpm", "dpm_solver_pp_2m"] = "ddim"
    steps: int = Field(25, ge=1)
    offset: Literal["trailing", "official"] = Field("trailing", description="how timesteps follow from T₀")
    t0: tuple[int, int] = (250, 250)
    cfg_scale: tuple[float, float] = (2.0, 2.0)
    batch_size: int = Field(16, ge=1)

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
        if (self.name, self.steps) != wanted or (preset.spacing > 1.0 and self.offset != "trailing"):
            raise ValueError(
                f"sampler.preset {self.preset} is {wanted[0]} in {wanted[1]} steps with offset trailing: leave out "
                "name, steps and offset, or use preset exact"
            )
        for name, (low, high) in {"t0": self.t0, "cfg_scale": self.cfg_scale}.items():
            if low > high:
                raise ValueError(f"sampler.{name} [{low}, {high}] must rise: write the smaller value first")
        highest = 1000 if self.offset == "trailing" else 999  # official: the start noise is that of index T₀
        if not self.steps <= self.t0[0] <= self.t0[1] <= highest:
            raise ValueError(f"sampler.t0 {list(self.t0)} must lie within steps ({self.steps}) and {highest}")
        return self


@dataclasses.dataclass(frozen=True)
class Order:
    """Everything needed to make one shard; arrays of one entry per sample."""

    shard: str
    split: str
    keys: list[str]
    live: np.ndarray  # int64, positions in the live corpus
    guide: np.ndarray  # int64, positions in the guide corpus
    t0: np.ndarray  # int64
    cfg_scale: np.ndarray  # float64
    seed: np.ndarray  # int64, 63 bits


class Plan:
    """The plan of one run.

    Args:
        config, sampler: what and how.
        rows_per_shard: upper bound of a shard.
        live, guides: pixel-free indexes of the two corpora (`Corpus.index`; the same one may serve as both).
        fingerprint: of the run; its first 8 digits begin every key.

    Raises:
        ValueError: if a split has no live faces, a wanted style has no guide, or no pair satisfies the policies.
    """

    def __init__(
        self,
        config: PlanConfig,
        sampler: SamplerConfig,
        rows_per_shard: int,
        live: pa.Table,
        guides: pa.Table,
        fingerprint: str,
    ) -> None:
        self.config = config
        self.sampler = sampler
        self._prefix = fingerprint[:8]
        self._styles: dict[str, list[StyleOrders]] = {}
        self._samples: dict[str, int] = {}
        self._shards: dict[str, int] = {}
        for split in config.splits:
            styles = style_orders(config, split, live, guides)
            triples = sum(len(style.live) * len(style.guides) for style in styles)
            self._styles[split] = styles
            self._samples[split] = config.samples or triples
            self._shards[split] = shard_sizes(self._samples[split], rows_per_shard, sampler.batch_size)[0]

    def __len__(self) -> int:
        """Number of samples."""
        return sum(self._samples.values())

    @property
    def shard_count(self) -> int:
        """Number of shards."""
        return sum(self._shards.values())

    def shards(self) -> Iterator[str]:
        """Shard names `<split>-<number>`, dense within each split."""
        for split, count in self._shards.items():
            for number in range(count):
                yield f"{split}-{number:06d}"

    def style_counts(self) -> dict[str, int]:
        """Samples per style, in closed form."""
        counts: dict[str, int] = {}
        for split, styles in self._styles.items():
            turns, more = divmod(self._samples[split], len(styles))
            for number, style in enumerate(styles):
                counts[style.style] = counts.get(style.style, 0) + turns + (number < more)
        return counts

    def sizes(self) -> dict[str, int]:
        """Samples per split."""
        return dict(self._samples)

    def distinct(self) -> int:
        """How many combinations of live face, guide, T₀ and w there are at most, in closed form; no more than samples.

        Exact where T₀ and w are single values. Samples beyond it show a combination again, with another seed.
        """
        (low, high), (least, most) = self.sampler.t0, self.sampler.cfg_scale
        settings = (high - low + 1) * (round((most - least) * 1000) + 1)  # w has three decimals
        return sum(
            _distinct(_turns(self._samples[split], number, len(styles)), len(style.live), len(style.guides), settings)
            for split, styles in self._styles.items()
            for number, style in enumerate(styles)
        )

    def locate(self, key: str) -> tuple[str, int]:
        """Shard of a key and its place in the order; raises ValueError for a key that is not in this plan."""
        match = re.fullmatch(r"([0-9a-f]{8})-(.+)-(\d{10,})", key)
        if match is None or match[1] != self._prefix or int(match[3]) >= self._samples.get(match[2], 0):
            raise ValueError(f"key {key!r} is not in this plan of {len(self)} samples")
        split, n = match[2], int(match[3])
        size, longer = divmod(self._samples[split], self._shards[split])
        number, place = divmod(n, size + 1)
        if number >= longer:  # the longer shards come first
            number, place = divmod(n - longer * (size + 1), size)
            number += longer
        return f"{split}-{number:06d}", place

    def order(self, shard: str) -> Order:
        """The order of one shard, in time and memory of that shard."""
        split, number = _parse(shard)
        if not (split in self._shards and number < self._shards[split]):
            raise ValueError(f"shard {shard!r} is not in this plan of {self.shard_count} shards")
        samples = self._samples[split]
        styles = self._styles[split]
        first, size = shard_span(number, samples, self._shards[split])
        n = np.arange(first, first + size)
        key = (self.config.seed, split)
        live, guide = np.empty(size, np.int64), np.empty(size, np.int64)
        for offset, style in enumerate(styles):
            mine = n % len(styles) == offset
            turns = _turns(samples, offset, len(styles))
            turn = n[mine] // len(styles)
            live[mine] = style.live[turn * len(style.live) // turns]
            # Neighbouring turns may share a live face: consecutive guides keep their pairs apart.
            guide[mine] = style.guides[(turn + style.live[turn * len(style.live) // turns]) % len(style.guides)]
        low, high = self.sampler.cfg_scale
        return Order(
            shard=shard,
            split=split,
            keys=[f"{self._prefix}-{split}-{i:010d}" for i in n],
            live=live,
            guide=guide,
            t0=self.sampler.t0[0] + draws.below(self.sampler.t0[1] - self.sampler.t0[0] + 1, n, *key, "t0"),
            cfg_scale=np.round(low + draws.uniform(n, *key, "cfg_scale") * (high - low), 3).clip(low, high),
            seed=(draws.bits(n, *key, "seed") >> np.uint64(1)).astype(np.int64),
        )


def _turns(samples: int, offset: int, styles: int) -> int:
    """Turns of the style at that offset."""
    return (samples - offset + styles - 1) // styles


def _distinct(turns: int, live: int, guides: int, settings: int) -> int:
    """Combinations among the turns of one style: they visit the live faces evenly, each face its guides in turn."""
    each, more = divmod(turns, live)

    def of_face(turns: int) -> int:
        rounds, beyond = divmod(turns, guides)
        return beyond * min(rounds + 1, settings) + (guides - beyond) * min(rounds, settings)

    return more * of_face(each + 1) + (live - more) * of_face(each)


def _parse(shard: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+)-(\d{6,})", shard)
    if match is None:
        raise ValueError(f"shard {shard!r} is not of the form <split>-<number>")
    return match[1], int(match[2])
