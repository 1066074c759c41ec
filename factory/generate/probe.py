"""Find the batch size for a sampler's settings by trying sizes on this machine, from one upwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from difffas.presets import PRESETS, PresetName
from difffas.routes import Matching, Route, needed
from factory.cluster.compiler import check_compiler
from factory.core.config import Config, build
from factory.models.generators import BUILT_IN, Request
from factory.models.load import check_sampler, load_generator
from factory.models.people_sampler import refuse_people
from factory.models.settings import GeneratorFolder, SamplerConfig
from factory.models.taught import taught_of
from factory.storage import Storage

if TYPE_CHECKING:
    from difffas.matching import Statistics

GAIN = 1.03  # a batch twice as large must be this much faster to be worth its memory


class ProbeConfig(Config):
    """What to try. The batch size is part of a run's fingerprint, so a probe only proposes one and changes nothing."""

    generator: GeneratorFolder = Field(description="model folder, or portrait-64 or people-64, which ship")
    size: int = Field(256, ge=32, multiple_of=32, description="image side in pixels")
    preset: PresetName = Field("balanced", description="sampler whose speed to measure")
    match: Matching = Field("none", description="as `sampler.match` of `generate`")
    threads: int = Field(2, ge=1, description="PyTorch threads on a CPU")
    compile: bool = Field(False, description="compile the network of bfloat16 presets first")
    highest: int = Field(256, ge=1, description="largest batch size to try")
    seconds: float = Field(300.0, gt=0, description="try no further size after this time")


class Probe(TypedDict):
    """The batch size to use, with what was measured."""

    device: str
    preset: PresetName
    images_per_second: dict[str, float]  # by batch size
    ended: str  # why no larger size was tried
    batch_size: int


def run(config: ProbeConfig) -> Probe:
    """Images per second of one generator by batch size, and the size to use; sizes double until memory or gain ends.

    Raises:
        UserError: if the model is missing, there is nothing to compile, or not even one image fits.
    """
    if config.generator in BUILT_IN:
        raise UserError(f"generator {config.generator} takes any batch size: name a model folder")
    refuse_people(Storage(config.generator))
    if config.compile and config.preset == "exact":
        raise UserError("compile is for presets in bfloat16: choose another preset than exact")
    if config.compile:
        check_compiler("compile")
    _route(config)
    if PRESETS[config.preset].of_student:
        check_sampler(config.generator, _sampler(config, 1))
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

    sampler = _sampler(config, size)
    route, statistics = _route(config)
    generate = load_generator(config.generator, sampler, config.threads, config.compile, None, statistics)
    drawn = np.random.default_rng(0).integers(0, 256, (size + 1, config.size, config.size, 3), dtype=np.uint8)
    request = Request(
        live=drawn[:size],
        guides=drawn[size:],
        guide_of=np.zeros(size, dtype=np.int64),
        t0=np.full(size, sampler.t0[0]),
        cfg_scale=np.full(size, sampler.cfg_scale[0]),
        seed=np.arange(size),
        routes=[route] * size,
    )
    try:
        if generate(request).splits:
            return None, generate.device
        start = time.perf_counter()
        generate(request)
    except (torch.OutOfMemoryError, MemoryError):
        return None, generate.device
    return size / (time.perf_counter() - start), generate.device


def _sampler(config: ProbeConfig, size: int) -> SamplerConfig:
    """The sampler for batches of this size; of a student at the lowest T₀ and w that it was taught, else 250 and 2."""
    settings: dict[str, Any] = {"preset": config.preset, "match": config.match, "batch_size": size}
    if PRESETS[config.preset].of_student and (taught := taught_of(config.generator)) is not None:
        settings |= {"t0": (taught.t0[0], taught.t0[0]), "cfg_scale": (taught.cfg_scale[0], taught.cfg_scale[0])}
    return build(SamplerConfig, settings)


def _route(config: ProbeConfig) -> tuple[Route, dict[str, Statistics]]:
    """A route that crosses domains, which takes longest, with its statistics in the model.

    Raises:
        UserError: if the match needs statistics that the model does not have.
    """
    if not needed([Route("a", "b", "c")], config.match):
        return Route("", "", ""), {}
    from difffas.style_statistics import read_statistics

    known = read_statistics(Storage(config.generator))
    live = [style for style in known if style.endswith("-live")]
    spoofs = [style for style in known if style not in live]
    if not live or not spoofs or known[live[0]].size != (config.size, config.size):
        raise UserError(
            f"match {config.match}: generator {config.generator} has no style statistics of images of {config.size}²: "
            "set the size it was fitted on, or leave match out"
        )
    return Route(live[0], live[-1], spoofs[-1]), known
