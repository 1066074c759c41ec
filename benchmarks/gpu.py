"""Speed of the generator on one GPU: the released way of sampling and training against ours.

    python -m benchmarks.gpu              # from the repository root; under 8 minutes on an H100
    python -m benchmarks.gpu --cpu-smoke  # the same code on the CPU with toy networks, seconds: numbers mean nothing

Needs `difffas` and what it needs, nothing else. First it compares the pipeline on the GPU with the CPU, preset by
preset, and BRISQUE likewise, and exits with status 1 where they differ; then it prints a Markdown report. Weights are
random: speed does not depend on them.

Reference: float32, eager, two separate forwards per step, the guide's half of every STFM computed in each, 25 DDIM
steps from T₀ = 250, w = 2, batch 4, the official form. Ours: the presets of difffas.presets, conditions encoded
before; training under bfloat16 autocast in channels_last. TFLOP/s are the analytic operations of the networks (two per
multiply-add, counted on the meta device) over the time taken; a backward pass counts twice its forward.
"""

from __future__ import annotations

import argparse
import io
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import difffas
from benchmarks.machine import commit
from benchmarks.networks import CFG_SCALE, T0, TOY, Scale, build, faces, operations, sample_reference
from difffas.brisque import brisque
from difffas.objective import draw_training_noise, training_loss
from difffas.pipeline import SpoofPipeline
from difffas.presets import PRESETS
from difffas.style_encoder import SMALL_STYLE_ENCODER
from difffas.unet import SMALL_UNET

TIME_LIMIT = 400.0  # seconds after which no further row is started
TOLERANCE = 2e-3  # greatest difference of a pixel between GPU and CPU, float32, images in [-1, 1]
SCORE_TOLERANCE = 1e-3  # of BRISQUE between GPU and CPU
HALF_TOLERANCE = 2e-2  # mean difference of the presets in bfloat16 between GPU and CPU


def check(device: torch.device) -> str:
    """The small pipeline here against the CPU, with TensorFloat-32 off; exits with status 1 where they differ."""
    pipeline = build(SMALL_UNET, SMALL_STYLE_ENCODER, with_student=True)
    options: dict[str, Any] = {"t0": [250, 200, 100, 30], "cfg_scale": [2.0, 1.0, 3.0, 0.5], "seed": 7}
    made: dict[str, list[Tensor]] = {name: [] for name in PRESETS}
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    for target in (torch.device("cpu"), device):
        pipeline.to(target)
        for name, results in made.items():
            steps = 10 if PRESETS[name].steps is None else None
            spoof = pipeline(faces(4, 64, 1, target), faces(4, 64, 2, target), steps=steps, preset=name, **options)
            results.append(spoof.cpu())
    torch.backends.cudnn.allow_tf32 = allowed
    differences = {name: (here - there).abs() for name, (there, here) in made.items()}
    said = ", ".join(f"`{name}` {each.max():.1e} (mean {each.mean():.1e})" for name, each in differences.items())
    line = f"Against the CPU, small network, greatest difference of a pixel: {said}."
    halves = max(float(differences[name].mean()) for name in PRESETS if PRESETS[name].half)
    if not (differences["exact"].max() <= TOLERANCE and halves <= HALF_TOLERANCE):
        sys.exit(f"FAILED: {line} Allowed: {TOLERANCE} for `exact`, a mean of {HALF_TOLERANCE} for the others.")
    return line


def check_scores(device: torch.device) -> str:
    """BRISQUE here against the CPU, on smooth and clipped images; exits with status 1 where they differ."""
    coarse = torch.nn.functional.interpolate(faces(16, 16, 4, torch.device("cpu")), size=(96, 96), mode="bicubic")
    gain = torch.linspace(0.5, 4.0, 16).reshape(-1, 1, 1, 1)
    images = ((coarse * gain).clamp(-1, 1) * 127.5 + 127.5).byte().permute(0, 2, 3, 1).contiguous()
    difference = float(np.abs(brisque(images)[0] - brisque(images.to(device))[0]).max())
    line = f"BRISQUE against the CPU, greatest difference of a score: {difference:.1e}."
    if not difference <= SCORE_TOLERANCE:
        sys.exit(f"FAILED: {line} Allowed: {SCORE_TOLERANCE}.")
    return line


