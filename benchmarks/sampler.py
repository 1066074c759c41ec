"""What each way of sampling costs, and how far its spoofs are from the plain run of the same model.

    python -m benchmarks.sampler quality   # the shipped generator at 64², strangers' faces: minutes on one core
    python -m benchmarks.sampler speed     # CPU-seconds of an image of the full network at 256², against the release's

Plain: float32, eager, two forwards a step with the guide's features in each, 25 DDIM steps. Both print Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import describe
from benchmarks.networks import Scale, build, faces, sample_reference
from difffas.guidance import Between, Branches, Guided, guided, held
from difffas.pipeline import SpoofPipeline
from difffas.presets import PRESETS
from difffas.samplers import Sampler, ddim, dpm_solver_pp_2m
from difffas.schedule import alpha_bar, per_sample, q_sample, timestep_table
from factory.drawn import PRETRAINED, pictures
from factory.images import decode
from factory.models.measures import structure_change
from factory.models.tensors import to_pixels, to_tensor

DOMAINS, ATTACKS = ("webcam", "phone"), ("print", "replay", "mask")  # that the shipped generator knows
SETTINGS = ((250, 2.0), (350, 3.0), (450, 4.0))  # T₀, w


class Way(NamedTuple):
    """A way to sample; `at` None computes both branches at every step."""

    name: str
    sampler: Sampler
    steps: int
    spacing: float = 1.0
    at: tuple[int, ...] | None = None
    between: Between = held
    half: bool = False


def unguided(last: Guided, conditional: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """Guidance in an interval (Kynkäänniemi et al. 2024): none outside it."""
    return torch.zeros_like(conditional)


def residual(last: Guided, conditional: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """Residual guidance, one-time negative (Kodaira et al. 2023): ε_u points at the x̂₀ of the last guided step."""
    then, now = alpha_bar(last.t), alpha_bar(t)
    clean = (last.x - per_sample((1 - then).sqrt(), x) * last.unconditional) / per_sample(then.sqrt(), x)
    return conditional - (x - per_sample(now.sqrt(), x) * clean) / per_sample((1 - now).sqrt(), x)


FIVE = ("DPM-Solver++(2M), 5 steps, spacing 1.5", dpm_solver_pp_2m, 5, 1.5)
WAYS = (
    Way("conditions cached (`exact`)", ddim, 25),
    Way("DDIM, 10 steps", ddim, 10),
    Way("DDIM, 5 steps", ddim, 5),
    Way("DPM-Solver++(2M), 10 steps", dpm_solver_pp_2m, 10),
    Way("DPM-Solver++(2M), 5 steps", dpm_solver_pp_2m, 5),
    Way(*FIVE),
    Way("… guided at 0, 1 and 3, not between", *FIVE[1:], (0, 1, 3), unguided),
    Way("… guided at 0, 1 and 3, residual between", *FIVE[1:], (0, 1, 3), residual),
    Way("… guided at 0, residual after (one-time negative)", *FIVE[1:], (0,), residual),
    Way("… guided at 0, held after", *FIVE[1:], (0,), held),
    Way("… guided at 0, 1 and 3, held between", *FIVE[1:], (0, 1, 3), held),
    Way("… and bfloat16 (`balanced`)", *FIVE[1:], (0, 1, 3), held, half=True),
    Way("3 steps, guided at 0 and 1, bfloat16 (`fast`)", dpm_solver_pp_2m, 3, 1.5, (0, 1), held, half=True),
)


class Study:
    """Strangers' faces, guides and noise, the same for every way."""

    def __init__(self, count: int) -> None:
        self.pipeline = SpoofPipeline.from_pretrained(PRETRAINED)
        live, guides, styles = strangers(count)
        self.live, self.guides = to_tensor(live), to_tensor(guides)
        known = list(self.pipeline.style_encoder.styles)
        self.wanted = torch.tensor([known.index(style) for style in styles])
        self.noise = torch.stack(
            [torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in range(len(live))]
        )

    def plain(self, t0: int, w: float) -> Tensor:
        """Written out here, of the network alone."""
        unet, live = self.pipeline.unet, self.live
        features, null = (self.pipeline.encode_guides(each) for each in (self.guides, torch.zeros_like(self.guides)))

        def denoise(x: Tensor, t: Tensor) -> Tensor:
            sample = torch.cat((x, live), dim=1)
            conditional, unconditional = (unet(sample, t, maps).sample for maps in (features, null))
            guided: Tensor = unconditional + w * (conditional - unconditional)
            return guided

        table = timestep_table([t0] * len(live), 25)
        return ddim(denoise, q_sample(live, table[:, 0], self.noise), table).clamp(-1, 1)

    def run(self, way: Way, t0: int, w: float) -> Tensor:
        pipeline, live = self.pipeline, self.live
        conditions = pipeline.encode_conditions(self.guides)
        network = pipeline.network(PRESETS["fast" if way.half else "exact"])
        branches = Branches(network, live, conditions, pipeline.null_conditions(64, 64))
        denoise = guided(branches, torch.full((len(live),), w, dtype=torch.float64), way.at, way.between)
        table = timestep_table([t0] * len(live), way.steps, spacing=way.spacing)
        return way.sampler(denoise, q_sample(live, table[:, 0], self.noise), table, lambda: self.noise).clamp(-1, 1)

    def row(self, name: str, forwards: int, made: Tensor, plain: Tensor, seconds: float, plainly: float) -> str:
        decibels = -10 * ((made - plain) / 2).square().flatten(1).mean(1).log10()
        (maps, logits), (plain_maps, _) = (self.pipeline.style_encoder(images) for images in (made, plain))
        features = np.mean([float((a - b).norm() / b.norm()) for a, b in zip(maps, plain_maps, strict=True)])
        style = float(logits.softmax(1).gather(1, self.wanted[:, None]).mean())
        identity = structure_change(to_pixels(self.live), to_pixels(made)).mean()
        distance = "- | - | 0" if made is plain else f"{decibels.mean():.1f} | {decibels.min():.1f} | {features:.4f}"
        speed = f"{seconds / len(made) * 1e3:,.0f} | {plainly / seconds:.1f}×"
        return f"| {name} | {forwards} | {speed} | {distance} | {style:.3f} | {identity:.3f} |"


