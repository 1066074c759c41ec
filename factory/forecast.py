"""What a generation run would make and cost, before it is started."""

from __future__ import annotations

from typing import Any

import numpy as np

from factory.corpus import Corpus
from factory.encode import encode
from factory.generate import GenerateConfig, lay_plan, open_corpora
from factory.provenance import CAPTURE

SAMPLED = 16  # live faces whose encoded size stands for that of the spoofs
JSON_BYTES = 1536 + 2 * 512  # of one WebDataset sample besides its image: two tar headers and its JSON


def forecast(config: GenerateConfig, images_per_second: float | None, price: float | None) -> dict[str, Any]:
    """Samples per style, shards, bytes and, where the rate and the price are given, GPU-hours and cost.

    Args:
        config: as for `generate`; nothing is written and no generator is loaded.
        images_per_second: of one generator, such as a run's summary shows.
        price: of one generator for one hour, in any currency.

    Raises:
        ValueError: as `generate` would.
    """
    live, guides = open_corpora(config)
    plan = lay_plan(config, live, guides)
    per_image = _bytes_per_image(live, config)
    result: dict[str, Any] = {
        "samples": len(plan),
        "styles": plan.style_counts(),
        "shards": plan.shard_count,
        "rows_per_shard": round(len(plan) / plan.shard_count),
        "bytes": round(len(plan) * per_image),
        "bytes_per_image": round(per_image),
    }
    if images_per_second:
        hours = len(plan) / images_per_second / 3600
        result["generator_hours"] = round(hours, 3)
        generators = config.resources.generators
        result["hours_with_all_generators"] = round(
            hours / (generators if isinstance(generators, int) else generators[1]), 3
        )
        if price is not None:
            result["cost"] = round(hours * price, 2)
    return result


def _bytes_per_image(live: Corpus, config: GenerateConfig) -> float:
    """Over all formats; live faces in the codec of the output stand for spoofs of the same size."""
    positions = np.unique(np.linspace(0, len(live) - 1, SAMPLED).astype(int))
    encoded = float(np.mean([len(encode(pixels, config.output, CAPTURE)) for pixels in live.pixels(positions)]))
    return sum(encoded + (JSON_BYTES if name == "webdataset" else 0) for name in config.output.formats)
