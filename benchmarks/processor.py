"""How a network is best run on a CPU: precision, memory layout, compiler. `python -m benchmarks.processor [--full]`

One forward of the shipped generator's network at 64², or of the full one at 256², for a batch, one thread. The ways
take turns, so that a busy machine slows all of them; the ratio to the first way is the median over the turns.
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
from benchmarks.networks import Scale, build, faces
from difffas.pipeline import SpoofPipeline
from difffas.presets import network_dtype, preset_named
from difffas.stfm import StyleCondition
from factory.drawn import PRETRAINED

Run = Callable[[], Tensor]
CPU = torch.device("cpu")


def ways(batch: int, full: bool, with_compiler: bool) -> dict[str, Run]:
    scale = Scale()
    pipeline = build(scale.unet, scale.encoder) if full else SpoofPipeline.from_pretrained(PRETRAINED)
    live, guide = (faces(batch, scale.side if full else 64, seed, CPU) for seed in range(2))
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
    for compiled in (False, True) if with_compiler else (False,):
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
    parser.add_argument("--full", action="store_true", help="the full network at 256²")
    parser.add_argument("--compiled", action="store_true", help="each way compiled as well, which takes minutes")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.compiled and not shutil.which("g++"):
        raise SystemExit("no C++ compiler here: leave --compiled out, or install g++")
    runs, warm = ways(given.batch, given.full, given.compiled), dict[str, float]()
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
