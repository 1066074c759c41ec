"""Choose the rows of a classifier's batch: real and generated rows, styles and qualities in given proportions.

The parts nest: first real or generated, then the style, then the quality; the rows of each innermost part come in
shuffled passes. The choice is a function of the seed and the sample's counter.
"""

from __future__ import annotations

import dataclasses
import difflib

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory.core.config import Config
from factory.train.batches import Mixed, QualityWeighted, SamplePlan, Shuffled, high_quality


class SamplingConfig(Config):
    """How to choose the rows of a batch; by default all rows equally often, in shuffled passes."""

    quality_weight: int | None = Field(
        None,
        ge=1,
        description="rows with a BRISQUE score below the mean that are drawn for every other row; 2 is the paper's 2×",
    )
    generated_share: float | None = Field(
        None, gt=0, lt=1, description="share of every batch, to within one sample; None: their share of all rows"
    )
    style_weights: dict[str, float] = Field(
        {}, description="by style or attack: how often a row is drawn, compared with rows of any other"
    )


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows to draw from, as arrays of one length: their numbers, and the facts that decide how often they come."""

    numbers: np.ndarray
    styles: np.ndarray  # "<domain>-<attack>"
    generated: np.ndarray  # bool
    brisque: np.ndarray  # NaN for a row without a score


def sampling_plan(rows: Rows, config: SamplingConfig, seed: int) -> SamplePlan:
    """The row number of the n-th sample ever drawn.

    Raises:
        UserError: if the quality is weighted and no two BRISQUE scores differ, if a share is set and all rows are real
            or all are generated, or if a weight names an unknown style or is not above 0.
    """
    high = None if config.quality_weight is None else high_quality(rows.brisque, config.quality_weight)
    weights = style_weights(rows.styles, config.style_weights)
    if config.generated_share is None:
        return _by_style(rows, np.ones(len(rows.numbers), dtype=bool), weights, high, config, seed)
    if not rows.generated.any():
        raise UserError("sampling.generated_share needs generated rows: set generated, or leave it out")
    generated, real = (
        _by_style(rows, mine, weights, high, config, seed) for mine in (rows.generated, ~rows.generated)
    )
    return Mixed(generated, real, config.generated_share)


def style_weights(styles: np.ndarray, given: dict[str, float]) -> np.ndarray:
    """Weight of every row: the weight of its style, else of its attack, else 1."""
    found = np.ones(len(styles))
    names = sorted(set(styles.tolist()))
    attacks = {style: style.rpartition("-")[2] for style in names}
    known = [*names, *sorted(set(attacks.values()))]
    for name, weight in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise UserError(f"sampling.style_weights: no row has style or attack {name!r}; {hint}")
        if not (np.isfinite(weight) and weight > 0):
            raise UserError(f"sampling.style_weights: {name} {weight} must be a number above 0")
    for style in names:
        weight = given.get(style, given.get(attacks[style], 1.0))
        found[styles == style] = weight
    return found


def _by_style(
    rows: Rows, mine: np.ndarray, weights: np.ndarray, high: np.ndarray | None, config: SamplingConfig, seed: int
) -> SamplePlan:
    """The plan for the masked rows; rows of equal weight form one part, drawn in proportion to weight times size."""
    values = np.unique(weights[mine])
    parts = [mine & (weights == value) for value in values]
    masses = [float(value * part.sum()) for value, part in zip(values, parts, strict=True)]
    plan, mass = _by_quality(rows, parts[0], high, config, seed), masses[0]
    for part, more in zip(parts[1:], masses[1:], strict=True):
        mass += more
        plan = Mixed(_by_quality(rows, part, high, config, seed), plan, more / mass)
    return plan


def _by_quality(
    rows: Rows, mine: np.ndarray, high: np.ndarray | None, config: SamplingConfig, seed: int
) -> SamplePlan:
    if high is None or config.quality_weight is None or len(set(high[mine].tolist())) < 2:
        return Shuffled(rows.numbers[mine], seed)
    # The mean of all rows decides what is high; two artificial scores carry that decision into this part.
    scores = np.where(high[mine], 0.0, 1.0)
    return QualityWeighted(rows.numbers[mine], scores, config.quality_weight, seed)
