"""Speed of the generator on one GPU: the released way of sampling and training against ours.

    python -m benchmarks.gpu              # from the repository root; under 8 minutes on an H100
    python -m benchmarks.gpu --cpu-smoke  # the same code on the CPU with toy networks, seconds: numbers mean nothing

Needs `difffas` and what it needs, nothing else. First it compares the pipeline on the GPU with the CPU and exits with
status 1 where they differ; then it prints a Markdown report. Weights are random: speed does not depend on them.

Reference: float32, eager, two separate forwards per step, the guide's half of every STFM computed in each, 25 DDIM
steps from T₀ = 250, w = 2, batch 4, the official form. Ours: bfloat16 autocast, channels_last, both branches of the
guidance in one batch, the guide's half once. TFLOP/s are the analytic operations of the networks (two per
multiply-add, counted on the meta device) over the time taken; a backward pass counts twice its forward.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import difffas
from difffas.objective import draw_training_noise, training_loss
from difffas.pipeline import SpoofPipeline
from difffas.samplers import ddim
from difffas.schedule import q_sample, start_timesteps, timestep_table
from difffas.style_encoder import SMALL_STYLE_ENCODER, StyleEncoder
from difffas.unet import SMALL_UNET, SpoofUNet

T0, CFG_SCALE = 250, 2.0
TIME_LIMIT = 400.0  # seconds after which no further row is started
TOLERANCE = 2e-3  # greatest difference of a pixel between GPU and CPU, float32, images in [-1, 1]


@dataclass(frozen=True)
class Scale:
    """What is measured: the full size, or a toy one for the CPU."""

    side: int = 256
    steps: int = 25
    unet: dict[str, Any] = field(default_factory=lambda: {"mean_patch": 5, "variance_patch": 3, "out_channels": 6})
    encoder: dict[str, Any] = field(default_factory=dict)
    reference_batch: int = 4
    batches: tuple[int, ...] = (4, 16, 32, 64)
    training_batches: tuple[int, ...] = (4, 16, 32)
    matrix: int = 8192


TOY = Scale(
    side=64,
    steps=2,
    unet={**SMALL_UNET, "mean_patch": 2, "variance_patch": 2, "out_channels": 6},
    encoder=SMALL_STYLE_ENCODER,
    reference_batch=2,
    batches=(2,),
    training_batches=(2,),
    matrix=256,
)


def build(unet: dict[str, Any], encoder: dict[str, Any]) -> SpoofPipeline:
    """A pipeline with random weights everywhere, also where training starts at zero."""
    torch.manual_seed(0)
    network = SpoofUNet(**unet)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
    return SpoofPipeline(network, StyleEncoder(["live", "print"], **encoder))


def faces(batch: int, side: int, seed: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, 3, side, side, generator=generator) * 2 - 1).to(device)


def autocast(device: torch.device, enabled: bool = True) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def check(device: torch.device) -> str:
    """The small pipeline here against the CPU, with TensorFloat-32 off; exits with status 1 where they differ."""
    cpu = torch.device("cpu")
    pipeline = build(SMALL_UNET, SMALL_STYLE_ENCODER)
    results = []
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    for target, half in ((cpu, False), (device, False), (device, True)):
        pipeline.to(target)
        with autocast(target, half):
            live, guide = faces(4, 64, 1, target), faces(4, 64, 2, target)
            spoof = pipeline(live, guide, t0=[250, 200, 100, 30], cfg_scale=[2.0, 1.0, 3.0, 0.5], seed=7, steps=10)
        results.append(spoof.cpu())
    torch.backends.cudnn.allow_tf32 = allowed
    full, half_precision = ((result - results[0]).abs() for result in results[1:])
    line = (
        f"Against the CPU, small network, 10 steps: greatest difference {full.max():.1e} in float32, "
        f"mean {half_precision.mean():.1e} and greatest {half_precision.max():.1e} in bfloat16."
    )
    if not full.max() <= TOLERANCE:
        sys.exit(f"FAILED: {line} More than {TOLERANCE} in float32.")
    return line


def operations(scale: Scale) -> tuple[float, float]:
    """Floating-point operations of one U-Net forward and of one style-encoder forward, for one image."""
    with torch.device("meta"):
        unet, encoder = SpoofUNet(**scale.unet).eval(), StyleEncoder(["a"], **scale.encoder).eval()
        with FlopCounterMode(display=False) as encoding:
            features, _ = encoder(torch.empty(1, 3, scale.side, scale.side))
        with FlopCounterMode(display=False) as counter:
            unet(torch.empty(1, 6, scale.side, scale.side), torch.zeros(1, dtype=torch.long), features)
    return float(counter.get_total_flops()), float(encoding.get_total_flops())


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


@torch.no_grad()
def sample_reference(pipeline: SpoofPipeline, live: Tensor, guide: Tensor, steps: int) -> Tensor:
    """As the release samples: offset of T₀, conditional then unconditional forward, nothing kept between steps."""
    batch = live.shape[0]
    features = pipeline.encode_guides(guide)
    null = pipeline.encode_guides(torch.zeros_like(guide))

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        sample, timestep = torch.cat((x, live), dim=1), t.to(x.device)
        conditional: Tensor = pipeline.unet(sample, timestep, features).sample
        unconditional: Tensor = pipeline.unet(sample, timestep, null).sample
        return unconditional + CFG_SCALE * (conditional - unconditional)

    t0 = [T0] * batch
    x = q_sample(live, start_timesteps(t0, steps, "official"), torch.randn_like(live))
    return ddim(denoise, x, timestep_table(t0, steps, "official"))


def sample_ours(pipeline: SpoofPipeline, live: Tensor, guide: Tensor, steps: int) -> Tensor:
    with autocast(live.device):
        return pipeline(live, guide, t0=T0, cfg_scale=CFG_SCALE, seed=range(live.shape[0]), steps=steps)


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
        precision = "float32" if name.endswith("reference") else "bfloat16"
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


def sampling(report: Report, name: str, batch: int, pipeline: SpoofPipeline, sample: Callable[..., Tensor]) -> float:
    side, steps = report.scale.side, report.scale.steps
    live, guide = (faces(batch, side, seed, report.device) for seed in range(2))
    work = 2 * steps * report.forward + 2 * report.encoding

    def run(count: int) -> Tensor:
        return sample(pipeline, live, guide, count)

    return report.measure(name, batch, run, steps, batch, work)


def training(report: Report, name: str, batch: int, pipeline: SpoofPipeline) -> None:
    """Optimiser steps on `batch` images; the reference runs in float32."""
    ours, side, repeats = not name.endswith("reference"), report.scale.side, 5
    unet = pipeline.unet.train().requires_grad_(True)
    optimiser = torch.optim.AdamW(unet.parameters(), 1e-5, weight_decay=0.0, fused=ours)
    spoof, live, guide = (faces(batch, side, seed, report.device) for seed in range(3))
    draw = draw_training_noise(spoof.shape, torch.Generator().manual_seed(0))

    def run(count: int) -> None:
        for _ in range(count):
            with autocast(report.device, ours):
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

    def ours() -> SpoofPipeline:
        pipeline: SpoofPipeline = build(scale.unet, scale.encoder).to(device)
        pipeline.unet.to(memory_format=torch.channels_last)
        return pipeline

    sampling(report, "sampling, reference", scale.reference_batch, released(), sample_reference)
    pipeline = ours()
    speeds = {batch: sampling(report, "sampling, ours", batch, pipeline, sample_ours) for batch in scale.batches}
    training(report, "training, reference", scale.reference_batch, released())
    for batch in scale.training_batches:
        training(report, "training, ours", batch, ours())
    if device.type == "cuda":  # last: it needs a compiler on the machine and takes minutes
        pipeline.unet.compile()
        best = max(speeds, key=lambda batch: speeds[batch])
        try:
            sampling(report, "sampling, ours, compiled", best, pipeline, sample_ours)
        except Exception as error:  # whatever the compiler raises, the other rows stand
            reason = str(error).strip().splitlines() or [type(error).__name__]
            report.rows.append(f"| sampling, ours, compiled | bfloat16 | {best} | failed: {reason[0][:80]} | | | |")


def commit() -> str:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "rev-parse", "--short", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cpu-smoke", action="store_true", help="toy networks on the CPU: does it run?")
    smoke = parser.parse_args().cpu_smoke
    if not smoke and not torch.cuda.is_available():
        sys.exit("no CUDA device here: run this on a machine with one, or try the code with --cpu-smoke")
    scale, device = (TOY, torch.device("cpu")) if smoke else (Scale(), torch.device("cuda"))
    hardware = platform.processor() or platform.machine() if smoke else torch.cuda.get_device_name(device)

    agreement = check(device)
    report = Report(scale, device)
    compare(report)

    tf32 = "on" if torch.backends.cudnn.allow_tf32 else "off"
    rates = ", ".join(f"{name} {rate:.3g}" for name, rate in report.matrix.items())
    print(
        f"# Generator on {hardware}{' (toy networks: the numbers mean nothing)' if smoke else ''}\n\n"
        f"difffas {difffas.__version__}, commit {commit()}, torch {torch.__version__}, CUDA {torch.version.cuda}, "
        f"Python {platform.python_version()}; {scale.side}×{scale.side}, {scale.steps} DDIM steps, T₀ {T0}, "
        f"w {CFG_SCALE:g}.\nU-Net {report.forward / 1e9:.1f} and style encoder {report.encoding / 1e9:.1f} GFLOP per "
        f"image and forward. Matrix products here (TFLOP/s): {rates}; float32 convolutions with TensorFloat-32 {tf32} "
        f"(torch's default).\n{agreement}\n\n"
        "| path | precision | batch | images/s | TFLOP/s | of matrix rate | peak GiB |"
    )
    print("|---" * 7 + "|", *report.rows, sep="\n")


if __name__ == "__main__":
    main()
