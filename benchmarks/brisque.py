"""BRISQUE against piq: one thread, turn by turn in one run, as a Markdown table.

    python -m benchmarks.brisque PHOTOGRAPHS     # a folder, searched for png and jpg; face crops of 256² are cut

Real photographs are not part of the project; without a folder the drawn faces and their simulated spoofs alone are
scored. Milliseconds are processor time of this process, medians over the rounds: other work on the machine then counts
only through the caches. piq's error is that of its float32, ours is against piq in float64.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import piq
import torch

from benchmarks.encoding import photographs, spoofs
from benchmarks.machine import describe
from difffas.brisque import IMPLEMENTATION, brisque
from difffas.brisque_svm import support_vectors

ROUNDS, BATCH, SIDE = 5, 16, 256


def offline_piq(dtype: torch.dtype) -> None:
    """Hand piq the support vectors that it would download."""
    svm = support_vectors()
    weights = torch.tensor(svm.coefficients, dtype=dtype)[:, None], torch.tensor(svm.vectors, dtype=dtype)
    setattr(sys.modules["piq.brisque"], "load_url", lambda *_, **__: tuple(part.clone() for part in weights))  # noqa: B010


def piq_scores(images: np.ndarray, dtype: torch.dtype, batch: int) -> np.ndarray:
    offline_piq(dtype)
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).to(dtype) / 255
    scores = [piq.brisque(part, reduction="none").flatten() for part in torch.split(planes, batch)]
    return torch.cat(scores).double().numpy()


def our_scores(images: np.ndarray, batch: int) -> np.ndarray:
    return np.concatenate([brisque(images[start : start + batch])[0] for start in range(0, len(images), batch)])


def milliseconds(images: np.ndarray) -> dict[str, float]:
    """Median processor time for one image, the contenders taking turns."""
    contenders: dict[str, Callable[[], object]] = {
        "piq": lambda: piq_scores(images, torch.float32, 1),
        "ours": lambda: our_scores(images, 1),
        "piq batch": lambda: piq_scores(images, torch.float32, BATCH),
        "ours batch": lambda: our_scores(images, BATCH),
    }
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS + 1):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            taken[name].append((time.process_time() - start) / len(images) * 1e3)
    return {name: float(np.median(times[1:])) for name, times in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photographs", type=Path, nargs="?", help="folder of real photographs")
    folder = parser.parse_args().photographs
    torch.set_num_threads(1)
    sets = {"drawn faces and simulated spoofs": spoofs(SIDE, 2 * BATCH)}
    if folder:
        sets["photographs"] = photographs(folder, SIDE, 4 * BATCH)
    load = Path("/proc/loadavg").read_text().split()[0]
    print(f"{describe()}; {IMPLEMENTATION}; one thread, {SIDE}², {ROUNDS} rounds in turns, load {load}\n")
    print(
        "| images | n | piq float32 ms | batched | ours ms | batched | ratio | batched | "
        "greatest difference | of piq float32 |"
    )
    print("|---" * 10 + "|")
    for name, images in sets.items():
        took = milliseconds(images[:BATCH])
        judge = piq_scores(images, torch.float64, 1)
        error = np.abs(our_scores(images, BATCH) - judge).max()
        single = np.abs(piq_scores(images, torch.float32, 1) - judge).max()
        print(
            f"| {name} | {len(images)} | {took['piq']:.1f} | {took['piq batch']:.1f} | {took['ours']:.1f} | "
            f"{took['ours batch']:.1f} | {took['piq'] / took['ours']:.1f} | "
            f"{min(took['piq'], took['piq batch']) / took['ours batch']:.1f} | {error:.1e} | {single:.1e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
