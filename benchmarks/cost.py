"""Images a second of one generator, as a row for factory/generate/measured_speed.yaml.

    python -m benchmarks.cost NAME [--model FOLDER] [--preset exact] [--batch 16] [--side 64]

NAME is the short name of this device. T₀ 250, w 2; guides encoded once, as a run does; the median of three batches
after one to warm up. On a CPU one thread and its processor time, other work does not count; on a GPU the clock.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
import time

import torch

from benchmarks.machine import commit, describe
from difffas.pipeline import SpoofPipeline
from difffas.presets import preset_named
from factory.storage.embedded import GENERATOR, path_of

T0, CFG_SCALE, STEPS, ROUNDS = 250, 2.0, 25, 3


def seconds_per_batch(pipeline: SpoofPipeline, side: int, batch: int, preset: str) -> float:
    generator = torch.Generator().manual_seed(0)
    live, guide = (torch.rand(batch, 3, side, side, generator=generator) * 2 - 1 for _ in range(2))
    features = pipeline.encode_guides(guide)
    steps = None if preset_named(preset).steps else STEPS  # most presets bring their own
    on_gpu = pipeline.device.type == "cuda"
    clock = time.perf_counter if on_gpu else time.process_time
    taken = []
    for _ in range(ROUNDS + 1):
        start = clock()
        pipeline(live, features, t0=T0, cfg_scale=CFG_SCALE, seed=range(batch), steps=steps, preset=preset)
        if on_gpu:
            torch.cuda.synchronize()
        taken.append(clock() - start)
    return statistics.median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("device", help="short name of this device")
    parser.add_argument("--model", default=path_of(GENERATOR))
    parser.add_argument("--preset", default="exact")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    pipeline = SpoofPipeline.from_pretrained(given.model)
    if torch.cuda.is_available():
        pipeline.to("cuda")
    rate = given.batch / seconds_per_batch(pipeline, given.side, given.batch, given.preset)
    parameters = sum(tensor.numel() for tensor in pipeline.unet.state_dict().values())
    print(f"# {describe()}")
    print(f"  - device: {given.device}\n    parameters: {parameters}\n    side: {given.side}")
    chosen = preset_named(given.preset)
    print(f"    sampler: {chosen.sampler or 'ddim'}\n    steps: {chosen.steps or STEPS}")
    print(f"    preset: {given.preset}\n    guided: true\n    batch: {given.batch}")
    print(f"    images_per_second: {rate:.3g}\n    price_per_hour: null")
    print(f"    date: {datetime.date.today()}\n    commit: {commit()}")
    print(f"    command: python -m benchmarks.cost {' '.join(sys.argv[1:])}")


if __name__ == "__main__":
    main()
