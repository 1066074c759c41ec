"""Evaluate a generator on people outside its training set: loss by timestep bucket, and pictures by the real sampler.

The seed fixes pairs, timesteps and noise, so that two figures of one run differ only through the weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory.core import draws
from factory.core.config import Config, PathOrUrl, is_none
from factory.corpus import Corpus
from factory.models.style_judge import judge_styles
from factory.storage import Storage
from factory.train.recipes.pairs import PairsConfig, Samples, are_papers
from factory.train.summary import JudgedReach
from factory.train.triples import MixedPairs

if TYPE_CHECKING:
    import torch

    from difffas.pipeline import SpoofPipeline
    from factory.models.style_judge import ClassifierOfStyle

BUCKETS = 5
GRID_T0 = (100, 250, 400)  # columns of the sample grid, up to the generator's trained timesteps


class EvaluationConfig(Config):
    """How the held-out subjects are evaluated."""

    samples: int = Field(64, ge=1, description="(live, spoof, guide) triples whose loss is computed")
    grid_rows: int = Field(4, ge=1, description="faces in the picture of samples")
    grid_steps: int = Field(25, ge=1, description="network calls for the pictures that are looked at")
    cfg_scale: float = Field(2.0, ge=0, description="guidance scale w of these pictures")
    judge: PathOrUrl | None = Field(
        None, exclude_if=is_none, description="folder of fit-judge that judges samples of the finished model"
    )


class Validation:
    """Fixed (live, spoof, guide) triples of a held-out split, with its styles as evenly represented as possible.

    Args:
        corpus, split: the held-out faces. samples: at most this many triples. seed: seed of the pairs, timesteps and
            noise. timesteps: the generator was trained for t below this. batch_size: images per call of the network.
        pairs: where the triples come from, as in training; unless these are the paper's, samples start from the live
            face in the tint and contrast of its guide, as with `sampler.match` guide.

    Raises:
        UserError: if the split has no (live, spoof) pair, or a style has only one image.
    """

    def __init__(
        self,
        corpus: Corpus,
        split: str,
        samples: int,
        seed: int,
        timesteps: int = 1000,
        batch_size: int = 32,
        pairs: PairsConfig | None = None,
    ) -> None:
        from factory.models.tensors import to_tensor

        pairs = pairs or PairsConfig()
        triples = MixedPairs(corpus, split, seed, pairs.self_pairs)
        styles = corpus.column("style")[triples(np.arange(len(triples.spoofs))).spoof]  # one pass
        counters = _evenly(styles, samples)
        self.style = styles[counters].astype(str)  # of spoof and guide
        self.live, self.spoof, self.guide = map(corpus.pixels, triples(counters))  # uint8 N, H, W, 3
        made = Samples(pairs, triples, corpus, split, timesteps, seed)
        self._condition = made.conditions(to_tensor(self.live), to_tensor(self.spoof), counters)  # N, 3, H, W
        self._matched = not are_papers(pairs)
        self._seed, self._timesteps, self._batch_size = seed, timesteps, batch_size

    def losses(self, network: torch.nn.Module, encoder: torch.nn.Module, device: torch.device) -> dict[str, float]:
        """Mean squared error on ε (paper Eq. 5) by bucket of timesteps, with names such as `000-199`, and over `all`.

        Every triple is evaluated in every bucket, conditioned on guide and live face, or what stands for it (see
        `Samples`). `network` and `encoder` are in eval mode and on `device`; the caller chooses autocast.
        """
        found = {name: self._loss(network, encoder, device, t) for name, t in self._drawn_timesteps().items()}
        return {**found, "all": sum(found.values()) / len(found)}

    def grid(self, pipeline: SpoofPipeline, rows: int = 4, cfg_scale: float = 2.0, steps: int = 25) -> np.ndarray:
        """`sample_grid` of the first triples at `GRID_T0`, uint8 (H, W, 3)."""
        live, guide, t0 = self.live[:rows], self.guide[:rows], self._grid_t0(steps)
        return sample_grid(pipeline, live, guide, t0, cfg_scale, self._seed, steps, self._matched)

    def judged(
        self, pipeline: SpoofPipeline, judge: ClassifierOfStyle, cfg_scale: float = 2.0, steps: int = 25
    ) -> JudgedReach:
        """How many of the triples' spoofs, made at the grid's highest T₀, have the guide's style to the judge."""
        t0, reached, how = self._grid_t0(steps)[-1], 0, "guide" if self._matched else "none"
        for first in range(0, len(self.live), self._batch_size):
            rows = slice(first, first + self._batch_size)
            seeds = _seeds(self._seed, len(self.live))[rows]
            made = _sampled(pipeline, self.live[rows], self.guide[rows], t0, cfg_scale, seeds, steps, self._matched)
            likeliest = np.array(judge.styles)[judge.probabilities(made).argmax(axis=1)]
            reached += int((likeliest == self.style[rows]).sum())
        return {"spoofs": len(self.live), "reached": reached, "t0": t0, "cfg_scale": cfg_scale, "match": how}

    def _grid_t0(self, steps: int) -> list[int]:
        return [level for level in GRID_T0 if steps <= level <= self._timesteps] or [self._timesteps]

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
            spoof, guide = (to_tensor(part[rows]).to(device) for part in (self.spoof, self.guide))
            live = self._condition[rows].to(device)
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


def check_known(folder: str, styles: set[str]) -> None:
    """Refuse a judge that does not know all of these styles; raises UserError."""
    unknown = sorted(styles - set(judge_styles(Storage(folder))))
    if unknown:
        raise UserError(
            f"evaluation.judge {folder} does not know {', '.join(unknown)}: fit one on a corpus with these styles"
        )


def sample_grid(
    pipeline: SpoofPipeline,
    live: np.ndarray,
    guide: np.ndarray,
    t0: Sequence[int],
    cfg_scale: float = 2.0,
    seed: int = 0,
    steps: int = 25,
    matched: bool = False,
) -> np.ndarray:
    """One picture, uint8 (H, W, 3), with a row per face: the live face, the guide, and a spoof at each T₀.

    Args:
        live, guide: uint8 (N, H, W, 3). t0: ascending, each at least `steps`.
        seed: the noise of a face is the same at every T₀. matched: start as `sampler.match` guide does.
    """
    seeds = _seeds(seed, len(live))
    made = [_sampled(pipeline, live, guide, level, cfg_scale, seeds, steps, matched) for level in t0]
    rows: np.ndarray = np.concatenate(np.concatenate([live, guide, *made], axis=2), axis=0)
    return rows


def _sampled(
    pipeline: SpoofPipeline,
    live: np.ndarray,
    guide: np.ndarray,
    t0: int,
    cfg_scale: float,
    seeds: list[int],
    steps: int,
    matched: bool,
) -> np.ndarray:
    """Spoofs, uint8 (N, H, W, 3)."""
    from difffas.matching import recolour
    from factory.models.tensors import to_pixels, to_tensor

    faces, guides = to_tensor(live), to_tensor(guide)
    start = recolour(faces, guides) if matched else None
    return to_pixels(pipeline(faces, guides, t0=t0, cfg_scale=cfg_scale, seed=seeds, steps=steps, start=start))


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
