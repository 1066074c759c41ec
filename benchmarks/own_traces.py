"""Does a classifier call live faces spoofs because the factory has touched them? `python -m benchmarks.own_traces OUT`

A classifier that learns the generator's own traces has learnt nothing about attacks. OUT is what
`benchmarks.unseen_people` left. The live faces of each split's test people, whom neither generator nor classifier has
seen, are scored as they are and after they were passed through the split's generator with w = 0: noised to T₀ and
denoised without a guide, so that no attack is added. The table gives the share that is called spoof
at the threshold of the dev person (BPCER), for the classifier of every arm.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import describe
from difffas.classifier import SpoofClassifier
from difffas.pipeline import SpoofPipeline
from factory.corpus import Corpus
from factory.corpus.row import LIVE
from factory.models.load import load_classifier
from factory.models.tensors import to_pixels, to_tensor
from factory.storage import Storage

LEVELS = (25, 50, 100, 200)
BATCH, STEPS = 16, 25
THRESHOLD = "threshold@dev_eer"


def passed(pipeline: SpoofPipeline, faces: np.ndarray, t0: int) -> np.ndarray:
    """The faces, uint8 (N, H, W, 3), noised to T₀ and denoised without a guide."""
    done = []
    for first in range(0, len(faces), BATCH):
        live = to_tensor(faces[first : first + BATCH])
        seeds = list(range(first, first + len(live)))
        done.append(to_pixels(pipeline(live, torch.zeros_like(live), t0, 0.0, seeds, steps=min(STEPS, t0))))
    return np.concatenate(done)


@torch.no_grad()
def rejected(network: SpoofClassifier, faces: np.ndarray, threshold: float) -> float:
    """The share of faces, uint8 (N, H, W, 3), that the classifier calls spoof."""
    batches = to_tensor(faces).split(64)
    scores = torch.cat([network.liveness(network(batch)) for batch in batches])
    return float((scores.numpy() < threshold).mean())


def measure(split: Path, arms: list[str]) -> dict[str, list[float]]:
    """The share of test people's live faces that each arm's classifier rejects: untouched, then at every T₀."""
    corpus = Corpus(f"{split}/real")
    faces = corpus.pixels(corpus.where(split="test", label=LIVE))
    pipeline = SpoofPipeline.from_pretrained(split / "generator-self-pairs")
    versions = [faces, *(passed(pipeline, faces, t0) for t0 in LEVELS)]
    found = {}
    for arm in arms:
        network = load_classifier(Storage(f"{split}/classifier-{arm}")).eval()
        threshold = json.loads((split / f"scores-{arm}" / "summary.json").read_text(encoding="utf-8"))[THRESHOLD]
        found[arm] = [rejected(network, version, threshold) for version in versions]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--arms", nargs="+", default=["real", "recolour", "self-pairs"])
    parser.add_argument("--splits", type=int, default=5)
    given = parser.parse_args()
    splits = [measure(given.out.absolute() / f"split-{split}", given.arms) for split in range(given.splits)]
    print(f"{describe()}; {given.splits} splits")
    print(f"| training rows | untouched | {' | '.join(f'T₀ {t0}' for t0 in LEVELS)} |\n|{'---|' * (len(LEVELS) + 2)}")
    for arm in given.arms:
        means = [statistics.mean(values) for values in zip(*(split[arm] for split in splits), strict=True)]
        print(f"| {arm} | {' | '.join(f'{mean:.3f}' for mean in means)} |")


if __name__ == "__main__":
    main()
