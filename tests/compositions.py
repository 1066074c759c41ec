"""What the batches of a classifier hold, counted in its plan."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from factory.train.recipes.sampling import Rows, SamplingConfig, sampling_plan


class Held(NamedTuple):
    """Samples of a batch, or rows of a corpus, by kind."""

    live: int
    spoofs: int
    generated: int


LARGE = Held(live=8_000, spoofs=24_000, generated=100_000)  # as many as jobs/pipeline.yaml makes


def held(sampling: SamplingConfig, batch_size: int, rows: Held = LARGE, batches: int = 20) -> list[Held]:
    """What the first batches hold, of a corpus with so many rows."""
    return _held(sampling.model_dump_json(), batch_size, rows, batches)


@functools.cache
def _held(sampling: str, batch_size: int, counts: Held, batches: int) -> list[Held]:
    kinds = np.repeat(np.arange(len(counts)), counts)
    styles = np.array(["camera-live", "camera-print", "camera-print"], dtype=object)[kinds]
    rows = Rows(np.arange(len(kinds)), styles, kinds == 2, np.arange(len(kinds)) % 5)
    plan = sampling_plan(rows, SamplingConfig.model_validate_json(sampling), 0)
    drawn = kinds[plan(np.arange(batches * batch_size))].reshape(batches, batch_size)
    return [Held(*np.bincount(batch, minlength=len(counts)).tolist()) for batch in drawn]
