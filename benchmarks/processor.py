"""How the small network is best run on a CPU: precision, memory layout, compiler. `python -m benchmarks.processor`

One forward of the shipped generator's network for a batch at 64², one thread. The ways take turns, so that a busy
machine slows all of them; the ratio to the first way is the median over the turns. Compiling needs a C++ compiler.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import describe
from benchmarks.networks import faces
from difffas.pipeline import SpoofPipeline
from difffas.presets import network_dtype, preset_named
from difffas.stfm import StyleCondition
from factory.drawn import PRETRAINED

Run = Callable[[], Tensor]
CPU = torch.device("cpu")


def ways(batch: int) -> dict[str, Run]:
    pipeline = SpoofPipeline.from_pretrained(PRETRAINED)
    live, guide = (faces(batch, 64, seed, CPU) for seed in range(2))
    conditions = pipeline.encode_conditions(guide)
    sample, t = torch.cat((guide, live), dim=1), torch.full((batch,), 300)

    def run(dtype: torch.dtype, layout: torch.memory_format, compiled: bool) -> Run:
        network = copy.deepcopy(pipeline.unet)
        for module in network.modules():
            module._apply(lambda each: each.to(dtype) if each.is_floating_point() else each, recurse=False)
        network = network.to(memory_format=layout)
        if compiled:
            network.compile(dynamic=False)
        mine = tuple(StyleCondition(*(part.to(dtype) for part in each)) for each in conditions)
        given = sample.to(dtype).contiguous(memory_format=layout)
        return lambda: network(given, t, mine).sample

    found: dict[str, Run] = {}
    half = network_dtype(preset_named("balanced"), CPU)
    for compiled in (False, True) if shutil.which("g++") else (False,):
        for dtype in dict.fromkeys((torch.float32, half)):
            for name, layout in (("contiguous", torch.contiguous_format), ("channels_last", torch.channels_last)):
                title = f"{str(dtype).removeprefix('torch.')}, {name}{', compiled' * compiled}"
                found[title] = run(dtype, layout, compiled)
    return found


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--turns", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    runs, warm = ways(given.batch), dict[str, float]()
    for name, run in runs.items():
        started = time.perf_counter()
        run()
        warm[name] = time.perf_counter() - started
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(given.turns):
        for name, run in runs.items():
            started = time.process_time()
            run()
            seconds[name].append(time.process_time() - started)
    table = np.array(list(seconds.values()))  # ways, turns
    ratios = np.median(table[0] / table, axis=1)
    print(f"{describe()}; batch {given.batch}, {given.turns} turns, one thread\n")
    print("| way | CPU ms an image | against the first | first call, s |\n|---|---|---|---|")
    for name, row, ratio in zip(seconds, table, ratios, strict=True):
        print(f"| {name} | {np.median(row) / given.batch * 1e3:.1f} | {ratio:.2f}× | {warm[name]:.1f} |")


if __name__ == "__main__":
    main()
