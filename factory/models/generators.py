"""The generators that the generate station runs on its actors; the dummy one is for plumbing tests."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from difffas.routes import Route

# What `inputs.generator` names instead of a model folder: plumbing for tests, and the two controls without a network.
DUMMY, RECOLOUR, SIMULATE = "dummy", "recolour", "simulate"
BUILT_IN = (DUMMY, RECOLOUR, SIMULATE)


@dataclasses.dataclass(frozen=True)
class Request:
    """The work of one shard: N faces, G distinct guides."""

    live: np.ndarray  # uint8 N, H, W, 3
    guides: np.ndarray  # uint8 G, H, W, 3
    guide_of: np.ndarray  # N, index of each face's guide
    t0: np.ndarray  # N
    cfg_scale: np.ndarray  # N
    seed: np.ndarray  # N
    routes: Sequence[Route] = ()  # N, from which style to which each face goes; empty where nothing needs them


class Made(NamedTuple):
    """A shard's spoofs, in the order of the live faces."""

    pixels: np.ndarray  # uint8 N, H, W, 3
    broken: list[int] = []  # places of spoofs with NaN or infinity, black in `pixels`
    splits: int = 0  # how often a batch was halved for lack of memory; the batch shape decides the last bits


class Generator(typing.Protocol):
    """Makes a shard's spoofs."""

    device: str  # "cpu" or the GPU's name, for the ledger

    def __call__(self, request: Request) -> Made:
        """Return the spoofs; raises FloatingPointError if none of them is finite."""


class DummyGenerator:
    """Tints a live face by its guide and adds grain by its seed: fast, and mixed-up rows are visible."""

    device = "cpu"

    def __call__(self, request: Request) -> Made:
        """Return spoofs as in `Generator`; T₀ and w are ignored."""
        tint = request.guides.mean(axis=(1, 2))[request.guide_of][:, None, None, :]
        mixed = 0.7 * request.live + 0.3 * tint
        for image, value in zip(mixed, request.seed, strict=True):
            image += np.random.default_rng(int(value)).normal(0.0, 4.0, image.shape)
        spoofs: np.ndarray = mixed.round().clip(0, 255).astype(np.uint8)
        return Made(spoofs)