def seconds(run: Callable[[], object], device: torch.device) -> float:
    wait = torch.cuda.synchronize if device.type == "cuda" else torch.cpu.synchronize
    wait()
    start = time.perf_counter()
    run()
    wait()
    return time.perf_counter() - start


def matrix_rate(device: torch.device, dtype: torch.dtype, side: int) -> float:
    """TFLOP/s of a square matrix product: what this card gives in practice."""
    a = torch.randn(side, side, device=device, dtype=dtype)
    for _ in range(3):
        a @ a
    return 10 * 2 * side**3 / seconds(lambda: [a @ a for _ in range(10)], device) / 1e12


class Report:
    """Measures one path after the other and keeps the Markdown rows."""

    def __init__(self, scale: Scale, device: torch.device) -> None:
        self.scale, self.device, self.start = scale, device, time.perf_counter()
        self.forward, self.encoding = operations(scale)
        dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
        self.matrix = {name: matrix_rate(device, dtype, scale.matrix) for name, dtype in dtypes.items()}
        self.rows: list[str] = []

    def measure(
        self, name: str, batch: int, run: Callable[[int], object], count: int, images: int, work: float
    ) -> float:
        """Images/s of `run(count)`, which makes `images` of `work` operations each; 0 where it could not run."""
        precision = "float32" if name.endswith(("reference", "exact")) else "bfloat16"
        cuda = self.device.type == "cuda"
        torch.backends.cudnn.benchmark = precision == "bfloat16"
        row = f"| {name} | {precision} | {batch} |"
        if time.perf_counter() - self.start > TIME_LIMIT:
            self.rows.append(f"{row} not run: out of time | | | |")
            return 0.0
        try:
            run(2)  # warm-up: kernels are chosen, memory is taken
            if cuda:
                torch.cuda.reset_peak_memory_stats(self.device)
            taken = seconds(lambda: run(count), self.device)
        except torch.OutOfMemoryError:
            self.rows.append(f"{row} out of memory | | | |")
            return 0.0
        finally:
            torch.cuda.empty_cache()
        speed = images / taken
        achieved = speed * work / 1e12
        memory = f"{torch.cuda.max_memory_allocated(self.device) / 2**30:.1f}" if cuda else "-"
        share = 100 * achieved / self.matrix[precision]
        self.rows.append(f"{row} {speed:.3g} | {achieved:.3g} | {share:.0f} % | {memory} |")
        print(self.rows[-1], file=sys.stderr, flush=True)
        return speed


def sampling(report: Report, name: str, batch: int, pipeline: SpoofPipeline) -> float:
    """One preset, or the reference: `name` ends with which."""
    side, preset = report.scale.side, name.removeprefix("sampling, ").removesuffix(", compiled")
    live, guide = (faces(batch, side, seed, report.device) for seed in range(2))
    free = preset == "reference" or PRESETS[preset].steps is None
    steps = report.scale.steps
    forwards = 2 * steps if free else PRESETS[preset].forwards or 0
    conditions = None if preset == "reference" else pipeline.encode_conditions(guide)

    def run(count: int) -> Tensor:
        if conditions is None:
            return sample_reference(pipeline, live, guide, count)
        steps = count if free else None
        return pipeline(live, conditions, t0=T0, cfg_scale=CFG_SCALE, seed=range(batch), steps=steps, preset=preset)

    return report.measure(name, batch, run, steps, batch, forwards * report.forward)


def training(report: Report, name: str, batch: int, pipeline: SpoofPipeline) -> None:
    """Optimiser steps on `batch` images; the reference runs in float32."""
    ours, side, repeats = not name.endswith("reference"), report.scale.side, 5
    unet = pipeline.unet.train().requires_grad_(True)
    optimiser = torch.optim.AdamW(unet.parameters(), 1e-5, weight_decay=0.0, fused=ours)
    spoof, live, guide = (faces(batch, side, seed, report.device) for seed in range(3))
    draw = draw_training_noise(spoof.shape, torch.Generator().manual_seed(0))

    def run(count: int) -> None:
        for _ in range(count):
            with torch.autocast(report.device.type, dtype=torch.bfloat16, enabled=ours):
                loss = training_loss(unet, pipeline.style_encoder, spoof, live, guide, draw).total
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    report.measure(name, batch, run, repeats, repeats * batch, 3 * report.forward + report.encoding)


