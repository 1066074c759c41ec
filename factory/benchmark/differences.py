"""Paired differences of metrics between two rows of a table, with intervals over test people and seeds.

A difference has two sources of chance: which people were tested, and how the seed made each classifier. The same
people are drawn for both rows, all seeds and all protocols, so what makes a person easy or hard cancels; seeds are
compared one by one. The variance of the mean difference is the sum of two parts: that over draws of people, and that
over seeds (their variance over their number, by protocol). Where an effect differs by person *and* seed, both parts
hold its share, so the interval is rather too wide than too narrow. It is Student's, with the degrees of freedom of
Welch and Satterthwaite; five seeds give few. Protocols are not drawn: the interval holds for these protocols alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

LEVEL = 0.95
COMPUTABLE = 0.9  # least share of the draws in which a metric must exist
GRID = 20_001  # points of the numeric integral below


@dataclasses.dataclass(frozen=True)
class Paired:
    """Differences of one metric under one protocol: of each seed (S,), and of each seed in every draw (S, R)."""

    seeds: Floats
    draws: Floats


@dataclasses.dataclass(frozen=True)
class Difference:
    """A mean difference and its interval; no interval with a single seed, or if draws lack the metric."""

    value: float
    low: float | None
    high: float | None
    seeds: int
    protocols: int

    @property
    def sign(self) -> int:
        """1 if the whole interval is above zero, −1 if it is below, 0 otherwise or without an interval."""
        if self.low is None or self.high is None:
            return 0
        return 1 if self.low > 0 else -1 if self.high < 0 else 0


def people_drawn(people: int, resamples: int) -> npt.NDArray[np.int64]:
    """How often each person is drawn, in every draw: (resamples, people); the same numbers every time."""
    drawn: npt.NDArray[np.int64] = np.random.default_rng(0).multinomial(
        people, np.full(people, 1 / people), size=resamples
    )
    return drawn


def difference(protocols: Sequence[Paired], people: int) -> Difference:
    """The mean of the protocols' mean differences; `people` is the number of those who were drawn."""
    count = len(protocols)
    value = float(np.mean([np.mean(each.seeds) for each in protocols]))
    seeds = min(len(each.seeds) for each in protocols)
    draws = np.mean([each.draws.mean(axis=0) for each in protocols], axis=0)
    known = draws[np.isfinite(draws)]
    if seeds < 2 or people < 2 or len(known) < COMPUTABLE * len(draws):
        return Difference(value, None, None, seeds, count)
    of_people = float(known.var()) * people / (people - 1)
    of_seeds = [float(each.seeds.var(ddof=1)) / len(each.seeds) / count**2 for each in protocols]
    variance = of_people + sum(of_seeds)
    if variance == 0.0:
        return Difference(value, value, value, seeds, count)
    parts = [
        (of_people, people - 1),
        *((part, len(each.seeds) - 1) for part, each in zip(of_seeds, protocols, strict=True)),
    ]
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    reach = student(freedom) * variance**0.5
    return Difference(value, value - reach, value + reach, seeds, count)


def student(freedom: float) -> float:
    """The t beyond which Student's distribution has 2.5 % on either side; `freedom` is at least 1.

    With t = √ν·tan θ the density is proportional to cos^(ν−1) θ, which is summed on a grid.
    """
    angle = np.linspace(0.0, np.pi / 2, GRID)
    density = np.cos(angle) ** (freedom - 1.0)
    mass = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2)))
    return float(np.sqrt(freedom) * np.tan(np.interp(LEVEL, mass / mass[-1], angle)))
