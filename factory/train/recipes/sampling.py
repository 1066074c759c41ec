"""Choose the rows of a classifier's batch: real live faces, generated rows, domains, styles and qualities.

The parts nest: first the kind (real live, generated, the rest), then the domain, the style and the quality; the rows
of each innermost part come in shuffled passes. The choice is a function of the seed and the sample's counter.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config, is_empty, is_none
from factory.corpus.row import attack_of_style, domain_of_style, whole_domain
from factory.train.batches import Mixed, QualityWeighted, SamplePlan, Shuffled, high_quality, mixed
from factory.train.recipes.losses import is_live


class SamplingConfig(Config):
    """How to choose the rows of a batch; by default all rows equally often, in shuffled passes."""

    quality_weight: int | None = Field(
        None, ge=1, description="rows with a BRISQUE score below the mean that are drawn for every other row"
    )
    generated_share: float | None = Field(
        None, gt=0, lt=1, description="share of every batch, to within one sample; None: their share of all rows"
    )
    live_share: float | None = Field(
        None,
        gt=0,
        lt=1,
        exclude_if=is_none,
        description="share of every batch that is real live faces; None: their share of the rows that are left",
    )
    style_weights: dict[str, float] = Field(
        {}, description="by style or attack: how often a row is drawn, compared with rows of any other"
    )
    domain_weights: dict[str, float] = Field(
        {},
        exclude_if=is_empty,
        description="by domain: how often the domain is drawn, whatever its size; others weigh 1; empty: by size",
    )

    @model_validator(mode="after")
    def _leave_a_rest(self) -> SamplingConfig:
        if self.live_share and self.generated_share and self.live_share + self.generated_share >= 1:
            raise UserError(
                f"live_share {self.live_share:g} and generated_share {self.generated_share:g} leave nothing for real "
                f"spoofs: let their sum be below 1"
            )
        return self


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows to draw from, as arrays of one length: their numbers, and the facts that decide how often they come."""

    numbers: np.ndarray
    styles: np.ndarray  # `factory.corpus.row.style_of`
    generated: np.ndarray  # bool
    brisque: np.ndarray  # NaN for a row without a score


def sampling_plan(rows: Rows, config: SamplingConfig, seed: int) -> SamplePlan:
    """The row number of the n-th sample ever drawn.

    Raises:
        UserError: if the quality is weighted and no two BRISQUE scores differ, if a share has no row or leaves nothing
            of a batch to the other rows, or if a weight names an unknown domain or style or is not above 0.
    """
    parts = _Parts(rows, config, seed)
    generated_share, live_share = config.generated_share, config.live_share
    if generated_share is not None and not rows.generated.any():
        raise UserError("sampling.generated_share needs generated rows: set generated, or leave it out")
    rest = np.ones(len(rows.numbers), dtype=bool) if generated_share is None else ~rows.generated
    if live_share is None:
        plan = parts.by_domain(rest)
    else:
        live = ~rows.generated & np.isin(rows.styles, [style for style in set(rows.styles) if is_live(style)])
        _check_live_share(live, rest & ~live)
        plan = Mixed(parts.by_domain(live), parts.by_domain(rest & ~live), live_share / (1 - (generated_share or 0)))
    return plan if generated_share is None else Mixed(parts.by_domain(rows.generated), plan, generated_share)


def _check_live_share(live: np.ndarray, rest: np.ndarray) -> None:
    if not live.any():
        raise UserError("sampling.live_share needs real live faces, and no training row is one: leave it out")
    if not rest.any():
        raise UserError(
            "sampling.live_share leaves a rest of each batch, and no training row is left for it: leave it out"
        )


def domain_weights(domains: np.ndarray, given: Mapping[str, float]) -> tuple[np.ndarray, dict[str, float]]:
    """Per row the domain that it counts to, and of each of these how often it is drawn.

    A divided domain counts as one, with all of its parts, unless one of its parts is named: then each part is a
    domain, and a part that is not named weighs what the whole domain weighs [ours].

    Raises:
        UserError: for a domain that no row has, or a weight that is not above 0.
    """
    names, number = np.unique(domains.astype(str), return_inverse=True)
    known = sorted({*names, *map(whole_domain, names)})
    for name, weight in given.items():
        if name not in known:
            there = f"there are {', '.join(known)}"
            raise UserError(f"sampling.domain_weights: no training row has domain {name!r}; {there}")
        _check_weight("domain_weights", name, weight)
    divided = {whole_domain(name) for name in given if name != whole_domain(name)}
    counted = np.array([name if whole_domain(name) in divided else whole_domain(name) for name in names])
    return counted[number], {name: given.get(name, given.get(whole_domain(name), 1.0)) for name in counted.tolist()}


def style_weights(styles: np.ndarray, given: Mapping[str, float]) -> np.ndarray:
    """Weight of every row: the weight of its style, else of its attack, else 1."""
    found = np.ones(len(styles))
    names = sorted(set(styles.tolist()))
    attacks = {style: attack_of_style(style) for style in names}
    known = [*names, *sorted(set(attacks.values()))]
    for name, weight in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise UserError(f"sampling.style_weights: no row has style or attack {name!r}; {hint}")
        _check_weight("style_weights", name, weight)
    for style in names:
        weight = given.get(style, given.get(attacks[style], 1.0))
        found[styles == style] = weight
    return found


def _check_weight(setting: str, name: str, weight: float) -> None:
    if not (np.isfinite(weight) and weight > 0):
        raise UserError(f"sampling.{setting}: {name} {weight} must be a number above 0")


class _Parts:
    """Plans for parts of the rows, each a mask."""

    def __init__(self, rows: Rows, config: SamplingConfig, seed: int) -> None:
        self._rows, self._config, self._seed = rows, config, seed
        self._high = None if config.quality_weight is None else high_quality(rows.brisque, config.quality_weight)
        self._style_weight = style_weights(rows.styles, config.style_weights)
        domains = np.array([domain_of_style(style) for style in rows.styles.tolist()])
        self._domain, self._domain_weights = domain_weights(domains, config.domain_weights)

    def by_domain(self, mine: np.ndarray) -> SamplePlan:
        """Each domain in proportion to its weight, if any weight is given."""
        if not self._config.domain_weights:
            return self._by_style(mine)
        there = set(self._domain[mine].tolist())
        weights = {name: weight for name, weight in self._domain_weights.items() if name in there}
        return mixed([(self._by_style(mine & (self._domain == name)), weight) for name, weight in weights.items()])

    def _by_style(self, mine: np.ndarray) -> SamplePlan:
        """Rows of equal weight form one part, drawn in proportion to weight times size."""
        values = np.unique(self._style_weight[mine])
        parts = [mine & (self._style_weight == value) for value in values]
        masses = [float(value * part.sum()) for value, part in zip(values, parts, strict=True)]
        return mixed([(self._by_quality(part), mass) for part, mass in zip(parts, masses, strict=True)])

    def _by_quality(self, mine: np.ndarray) -> SamplePlan:
        weight, numbers = self._config.quality_weight, self._rows.numbers[mine]
        if self._high is None or weight is None or len(set(self._high[mine].tolist())) < 2:
            return Shuffled(numbers, self._seed)
        # The mean of all rows decides what is high; two artificial scores carry that decision into this part.
        return QualityWeighted(numbers, np.where(self._high[mine], 0.0, 1.0), weight, self._seed)