def compare(report: Report) -> None:
    scale, device = report.scale, report.device
    official = {"form": "official", "condition_norm": "batch"}

    def released() -> SpoofPipeline:
        pipeline: SpoofPipeline = build({**scale.unet, **official}, scale.encoder).to(device)
        return pipeline

    def ours(with_student: bool = False) -> SpoofPipeline:
        pipeline: SpoofPipeline = build(scale.unet, scale.encoder, with_student).to(device)
        return pipeline

    sampling(report, "sampling, reference", scale.reference_batch, released())
    pipeline, best = ours(with_student=True), scale.batches[0]
    for name in PRESETS:
        speeds = {batch: sampling(report, f"sampling, {name}", batch, pipeline) for batch in scale.batches}
        best = max(speeds, key=lambda batch: speeds[batch])
    training(report, "training, reference", scale.reference_batch, released())
    for batch in scale.training_batches:
        trained = ours()
        trained.unet.to(memory_format=torch.channels_last)
        training(report, "training, ours", batch, trained)
    if device.type == "cuda":  # last: it needs a compiler on the machine and takes minutes
        compiled = ours(with_student=True)
        compiled.compile()
        for name in ("balanced", "fast", "student"):
            try:
                sampling(report, f"sampling, {name}, compiled", best, compiled)
            except Exception as error:  # whatever the compiler raises, the other rows stand
                reason = str(error).strip().splitlines() or [type(error).__name__]
                report.rows.append(f"| {name}, compiled | bfloat16 | {best} | failed: {reason[0][:80]} | | | |")


def beside_the_generator(side: int, device: torch.device) -> str:
    """What else an image costs: BRISQUE where the generator runs, and PNG on one core."""
    spoofs = ((faces(64, side, 3, torch.device("cpu")) + 1) * 127.5).byte().permute(0, 2, 3, 1).contiguous()
    there = spoofs.to(device)
    brisque(there)
    scoring = 64 / seconds(lambda: brisque(there), device)
    pixels: list[np.ndarray] = list(spoofs.numpy()[:8])

    def encode() -> None:
        for image in pixels:
            Image.fromarray(image).save(io.BytesIO(), "png", compress_level=3)

    return (
        f"BRISQUE here, 64 at once: {scoring:,.0f} images/s. PNG of noise, the hardest case, at level 3 on one core "
        f"of the host: {8 / seconds(encode, torch.device('cpu')):,.0f} images/s."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cpu-smoke", action="store_true", help="toy networks on the CPU: does it run?")
    smoke = parser.parse_args().cpu_smoke
    if not smoke and not torch.cuda.is_available():
        sys.exit("no CUDA device here: run this on a machine with one, or try the code with --cpu-smoke")
    scale, device = (TOY, torch.device("cpu")) if smoke else (Scale(), torch.device("cuda"))
    hardware = platform.processor() or platform.machine() if smoke else torch.cuda.get_device_name(device)

    agreement = f"{check(device)} {check_scores(device)}"
    report = Report(scale, device)
    compare(report)
    others = beside_the_generator(scale.side, device)

    tf32 = "on" if torch.backends.cudnn.allow_tf32 else "off"
    rates = ", ".join(f"{name} {rate:.3g}" for name, rate in report.matrix.items())
    print(
        f"# Generator on {hardware}{' (toy networks: the numbers mean nothing)' if smoke else ''}\n\n"
        f"difffas {difffas.__version__}, commit {commit()}, torch {torch.__version__}, CUDA {torch.version.cuda}, "
        f"Python {platform.python_version()}; {scale.side}×{scale.side}, {scale.steps} DDIM steps, T₀ {T0}, "
        f"w {CFG_SCALE:g}.\nU-Net {report.forward / 1e9:.1f} and style encoder {report.encoding / 1e9:.1f} GFLOP per "
        f"image and forward. Matrix products here (TFLOP/s): {rates}; float32 convolutions with TensorFloat-32 {tf32} "
        f"(torch's default).\n{agreement}\n{others}\n\n"
        "| path | precision | batch | images/s | TFLOP/s | of matrix rate | peak GiB |"
    )
    print("|---" * 7 + "|", *report.rows, sep="\n")


if __name__ == "__main__":
    main()
