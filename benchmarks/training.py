"""What the training core costs: its step against a bare PyTorch loop on the same network and batch.

    python -m benchmarks.training                    # from the repository root: the demo's network at 64²
    python -m benchmarks.training --full --batch 16  # the full network at 256², for a GPU

The bare loop does what any loop must: objective, backward, clipping, AdamW, on a batch that lies in memory. Ours adds
the average of the weights, the noise drawn by counter, the guard against steps that are not finite, and, with
reading, batches that Ray Data's tasks read and decode beside it. They take turns, a block of steps each, so that a
busy machine slows them alike; those that do not read have theirs before, between and after two streams, so that no
reading slows them. A rate is the median over the blocks. Goals: 0.97 of the bare rate, 3 % of waiting.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu import matrix_rate
from difffas.objective import draw_training_noise, training_loss
from difffas.style_encoder import SMALL_STYLE_ENCODER, StyleEncoder
from difffas.unet import SMALL_UNET
from factory import cluster, prepare
from factory.core.config import Config, build
from factory.corpus import Corpus
from factory.drawn import pictures
from factory.models.tensors import to_tensor
from factory.run import Run
from factory.train import WorkerSettings
from factory.train.ingest import stream
from factory.train.loop import Fit, take_step
from factory.train.loop import prepare as start
from factory.train.recipes.generator import FitGeneratorConfig, GeneratorRecipe, worker_settings

WARM_UP = 8  # steps: compilation, the first tasks, and the start of the second window of reading (`ingest`)
READING = "ours, reading"
GFLOP = {True: 2 * (3 * 279.0 + 13.4), False: 2 * 3 * 0.314}  # per image: forward, twice that backward, the encoder


def recipe_settings(root: Path, full: bool, batch: int) -> WorkerSettings[FitGeneratorConfig]:
    """A corpus of drawn faces, an untrained encoder, and the generator's settings on them."""
    size = 256 if full else 64
    pictures.draw(root / "faces", 8, 2, size, ("webcam", "phone"), ("print", "replay"), seed=7)
    prepared = {"source": f"{root}/faces", "out": f"{root}/real", "pattern": pictures.PATTERN, "crop": "none"}
    more = {"size": size, "license": "CC0-1.0", "split": {"train": 1.0}, "output": {"rows_per_shard": 120}}
    prepare.run(build(prepare.PrepareConfig, {**prepared, **more}))
    Run(f"{root}/style", "fit-style", {}, Config())
    encoder = StyleEncoder(["webcam-print"], **({} if full else SMALL_STYLE_ENCODER))
    encoder.save_pretrained(root / "style" / "style_encoder")
    precision = "bfloat16" if full else "float32"
    given = {
        "corpus": f"{root}/real",
        "style_encoder": f"{root}/style",
        "out": f"{root}/out",
        "network": {"dropout": 0.0, **({} if full else SMALL_UNET)},
        "train": {"steps": 10**6, "batch_size": batch, "learning_rate": 1e-4, "precision": precision},
        "resources": {"threads": torch.get_num_threads(), "compile": full},
    }
    return worker_settings(build(FitGeneratorConfig, given), Corpus(f"{root}/real"))


def bare_loop(settings: WorkerSettings[FitGeneratorConfig], fit: Fit, batch: dict[str, Any]) -> Callable[[], None]:
    """One step of the loop that anyone would write, on a network of its own."""
    recipe = GeneratorRecipe(settings)
    recipe.to(fit.device)
    network, encoder = recipe.network.train(), recipe._encoder
    if fit.resources.compile and fit.device.type == "cuda":
        network.compile()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-4)
    live, spoof, guide = (to_tensor(batch[name], fit.device) for name in ("live", "spoof", "guide"))
    generator = torch.Generator().manual_seed(0)
    narrow = fit.config.precision == "bfloat16"

    def step() -> None:
        draw = draw_training_noise(spoof.shape, generator)
        with torch.autocast(fit.device.type, torch.bfloat16, enabled=narrow):
            loss = training_loss(network, encoder, spoof, live, guide, draw).total
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()

    return step


