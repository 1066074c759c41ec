"""Evaluate a generator on people outside its training set: loss by timestep bucket, and pictures by the real sampler.

The seed fixes pairs, timesteps and noise, so that two figures of one run differ only through the weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from factory.core import draws
from factory.corpus import Corpus
from factory.train.triples import Pairs

if TYPE_CHECKING:
    import torch

    from difffas.pipeline import SpoofPipeline

BUCKETS = 5
GRID_T0 = (100, 250, 400)  # columns of the sample grid, up to the generator's trained timesteps


class Validation:
    """Fixed (live, spoof, guide) triples of a held-out split, with its styles as evenly represented as possible.

    Args:
        corpus, split: the held-out faces. samples: at most this many triples. seed: seed of the pairs, timesteps and
            noise. timesteps: the generator was trained for t below this. batch_size: images per call of the network.

    Raises:
        UserError: if the split has no (live, spoof) pair, or a style has only one image.
    """

    def __init__(
        self, corpus: Corpus, split: str, samples: int, seed: int, timesteps: int = 1000, batch_size: int = 32
    ) -> None:
        pairs = Pairs(corpus, split, seed)
        triples = np.stack(pairs(np.arange(len(pairs.spoofs))))  # 3, N: one pass
        chosen = triples[:, _evenly(corpus.column("style")[triples[1]], samples)]
        self.live, self.spoof, self.guide = (corpus.pixels(positions) for positions in chosen)  # uint8 N, H, W, 3
        self._seed, self._timesteps, self._batch_size = seed, timesteps, batch_size

    def losses(self, network: torch.nn.Module, encoder: torch.nn.Module, device: torch.device) -> dict[str, float]:
        """Mean squared error on ε (paper Eq. 5) by bucket of timesteps, with names such as `000-199`, and over `all`.

        Every triple is evaluated in every bucket, conditioned on guide and live face. `network` and `encoder` are in
        eval mode and on `device`; the caller chooses autocast.
        """
        found = {name: self._loss(network, encoder, device, t) for name, t in self._drawn_timesteps().items()}
        return {**found, "all": sum(found.values()) / len(found)}

    def grid(self, pipeline: SpoofPipeline, rows: int = 4, cfg_scale: float = 2.0, steps: int = 25) -> np.ndarray:
        """`sample_grid` of the first triples at `GRID_T0`, uint8 (H, W, 3)."""
        t0 = [level for level in GRID_T0 if steps <= level <= self._timesteps] or [self._timesteps]
        return sample_grid(pipeline, self.live[:rows], self.guide[:rows], t0, cfg_scale, self._seed, steps)

    def _drawn_timesteps(self) -> dict[str, np.ndarray]:
        """One timestep for every triple in each bucket."""
        edges = np.linspace(0, self._timesteps, min(BUCKETS, self._timesteps) + 1).astype(int)
        digits = len(str(self._timesteps - 1))
        counters = np.arange(len(self.spoof))
        return {
            f"{low:0{digits}d}-{high - 1:0{digits}d}": low
            + draws.below(high - low, counters, self._seed, "validation timestep", low)
            for low, high in itertools.pairwise(edges.tolist())
        }

    def _loss(
        self, network: torch.nn.Module, encoder: torch.nn.Module, device: torch.device, timesteps: np.ndarray
    ) -> float:
        import torch

        from difffas.objective import TrainingNoise, training_loss
        from factory.models.tensors import to_tensor

        total = 0.0
        for first in range(0, len(self.spoof), self._batch_size):
            rows = np.arange(first, min(first + self._batch_size, len(self.spoof)))
            live, spoof, guide = (to_tensor(part[rows]).to(device) for part in (self.live, self.spoof, self.guide))
            noise = torch.stack([self._noise(int(row), spoof.shape[1:]) for row in rows])
            kept = torch.ones(len(rows), dtype=torch.bool)
            draw = TrainingNoise(torch.from_numpy(timesteps[rows]), noise, kept, kept)
            with torch.no_grad():
                total += training_loss(network, encoder, spoof, live, guide, draw).mse.item() * len(rows)
        return total / len(self.spoof)

    def _noise(self, row: int, shape: Sequence[int]) -> torch.Tensor:
        import torch

        value = draws.bits(np.array([row]), self._seed, "validation noise")[0] >> np.uint64(1)
        return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(int(value)))


def sample_grid(
    pipeline: SpoofPipeline,
    live: np.ndarray,
    guide: np.ndarray,
    t0: Sequence[int],
    cfg_scale: float = 2.0,
    seed: int = 0,
    steps: int = 25,
) -> np.ndarray:
    """One picture, uint8 (H, W, 3), with a row per face: the live face, the guide, and a spoof at each T₀.

    Args:
        live, guide: uint8 (N, H, W, 3). t0: ascending, each at least `steps`.
        seed: the noise of a face is the same at every T₀.
    """
    from factory.models.tensors import to_pixels, to_tensor

    columns = [live, guide]
    for level in t0:
        made = pipeline(
            to_tensor(live), to_tensor(guide), t0=level, cfg_scale=cfg_scale, seed=_seeds(seed, len(live)), steps=steps
        )
        columns.append(to_pixels(made))
    rows: np.ndarray = np.concatenate(np.concatenate(columns, axis=2), axis=0)
    return rows


def _seeds(seed: int, count: int) -> list[int]:
    return [int(value) for value in draws.bits(np.arange(count), seed, "sample grid") >> np.uint64(1)]


def _evenly(styles: np.ndarray, count: int) -> np.ndarray:
    """The first `count` places if the styles take turns."""
    _, codes = np.unique(styles.astype(str), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], codes[order])
    turn = np.empty(len(styles), dtype=np.int64)
    turn[order] = np.arange(len(styles)) - starts
    return np.argsort(turn, kind="stable")[:count]
