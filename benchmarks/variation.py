"""Do moved and covered images help a classifier on people nobody trained on? `python -m benchmarks.variation WORK`

Small classifiers of live and spoof on the embedded people at 64², one camera left out of training; AUC on the test
people, before the camera left out and before the others. docs/results.md has the figures.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.machine import describe
from difffas.metrics import auc
from difffas.style_encoder import SMALL_STYLE_ENCODER, StyleEncoder
from difffas.variation import covered, moved
from factory import prepare
from factory.core.config import build
from factory.corpus import Corpus
from factory.embedded import smaller
from factory.models.tensors import to_tensor

SIZE, BATCH, FARTHEST, COVERED = 64, 32, 4, 19
LEARNING_RATE, WARMUP = 2e-3, 50


class Faces:
    """Images and labels of a corpus, by split and camera."""

    def __init__(self, corpus: Corpus) -> None:
        self.images = to_tensor(corpus.pixels(np.arange(len(corpus))))
        self.labels = corpus.column("label").astype(np.int64)
        self._split, self._domain = corpus.column("split"), corpus.column("domain")

    def rows(self, split: str, camera: str, without: bool) -> np.ndarray:
        """Those of a split before a camera, or before the others."""
        found: np.ndarray = np.flatnonzero((self._split == split) & ((self._domain == f"world__{camera}") ^ without))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work")
    parser.add_argument("--cameras", nargs="+", default=["cctv", "phone"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=800)
    given = parser.parse_args()
    prepare.run(build(prepare.PrepareConfig, smaller(SIZE, f"{given.work}/corpus")))
    faces = Faces(Corpus(f"{given.work}/corpus"))
    torch.set_num_threads(1)
    print(describe())
    for camera in given.cameras:
        for seed in range(given.seeds):
            for vary in (False, True):
                network = fitted(faces, faces.rows("train", camera, without=True), given.steps, seed, vary)
                unseen, seen = (area(network, faces, faces.rows("test", camera, without)) for without in (False, True))
                print(f"{camera} {seed} vary={vary}: unseen camera {unseen:.3f}, seen cameras {seen:.3f}", flush=True)


def fitted(faces: Faces, rows: np.ndarray, steps: int, seed: int, vary: bool) -> StyleEncoder:
    """A classifier of the rows; half of each batch is live."""
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    kinds = [rows[faces.labels[rows] == label] for label in (0, 1)]
    network: StyleEncoder = StyleEncoder(["live", "spoof"], **SMALL_STYLE_ENCODER)
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=5e-3)
    for step in range(steps):
        rate = min(1.0, (step + 1) / WARMUP) * (0.5 + 0.5 * np.cos(np.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * rate
        chosen = np.concatenate([kind[_below(len(kind), BATCH // 2, draw).numpy()] for kind in kinds])
        images = faces.images[chosen]
        mirror = (torch.rand(BATCH, generator=draw) < 0.5)[:, None, None, None]
        images = torch.where(mirror, images.flip(3), images)
        if vary:
            down, across = (_below(2 * FARTHEST + 1, BATCH, draw) - FARTHEST for _ in range(2))
            top, left = (_below(SIZE - COVERED + 1, BATCH, draw) for _ in range(2))
            images = covered(moved(images, down, across), top, left, COVERED * _below(2, BATCH, draw))
        _, logits = network.train()(images)
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(faces.labels[chosen]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    network.eval()
    return network


@torch.no_grad()
def area(network: StyleEncoder, faces: Faces, rows: np.ndarray) -> float:
    """AUC of the rows."""
    logits = torch.cat([network(part)[1] for part in faces.images[rows].split(128)])
    return auc(logits.softmax(dim=1)[:, 0].double().numpy(), faces.labels[rows])


def _below(limit: int, count: int, draw: torch.Generator) -> torch.Tensor:
    return torch.randint(0, limit, (count,), generator=draw)


if __name__ == "__main__":
    main()
