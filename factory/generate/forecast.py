"""Forecast the output and the cost of a generation run before starting it."""

from __future__ import annotations

import math
from typing import Required, TypedDict

import numpy as np

from difffas.errors import UserError
from factory.core.progress import say
from factory.corpus import Corpus
from factory.corpus.encode import encode
from factory.corpus.provenance import CAPTURE
from factory.generate import GenerateConfig, lay_plan, open_inputs, remarks_of
from factory.generate.measured_speed import Speed, Workload, measured, read_speeds
from factory.models.generators import BUILT_IN
from factory.models.people_sampler import makes_people
from factory.storage import Storage

SAMPLED = 16  # live faces whose encoded size is the estimate for spoofs
JSON_BYTES = 1536 + 2 * 512  # one WebDataset sample without its images: two tar headers and its JSON
LIVE_BYTES = 512 + 256  # a paired live face without its image: a tar header, and on average half a block of padding


class Forecast(TypedDict, total=False):
    """What a run will write, and with a known rate how long it takes."""

    samples: Required[int]
    styles: Required[dict[str, int]]
    shards: Required[int]
    rows_per_shard: Required[int]
    bytes: Required[int]
    bytes_per_image: Required[int]
    distinct: int  # combinations, if fewer than the samples
    speed: str  # where the rate comes from
    images_per_second: float
    generator_hours: float
    gpu_hours: float
    hours_with_all_generators: float
    cost: float


def forecast(
    config: GenerateConfig, images_per_second: float | None, price: float | None, device: str | None = None
) -> Forecast:
    """Samples per style, shards and bytes; with a known rate also GPU-hours, and with a price also the cost.

    Args:
        config: as for `generate`; nothing is written and no generator is loaded.
        images_per_second: rate of one generator, as in a run's summary; None: the rate of the measured row that fits.
        price: price of one generator for one hour, in any currency; None: the row's price, if it has one.
        device: device whose row of measured_speed.yaml to use; without device and rate, no time is forecast.

    Raises:
        UserError: as `generate` would; also for a device without a row, and for an invalid rate or price.
    """
    if images_per_second is not None and not 0 < images_per_second < math.inf:
        raise UserError(f"--images-per-second {images_per_second:g}: give a number above 0")
    if price is not None and not 0 <= price < math.inf:
        raise UserError(f"--price {price:g}: give what an hour costs, 0 or more")
    speeds = _measured_speeds(device)
    inputs = open_inputs(config)
    plan = lay_plan(config, inputs)
    per_image = _bytes_per_image(inputs.live, config)
    result: Forecast = {
        "samples": len(plan),
        "styles": plan.style_counts(),
        "shards": plan.shard_count,
        "rows_per_shard": round(len(plan) / plan.shard_count),
        "bytes": round(len(plan) * per_image),
        "bytes_per_image": round(per_image),
    }
    if plan.distinct() < len(plan):
        result["distinct"] = plan.distinct()
    for remark in remarks_of(config, inputs, plan):
        say(f"plan: {remark}")
    result["speed"] = "as given"
    if images_per_second is None:
        result["speed"], images_per_second, row_price = _measured_rate(speeds, config, inputs.live, device)
        price = row_price if price is None else price
    if images_per_second is not None:
        result["images_per_second"] = images_per_second
        hours = len(plan) / images_per_second / 3600
        result["generator_hours"] = round(hours, 3)
        result["gpu_hours"] = round(hours * config.resources.gpus_per_generator, 3)
        generators = config.resources.generators
        result["hours_with_all_generators"] = round(
            hours / (generators if isinstance(generators, int) else generators[1]), 3
        )
        if price is not None:
            result["cost"] = round(hours * price, 2)
    return result


def _measured_speeds(device: str | None) -> tuple[Speed, ...]:
    """All measured rows; refuses a device without a row."""
    speeds = read_speeds()
    known = sorted({speed.device for speed in speeds})
    if device is not None and device not in known:
        raise UserError(f"device {device!r} is in no row of measured_speed.yaml: choose from {', '.join(known)}")
    return speeds


def _measured_rate(
    speeds: tuple[Speed, ...], config: GenerateConfig, live: Corpus, device: str | None
) -> tuple[str, float | None, float | None]:
    """The known facts about the speed: a description, images per second and price per hour; never a guess."""
    if config.inputs.generator in BUILT_IN:
        return f"unmeasured: the {config.inputs.generator} generator has no network", None, None
    if makes_people(Storage(config.inputs.generator)):
        return (
            f"unmeasured: generator {config.inputs.generator} samples new people; give --images-per-second",
            None,
            None,
        )
    workload = _workload(config, live)
    fitting = measured(speeds, workload)
    if device is not None and device in fitting:
        row = fitting[device]
        return f"measured on {device}, {row.date}, commit {row.commit}", row.images_per_second, row.price_per_hour
    where = f"on {device}" if device else "because no --device was named"
    instead = f" (measured: --device {', '.join(fitting)})" if fitting else ""
    return f"unmeasured {where}: {workload}{instead}; give --images-per-second", None, None


def _workload(config: GenerateConfig, live: Corpus) -> Workload:
    return Workload(
        parameters=_parameters(Storage(config.inputs.generator)),
        side=live.pixels(np.array([0]))[0].shape[0],
        guided=any(ranges.cfg_scale != (1.0, 1.0) for _, ranges in config.sampler.all_ranges()),
        sampler=config.sampler.name,
        steps=config.sampler.steps,
        preset=config.sampler.preset,
    )


def _parameters(model: Storage) -> int:
    """Number of the U-Net's parameters and buffers, from the headers of its safetensors files; reads no weights."""
    from difffas.model_files import elements, stored_tensors

    return elements(stored_tensors(model, "unet"))


def _bytes_per_image(live: Corpus, config: GenerateConfig) -> float:
    """Bytes per image over all formats, estimated from live faces of the same size in the codec of the output."""
    positions = np.unique(np.linspace(0, len(live) - 1, SAMPLED).astype(int))
    encoded = float(np.mean([len(encode(pixels, config.output, CAPTURE)) for pixels in live.pixels(positions)]))
    beside = JSON_BYTES + (encoded + LIVE_BYTES if config.output.paired else 0)
    return sum(encoded + (beside if name == "webdataset" else 0) for name in config.output.formats)
