"""What is the shipped generator worth as a start for photographs? `python -m benchmarks.warm_start CORPUS OUT`

CORPUS holds real faces at 64², such as `OUT/split-0/real` of `benchmarks.unseen_people`. A style encoder and a
generator are fitted to its people of `train`, once from random weights and once from the shipped generator, with the
same settings, pairs and noise. The table gives the loss on people of `test`, whom neither has seen, every few steps;
the last line says after how many steps each start is below the loss with which the other one ended.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.machine import describe
from difffas.style_encoder import SMALL_STYLE_ENCODER
from difffas.unet import SMALL_UNET
from factory.core.config import build
from factory.core.documents import JsonObject
from factory.train.recipes import generator, style

PAIRS: JsonObject = {"self_pairs": 1.0, "shifted_noise": 0.8}
CPU: JsonObject = {"gpus_per_worker": 0, "threads": 2, "read_ahead": 0}
NETWORK: JsonObject = {**SMALL_UNET, "dropout": 0.0, "timesteps": 500}  # the shipped generator's
ALL = "all"  # the mean over the ranges of timesteps


def curve(corpus: str, out: Path, initial: str | None, steps: int, every: int, seed: int) -> list[tuple[int, float]]:
    """Held-out loss by step of a generator that starts from `initial`, or from random weights."""
    encoder: JsonObject = {
        "corpus": corpus,
        "out": f"{out}/style",
        "train": {"steps": 400, "batch_size": 32, "learning_rate": 2e-3, "weight_decay": 5e-3, "cosine_decay": True},
        "resources": CPU,
    }
    encoder |= {"initial": initial} if initial else {"network": SMALL_STYLE_ENCODER}
    style.run(build(style.FitStyleConfig, encoder))
    settings: JsonObject = {
        "corpus": corpus,
        "held_out": "test",
        "style_encoder": f"{out}/style",
        "out": f"{out}/generator",
        "pairs": PAIRS,
        "ema_decay": 0.98,
        "evaluation": {"samples": 96, "grid_rows": 1, "grid_steps": 2},
        "train": {
            "steps": steps,
            "batch_size": 16,
            "learning_rate": 1e-3,
            "warmup_steps": 25,
            "cosine_decay": True,
            "evaluate_every": every,
            "seed": seed,
        },
        "resources": CPU,
    }
    settings |= {"initial": initial} if initial else {"network": NETWORK}
    found = generator.run(build(generator.FitGeneratorConfig, settings))
    return [(int(each["step"]), float(each[ALL])) for each in found["evaluations"]]


def first_below(points: list[tuple[int, float]], loss: float) -> str:
    """The first step at which a curve is at or below a loss."""
    return next((f"{step}" for step, value in points if value <= loss), "never")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("out", type=Path)
    parser.add_argument("--initial", default="embedded://generator")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    out, rest = given.out.absolute(), (given.steps, given.every, given.seed)
    scratch = curve(given.corpus, out / "random", None, *rest)
    warm = curve(given.corpus, out / "shipped", given.initial, *rest)
    print(f"{describe()}; seed {given.seed}, {given.steps} steps of 16")
    print("| step | from random weights | from the shipped generator |\n|---|---|---|")
    for (step, first), (_, second) in zip(scratch, warm, strict=True):
        print(f"| {step} | {first:.4f} | {second:.4f} |")
    print(
        f"the shipped start reaches the random start's last loss after {first_below(warm, scratch[-1][1])} steps, "
        f"the random start the shipped one's after {first_below(scratch, warm[-1][1])}"
    )


if __name__ == "__main__":
    main()
