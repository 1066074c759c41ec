"""Training batches as a pure plan: the n-th sample ever drawn follows from the seed, n and the pixel-free index."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from factory import draws
from factory.corpus import Corpus
from factory.row import LIVE, SPOOF

if TYPE_CHECKING:
    import torch


def share(step: int, batch_size: int, rank: int, world: int) -> np.ndarray:
    """Counters of one worker's part of a global batch: the same samples at any number of workers.

    Raises:
        ValueError: if the batch does not divide among the workers.
    """
    if batch_size % world:
        raise ValueError(f"train.batch_size {batch_size} does not divide among {world} workers: choose a multiple")
    mine = batch_size // world
    return step * batch_size + rank * mine + np.arange(mine)


class Shuffled:
    """Passes over `positions`, each in a new order."""

    def __init__(self, positions: np.ndarray, seed: int) -> None:
        self._positions, self._seed = positions, seed

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """Index positions of the samples with these counters."""
        epochs, places = np.divmod(n, len(self._positions))
        return np.array([self._order(int(epoch))[place] for epoch, place in zip(epochs, places, strict=True)])

    @functools.lru_cache(maxsize=2)  # noqa: B019  a batch touches two passes at most; plans live as long as a run
    def _order(self, epoch: int) -> np.ndarray:
        rank = draws.bits(np.arange(len(self._positions)), self._seed, "shuffle", epoch)
        return self._positions[np.argsort(rank, kind="stable")]


class Pairs:
    """(live, spoof, guide) triples for the generator.

    A pair is one domain and subject; where live faces of the spoof's capture exist, they are preferred, because they
    show the same scene. The guide has the spoof's style and is another image, of another subject where there is one.

    Args:
        corpus: real faces. split: of which rows. seed: of the draws.

    Raises:
        ValueError: if the split has no (live, spoof) pair, or a style has but one image.
    """

    def __init__(self, corpus: Corpus, split: str, seed: int) -> None:
        columns = {name: corpus.column(name) for name in ("split", "label", "domain", "subject", "capture", "style")}
        rows = np.flatnonzero(columns["split"] == split)
        identity = {i: (columns["domain"][i], columns["subject"][i]) for i in rows}
        scenes: dict[tuple[str, ...], list[int]] = {}
        for i in rows[columns["label"][rows] == LIVE]:
            scenes.setdefault(identity[i], []).append(i)
            if columns["capture"][i] is not None:
                scenes.setdefault((*identity[i], columns["capture"][i]), []).append(i)
        self._lives: list[np.ndarray] = []
        spoofs = []
        for i in rows[columns["label"][rows] == SPOOF]:
            lives = scenes.get((*identity[i], columns["capture"][i])) or scenes.get(identity[i])
            if lives:
                spoofs.append(i)
                self._lives.append(np.array(lives))
        if not spoofs:
            raise ValueError(
                f"{corpus.storage.url}: split {split!r} has no (live, spoof) pair of one domain and subject; "
                f"prepare it with a pattern that gives {{subject}}"
            )
        self.spoofs = np.array(spoofs)
        self._guides = self._guide_pools(columns["style"], [identity[i] for i in spoofs])
        self._shuffled, self._seed = Shuffled(np.arange(len(spoofs)), seed), seed

    def _guide_pools(self, styles: np.ndarray, identities: list[tuple[str, str]]) -> list[np.ndarray]:
        by_style: dict[str, list[int]] = {}
        for place, i in enumerate(self.spoofs):
            by_style.setdefault(styles[i], []).append(place)
        pools = []
        for place, i in enumerate(self.spoofs):
            peers = [other for other in by_style[styles[i]] if other != place]
            if not peers:
                raise ValueError(f"style {styles[i]!r} has a single image to train on: add another to guide it")
            others = [other for other in peers if identities[other] != identities[place]]
            pools.append(self.spoofs[others or peers])
        return pools

    def __call__(self, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Index positions (live, spoof, guide) of the samples with these counters."""
        places = self._shuffled(n)
        live = _pick([self._lives[place] for place in places], n, self._seed, "live")
        guide = _pick([self._guides[place] for place in places], n, self._seed, "guide")
        return live, self.spoofs[places], guide


def _pick(pools: list[np.ndarray], n: np.ndarray, *names: str | int) -> np.ndarray:
    chosen = draws.below(np.array([len(pool) for pool in pools]), n, *names)
    return np.array([pool[choice] for pool, choice in zip(pools, chosen, strict=True)])


def flips(n: np.ndarray, seed: int) -> np.ndarray:
    """Which samples are mirrored: half of them, all images of one sample alike."""
    return draws.uniform(n, seed, "flip") < 0.5


def training_images(
    read: Callable[[np.ndarray], np.ndarray], positions: np.ndarray, mirrored: np.ndarray, device: torch.device
) -> torch.Tensor:
    """Images of the positions, float32 (N, 3, H, W) in [-1, 1] on `device`, the marked ones mirrored."""
    from factory.generators import to_tensor

    pixels = read(positions)
    pixels[mirrored] = pixels[mirrored, :, ::-1]
    images: torch.Tensor = to_tensor(pixels).to(device)
    return images


class PixelCache:
    """Decoded images of a corpus, the most recently used kept in memory up to a bound."""

    def __init__(self, corpus: Corpus, gibibytes: float = 2.0) -> None:
        self._corpus, self._room = corpus, int(gibibytes * 2**30)
        self._images: OrderedDict[int, np.ndarray] = OrderedDict()
        self._bytes = 0

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Images of the positions, uint8 (N, H, W, 3)."""
        missing = sorted({int(i) for i in positions} - self._images.keys())
        found = dict(zip(missing, self._corpus.pixels(missing), strict=True)) if missing else {}
        images = np.stack([found[i] if i in found else self._images[i] for i in map(int, positions)])
        for i in map(int, positions):
            if i in self._images:
                self._images.move_to_end(i)
            else:
                self._images[i] = found[i]
                self._bytes += found[i].nbytes
        while self._bytes > self._room:
            self._bytes -= self._images.popitem(last=False)[1].nbytes
        return images
