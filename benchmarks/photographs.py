"""Do spoofs of photographs look like prints, and like the person? `python -m benchmarks.photographs OUT --arms …`

OUT is what `benchmarks.unseen_people` left; an arm is the folder of its generated rows in every split. The judge is a
classifier fitted on real images of the three test people, who are in no generator's training. *Print*: the share of
images that are prints to it. *Same person*: the share of images whose
face (dlib) lies within 0.45 of a live face: of a spoof, its own live face; of a real print, one of the same person and
day; of a stranger, one of another person. *Fine detail*: the deviation of what a 3×3 mean takes away, over that of
the real prints. All images are of the people of training.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import describe
from benchmarks.unseen_people import CPU
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.identity import distances, load_embedder
from factory.corpus.people import people
from factory.corpus.row import LIVE, SPOOF
from factory.evaluate import EvaluateConfig, liveness
from factory.models.load import load_classifier
from factory.models.tensors import to_tensor
from factory.storage import Storage
from factory.train.recipes import classifier

NEAR = 0.45
FIGURES = ("print", "same person", "fine detail")


def fit_judge(out: Path) -> None:
    """A classifier of live faces and prints, fitted on the test people of this split."""
    training = {"steps": 300, "batch_size": 32, "learning_rate": 5e-4, "cosine_decay": True, "seed": 7}
    settings = {
        "corpus": f"{out}/real",
        "out": f"{out}/judge",
        "split": "test",
        "backbone": "resnet18",
        "loss": {"name": "cross-entropy"},
        "train": training,
        "resources": CPU,
    }
    classifier.run(build(classifier.FitClassifierConfig, settings))


def detail(pixels: np.ndarray) -> float:
    """Deviation of what a 3×3 mean takes away, over all images, uint8 (N, H, W, 3)."""
    images = to_tensor(pixels)
    mean = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(images, (1, 1, 1, 1), "reflect"), 3, 1)
    return float((images - mean).std())


def measure(out: Path, arms: list[str]) -> dict[str, tuple[float, float, float]]:
    """The figures of real images and of every arm, in one split."""
    fit_judge(out)
    real, judge, embed = Corpus(f"{out}/real"), load_classifier(Storage(f"{out}/judge")), load_embedder("dlib")
    scoring = build(
        EvaluateConfig, {"classifier": f"{out}/judge", "corpus": f"{out}/real", "out": f"{out}/-", "threads": 1}
    )
    lives, prints = (real.where(split="train", label=label) for label in (LIVE, SPOOF))
    vectors, person, domain = embed(real.pixels(np.arange(len(real)))), people(real), real.column("domain")
    rng, detail_of_prints = np.random.default_rng(0), detail(real.pixels(prints))

    def figures(corpus: Corpus, rows: np.ndarray, near: np.ndarray) -> tuple[float, float, float]:
        taken = liveness(judge, corpus, rows, scoring) < 0.5
        return float(taken.mean()), float((near <= NEAR).mean()), detail(corpus.pixels(rows)) / detail_of_prints

    def of_pairs(pairs: list[tuple[int, int]]) -> np.ndarray:
        first, second = np.array(pairs).T
        return distances(vectors[first], vectors[second])

    same = [(i, j) for i in prints for j in lives if (person[i], domain[i]) == (person[j], domain[j])]
    others = [(i, int(rng.choice(lives[person[lives] != person[i]]))) for i in prints]
    found = {
        "live faces": figures(real, lives, np.zeros(1)),
        "real prints": figures(real, prints, of_pairs(same)),
        "real prints against strangers": figures(real, prints, of_pairs(others)),
    }
    place = {key: row for row, key in enumerate(real.index["key"].to_pylist())}
    for arm in arms:
        made = Corpus(f"{out}/{arm}")
        rows = np.arange(len(made))
        own = np.array([place[key] for key in made.index["live_key"].to_pylist()])
        found[arm] = figures(made, rows, distances(embed(made.pixels(rows)), vectors[own]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--arms", nargs="+", default=["recolour", "simulate", "self-pairs"])
    parser.add_argument("--splits", type=int, default=5)
    given = parser.parse_args()
    splits = [measure(given.out.absolute() / f"split-{split}", given.arms) for split in range(given.splits)]
    print(f"{describe()}; {given.splits} splits")
    print(f"| images | {' | '.join(FIGURES)} |\n|---|---|---|---|")
    for name in splits[0]:
        cells = []
        for column in range(len(FIGURES)):
            values = [split[name][column] for split in splits]
            cells.append(f"{statistics.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
