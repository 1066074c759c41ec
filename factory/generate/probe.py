"""Find the batch size for a sampler's settings by trying sizes on this machine, from one upwards."""

from __future__ import annotations

import time
from typing import Literal, TypedDict

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory.cluster.compiler import check_compiler
from factory.core.config import Config, PathOrUrl
from factory.models.generators import DUMMY, Request
from factory.models.load import load_generator
from factory.models.settings import SamplerConfig

GAIN = 1.03  # a batch twice as large must be this much faster to be worth its memory


class ProbeConfig(Config):
    """What to try. The batch size is part of a run's fingerprint, so a probe only proposes one and changes nothing."""

    generator: PathOrUrl
    size: int = Field(256, ge=32, multiple_of=32, description="image side in pixels")
    preset: Literal["exact", "balanced", "fast"] = "balanced"
    threads: int = Field(2, ge=1, description="PyTorch threads on a CPU")
    compile: bool = False
    highest: int = Field(256, ge=1, description="largest batch size to try")
    seconds: float = Field(300.0, gt=0, description="try no further size after this time")


class Probe(TypedDict):
    """The batch size to use, with what was measured."""

    device: str
    preset: Literal["exact", "balanced", "fast"]
    images_per_second: dict[str, float]  # by batch size
    ended: str  # why no larger size was tried
    batch_size: int


def run(config: ProbeConfig) -> Probe:
    """Images per second of one generator by batch size, and the size to use; sizes double until memory or gain ends.

    Raises:
        UserError: if the model is missing, there is nothing to compile, or not even one image fits.
    """
    if config.generator == DUMMY:
        raise UserError("generator dummy takes any batch size: name a model folder")
    if config.compile and config.preset == "exact":
        raise UserError("compile is for presets in bfloat16: choose preset balanced or fast")
    if config.compile:
        check_compiler("compile")
    began, rates, ended = time.perf_counter(), dict[int, float](), "the largest size to try"
    size, device = 1, ""
    while size <= config.highest:
        if time.perf_counter() - began > config.seconds:
            ended = f"{config.seconds:g} seconds were over"
            break
        rate, device = _images_per_second(config, size)
        if rate is None:
            ended = f"{size} images do not fit into memory"
            break
        rates[size] = rate
        if size > 1 and rate < GAIN * rates[size // 2]:
            ended = f"{size} are no faster than {size // 2}"
            break
        size *= 2
    if not rates:
        raise UserError(f"not even one image of {config.size}² fits into memory on {device}: use a larger device")
    best = min(size for size, rate in rates.items() if rate * GAIN >= max(rates.values()))
    return {
        "device": device,
        "preset": config.preset,
        "images_per_second": {str(size): round(rate, 3) for size, rate in rates.items()},
        "ended": ended,
        "batch_size": best,
    }


def _images_per_second(config: ProbeConfig, size: int) -> tuple[float | None, str]:
    """Images per second of the second batch, after a warm-up batch; None if memory forced a batch to be split."""
    import torch

    generate = load_generator(
        config.generator, SamplerConfig(preset=config.preset, batch_size=size), config.threads, config.compile
    )
    drawn = np.random.default_rng(0).integers(0, 256, (size + 1, config.size, config.size, 3), dtype=np.uint8)
    request = Request(
        live=drawn[:size],
        guides=drawn[size:],
        guide_of=np.zeros(size, dtype=np.int64),
        t0=np.full(size, 250),
        cfg_scale=np.full(size, 2.0),
        seed=np.arange(size),
    )
    try:
        if generate(request).splits:
            return None, generate.device
        start = time.perf_counter()
        generate(request)
    except (torch.OutOfMemoryError, MemoryError):
        return None, generate.device
    return size / (time.perf_counter() - start), generate.device
