"""Do generated rows help a classifier on people and days that nobody trained on? `python -m benchmarks.unseen_people`

FRAMES is a folder of camera frames `live|print/<person>/<person>_<glasses>_<position>_<session>_<picture>.jpg`, as in
the NUAA set. A session is a domain: every recording day has a light and a printer of its own. As in practice, live
faces exist of every day and prints of the first day alone; the people of training have six tenths, one tenth sets the
threshold, three tenths are the test, on the other days, prints included. With `--days all`, prints of every day are in
training as well, and the test has every day.

An arm adds 150 generated prints of the training people's faces in the looks of another day; `real` adds none. The arms
`self-pairs` and `paper` fit a generator to the people of training, which takes minutes; another arm names a generator.
Every run is a run of the stations in a folder below OUT, so what is finished is left.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from factory import evaluate, generate, prepare
from factory.core.config import build
from factory.core.documents import JsonObject
from factory.train.recipes import classifier, generator, style

PATTERN = "{split}/{attack}/{subject}/{person}_{glasses}_{position}_{domain}_{picture}.jpg"
FIRST_DAY = "01"
FIGURES = ("auc", "d_eer", "hter@dev_eer")
PAIRS: dict[str, JsonObject] = {"self-pairs": {"self_pairs": 1.0, "shifted_noise": 0.8}, "paper": {}}
SAMPLERS: dict[str, JsonObject] = {
    "self-pairs": {"preset": "balanced", "match": "guide", "t0": [350, 450], "cfg_scale": [2.0, 2.0]},
    "paper": {"preset": "balanced", "t0": [350, 350], "cfg_scale": [2.0, 2.0]},
}
ENCODER: JsonObject = {
    "network": {"stem_channels": 16, "channels": [16, 48, 80, 80], "depths": [1, 1, 1, 1]},
    "train": {"steps": 400, "batch_size": 32, "learning_rate": 2e-3, "weight_decay": 5e-3, "cosine_decay": True},
}
NETWORK: dict[str, JsonObject] = {
    "network": {
        "base_channels": 16,
        "channel_multipliers": [1, 1, 2, 3, 5, 5],
        "embed_channels": 64,
        "dropout": 0.0,
        "timesteps": 600,
    },
    "train": {"steps": 800, "batch_size": 16, "learning_rate": 2e-3, "warmup_steps": 50, "cosine_decay": True},
}
CPU: JsonObject = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}


def divide(frames: Path, out: Path, seed: int, days: str) -> None:
    """Copy the frames of this split to `out/<split>/<attack>/<person>/`; `days` as on the command line."""
    people = sorted(path.name for path in (frames / "live").iterdir())
    order = np.random.default_rng(seed).permutation(people)
    train, dev = round(0.6 * len(people)), round(0.7 * len(people))
    for place, person in enumerate(order):
        split = "train" if place < train else "dev" if place < dev else "test"
        for path in sorted(frames.glob(f"*/{person}/*.jpg")):
            first, live = path.stem.split("_")[3] == FIRST_DAY, path.parts[-3] == "live"
            if days == "all" or (split == "train" and (live or first)) or (split != "train" and not first):
                target = out / split / path.parts[-3] / person / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def corpus(frames: Path, weights: str, out: Path, seed: int, days: str) -> None:
    """The real faces, 64², with the people of this split."""
    if not (out / "frames").exists():
        divide(frames, out / "frames", seed, days)
    settings: JsonObject = {
        "source": f"{out}/frames",
        "out": f"{out}/real",
        "pattern": PATTERN,
        "license": "research",
        "weights": weights,
        "size": 64,
    }
    prepare.run(build(prepare.PrepareConfig, settings))


def fitted(out: Path, arm: str, seed: int) -> str:
    """The folder of a generator of this arm, fitted to the training people of this split."""
    encoder: JsonObject = {"corpus": f"{out}/real", "out": f"{out}/style", "resources": CPU, **ENCODER}
    style.run(build(style.FitStyleConfig, encoder))
    settings: JsonObject = {
        "corpus": f"{out}/real",
        "style_encoder": f"{out}/style",
        "out": f"{out}/generator-{arm}",
        "pairs": PAIRS[arm],
        "ema_decay": 0.99,
        "resources": CPU,
        **NETWORK,
    }
    settings["train"] = {**NETWORK["train"], "seed": seed}
    generator.run(build(generator.FitGeneratorConfig, settings))
    return f"{out}/generator-{arm}"


def spoofs(out: Path, arm: str, seed: int, rows: int) -> str:
    """Prints, in the looks of another day, of the training people's faces."""
    folder = f"{out}/{Path(arm).name}"
    settings: JsonObject = {
        "inputs": {
            "live": f"{out}/real",
            "guides": f"{out}/real",
            "generator": fitted(out, arm, seed) if arm in PAIRS else arm,
        },
        "out": folder,
        "plan": {"policies": ["cross-domain"], "samples": rows, "guides_per_style": 12, "seed": seed},
        "resources": {"gpus_per_generator": 0, "threads": 1},
    }
    if arm in PAIRS:
        settings["sampler"] = SAMPLERS[arm]
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
    parser.add_argument("frames", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weights", required=True, help="RetinaFace weights, as for prepare")
    parser.add_argument(
        "--generators",
        nargs="*",
        default=["recolour"],
        help="arms: recolour, simulate, self-pairs, paper, or model folders",
    )
    parser.add_argument("--days", choices=["first", "all"], default="first", help="whose prints train; see above")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rows", type=int, default=150)
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(given.splits):
        out = given.out.absolute() / f"split-{seed}"
        corpus(given.frames, given.weights, out, seed, given.days)
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