class Reading:
    """One step of ours on batches that are read beside it."""

    def __init__(self, fit: Fit, batches: Iterator[dict[str, Any]]) -> None:
        self._fit, self._batches, self._step = fit, batches, itertools.count()
        self.waited = 0.0

    def __call__(self) -> None:
        started = time.perf_counter()
        batch = next(self._batches)
        self.waited += time.perf_counter() - started
        take_step(self._fit, batch, next(self._step))


def seconds_of(step: Callable[[], object], steps: int, device: torch.device) -> float:
    started = time.perf_counter()
    for _ in range(steps):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def most_tflops(device: torch.device, full: bool) -> float:
    """What matrix products reach here, at best, in the precision of the training."""
    side, dtype = (8192 if device.type == "cuda" else 2048), (torch.bfloat16 if full else torch.float32)
    return max(matrix_rate(device, dtype, side) for _ in range(3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the full network at 256², bfloat16, compiled on a GPU")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=4, help="in a block")
    parser.add_argument("--blocks", type=int, default=7)
    parser.add_argument("--tflops", type=float, help="what the machine reaches at most; else its matrix products are")
    given = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    before, waited = os.getloadavg()[0], 0.0
    cluster.connect()
    with tempfile.TemporaryDirectory() as folder:
        settings = recipe_settings(Path(folder), given.full, given.batch)
        fit = start(GeneratorRecipe(settings), settings, device)
        reader = fit.recipe.reader(0, 1)
        batch = reader(0)
        bare, step = bare_loop(settings, fit, batch), itertools.count()
        loops: dict[str, Callable[[], object]] = {
            "bare loop": bare,
            "ours, batch in memory": lambda: take_step(fit, batch, next(step)),
        }
        taken: dict[str, list[float]] = {name: [] for name in (*loops, READING)}

        def turns(blocks: int) -> None:
            for _, (name, loop) in itertools.product(range(blocks), loops.items()):
                taken[name].append(seconds_of(loop, given.steps, device))

        for loop in loops.values():
            seconds_of(loop, WARM_UP, device)
        for half in (given.blocks // 2, given.blocks - given.blocks // 2):
            turns(half)
            batches = stream(reader, 0, 10**6)
            reading = Reading(fit, batches)
            seconds_of(reading, WARM_UP, device)
            already = reading.waited
            taken[READING] += [seconds_of(reading, given.steps, device) for _ in range(half)]
            waited += reading.waited - already
            batches.close()  # type: ignore[attr-defined]
            time.sleep(2.0)  # until its processes have ended
        turns(given.blocks // 2)
    rate = {name: given.steps * given.batch / statistics.median(seconds) for name, seconds in taken.items()}
    print(f"load of the machine: {before:.1f} before, {os.getloadavg()[0]:.1f} after, of which this takes about 2")
    print(f"{'':24}{'images/s':>10}{'of bare':>10}{'spread':>16}")
    for name, images in rate.items():
        low, high = (given.steps * given.batch / pick(taken[name]) for pick in (max, min))
        print(f"{name:24}{images:10.1f}{images / rate['bare loop']:10.3f}{low:8.1f}…{high:.1f}")
    print(f"waited for data: {100 * waited / sum(taken[READING]):.1f} % of the time of {READING}")
    tflops = given.tflops or most_tflops(device, given.full)
    most = tflops * 1e3 / GFLOP[given.full]
    print(
        f"floor: at {tflops:.3g} TFLOP/s an image takes {1e3 / most:.1f} ms or more; images/s of the {most:.0f} then:"
    )
    print(", ".join(f"{name} {100 * images / most:.0f} %" for name, images in rate.items()))


if __name__ == "__main__":
    main()
