"""The networks that the benchmarks time, and the release's way of sampling: the yardstick."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from difffas.pipeline import SpoofPipeline
from difffas.samplers import ddim
from difffas.schedule import q_sample, start_timesteps, timestep_table
from difffas.student import SpoofStudent
from difffas.style_encoder import SMALL_STYLE_ENCODER, StyleEncoder
from difffas.unet import SMALL_UNET, SpoofUNet

T0, CFG_SCALE = 250, 2.0


@dataclass(frozen=True)
class Scale:
    """What is measured: the full size, or a toy one for the CPU."""

    side: int = 256
    steps: int = 25
    unet: dict[str, Any] = field(default_factory=lambda: {"mean_patch": 5, "variance_patch": 3, "out_channels": 6})
    encoder: dict[str, Any] = field(default_factory=dict)
    reference_batch: int = 4
    batches: tuple[int, ...] = (16, 32, 64)
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


def build(unet: dict[str, Any], encoder: dict[str, Any], with_student: bool = False) -> SpoofPipeline:
    """A pipeline with random weights everywhere, also where training starts at zero; a student has the same."""
    torch.manual_seed(0)
    network = SpoofUNet(**unet)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
    student = None
    if with_student:
        student = SpoofStudent(unet, teacher="", t0=[1, 1000], cfg_scale=[0.0, 9.0], styles=["print"])
        student.unet.load_state_dict(network.state_dict())
    return SpoofPipeline(network, StyleEncoder(["live", "print"], **encoder), student=student)


def faces(batch: int, side: int, seed: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, 3, side, side, generator=generator) * 2 - 1).to(device)


def operations(scale: Scale) -> tuple[float, float]:
    """Floating-point operations of one U-Net forward and of one style-encoder forward, for one image."""
    with torch.device("meta"):
        unet, encoder = SpoofUNet(**scale.unet).eval(), StyleEncoder(["a"], **scale.encoder).eval()
        with FlopCounterMode(display=False) as encoding:
            features, _ = encoder(torch.empty(1, 3, scale.side, scale.side))
        with FlopCounterMode(display=False) as counter:
            unet(torch.empty(1, 6, scale.side, scale.side), torch.zeros(1, dtype=torch.long), features)
    return float(counter.get_total_flops()), float(encoding.get_total_flops())


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
