"""Do generated rows help a classifier on people whom nobody has seen? `python -m benchmarks.unseen_people FRAMES OUT`

FRAMES is a folder of camera frames `live|print/<person>/<person>_<glasses>_<position>_<session>_<picture>.jpg`, as in
the NUAA set. A session is a domain: every recording day has a light and a printer of its own. People are divided anew
in every split: six for training, one for the threshold, three for the test, of ten. An arm adds 150 rows to the real
ones; `real` adds none. Every run is a run of the stations in a folder below OUT, so what is finished is left.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from benchmarks.machine import describe
from factory import evaluate, generate, prepare
from factory.core.config import build
from factory.core.documents import JsonObject
from factory.train.recipes import classifier

PATTERN = "{attack}/{subject}/{person}_{glasses}_{position}_{domain}_{picture}.jpg"
FIGURES = ("auc", "d_eer", "hter@dev_eer")
CPU: JsonObject = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}


def corpus(frames: str, weights: str, out: Path, seed: int) -> None:
    """The real faces, 64², with the people of this split."""
    settings: JsonObject = {
        "source": frames,
        "out": f"{out}/real",
        "pattern": PATTERN,
        "license": "research",
        "weights": weights,
        "size": 64,
        "split": {"train": 0.6, "dev": 0.1, "test": 0.3},
        "seed": seed,
    }
    prepare.run(build(prepare.PrepareConfig, settings))


def spoofs(out: Path, generator: str, seed: int, rows: int) -> str:
    """Prints of the training people in the looks of other days, by one generator."""
    folder = f"{out}/{Path(generator).name}"
    settings: JsonObject = {
        "inputs": {"live": f"{out}/real", "guides": f"{out}/real", "generator": generator},
        "out": folder,
        "plan": {"samples": rows, "guides_per_style": 12, "seed": seed},
        "resources": {"gpus_per_generator": 0, "threads": 1},
    }
    generate.run(build(generate.GenerateConfig, settings))
    return folder


def figures(out: Path, arm: str, generated: str | None, seed: int, steps: int) -> dict[str, float]:
    """AUC, detection equal error rate and HTER at the dev threshold, on the people of the test split."""
    settings: JsonObject = {
        "corpus": f"{out}/real",
        "generated": generated,
        "out": f"{out}/classifier-{arm}",
        "backbone": "resnet18",
        "loss": {"name": "cross-entropy"},
        "train": {"steps": steps, "batch_size": 32, "learning_rate": 5e-4, "cosine_decay": True, "seed": seed},
        "resources": CPU,
    }
    classifier.run(build(classifier.FitClassifierConfig, settings))
    judged: JsonObject = {
        "classifier": f"{out}/classifier-{arm}",
        "corpus": f"{out}/real",
        "out": f"{out}/scores-{arm}",
        "threads": 1,
    }
    found = evaluate.run(build(evaluate.EvaluateConfig, judged))
    return {name: float(found[name]) for name in FIGURES}  # type: ignore[literal-required]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames")
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", required=True, help="RetinaFace weights, as for prepare")
    parser.add_argument("--generators", nargs="*", default=["recolour"], help="recolour, or model folders")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rows", type=int, default=150)
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(given.splits):
        out = given.out.absolute() / f"split-{seed}"
        corpus(given.frames, given.weights, out, seed)
        arms = {"real": None, **{Path(name).name: spoofs(out, name, seed, given.rows) for name in given.generators}}
        for arm, generated in arms.items():
            found.setdefault(arm, []).append(figures(out, arm, generated, seed, given.steps))
            print(f"split {seed}, {arm}: {found[arm][-1]}", flush=True)
    print(f"{describe()}; {given.splits} splits, {given.rows} rows, {given.steps} steps")
    for arm, each in found.items():
        cells = [f"{statistics.mean(x[name] for x in each):.3f}" for name in FIGURES]
        change = [
            f"{statistics.mean(x[name] - y[name] for x, y in zip(each, found['real'], strict=True)):+.3f}"
            for name in FIGURES
        ]
        print(f"| {arm} | {' | '.join(f'{cell} ({by})' for cell, by in zip(cells, change, strict=True))} |")


if __name__ == "__main__":
    main()