def strangers(count: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Live faces and guides of drawn people that the shipped generator never saw, and the guides' styles."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        pictures.draw(root, count * len(DOMAINS), 1, 64, DOMAINS, ATTACKS, seed=4711)
        files: dict[str, list[Path]] = {}
        for path in sorted(root.rglob("*.png")):
            files.setdefault("-".join(path.relative_to(root).parts[:2]), []).append(path)
        read = {style: [decode(path.read_bytes()) for path in paths] for style, paths in files.items()}
    attacks = [f"{domain}-{attack}" for domain in DOMAINS for attack in ATTACKS]
    styles = [attacks[i % len(attacks)] for i in range(count)]
    lives = [read[f"{style.partition('-')[0]}-live"][i] for i, style in enumerate(styles)]
    return np.stack(lives), np.stack([read[style][-1 - i // len(attacks)] for i, style in enumerate(styles)]), styles


def cpu_seconds(run: Callable[[], Tensor]) -> tuple[Tensor, float]:
    start = time.process_time()
    made = run()
    return made, time.process_time() - start


@torch.no_grad()
def quality(count: int) -> None:
    torch.set_num_threads(1)
    study = Study(count)
    print(f"{describe()}; `python -m benchmarks.sampler quality`")
    for t0, w in SETTINGS:
        print(f"\n## T₀ = {t0}, w = {w:g}, {count} faces\n")
        print("| way | forwards an image | CPU ms an image | speed | PSNR dB | least | features | style | identity |")
        print("|---|---|---|---|---|---|---|---|---|")
        plain, plainly = cpu_seconds(lambda t0=t0, w=w: study.plain(t0, w))  # type: ignore[misc]
        print(study.row("plain", 50, plain, plain, plainly, plainly), flush=True)
        for way in WAYS:
            study.run(way._replace(steps=1, at=None), t0, w)  # warm-up
            made, taken = cpu_seconds(lambda way=way, t0=t0, w=w: study.run(way, t0, w))  # type: ignore[misc]
            forwards = way.steps + len(way.at or range(way.steps))
            print(study.row(way.name, forwards, made, plain, taken, plainly), flush=True)


@torch.no_grad()
def speed(batch: int) -> None:
    """Each contender in turn, twice; the better time. The 25 equal steps of reference and `exact` are timed by two."""
    torch.set_num_threads(1)
    scale, device = Scale(), torch.device("cpu")
    official = build({**scale.unet, "form": "official", "condition_norm": "batch"}, scale.encoder)
    ours = build({**scale.unet, "out_channels": 3}, scale.encoder)
    live, guide = (faces(batch, scale.side, seed, device) for seed in range(2))
    conditions, null = ours.encode_conditions(guide), ours.null_conditions(scale.side, scale.side)
    assert len(null)
    seeds = list(range(batch))
    contenders: dict[str, tuple[float, Callable[[], Tensor]]] = {
        "reference": (25 / 2, lambda: sample_reference(official, live, guide, 2)),
        "exact": (25 / 2, lambda: ours(live, conditions, seed=seeds, steps=2)),
        "balanced": (1, lambda: ours(live, conditions, seed=seeds, preset="balanced")),
        "fast": (1, lambda: ours(live, conditions, seed=seeds, preset="fast")),
    }
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(2):
        for name, (factor, run) in contenders.items():
            best[name] = min(best[name], factor * cpu_seconds(run)[1] / batch)
    print(f"{describe()}; `python -m benchmarks.sampler speed`\n\nBatch {batch}, one thread, 256², {scale.unet}.\n")
    print("| way | CPU-seconds an image | against the reference |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds:,.1f} | {best['reference'] / seconds:.1f}× |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("quality", "speed"))
    parser.add_argument("--count", type=int, default=0, help="faces (48), or the batch of the speed table (4)")
    given = parser.parse_args()
    quality(given.count or 48) if given.what == "quality" else speed(given.count or 4)


if __name__ == "__main__":
    main()
