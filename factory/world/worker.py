"""What a worker does with a shard of a rendered corpus: render its pictures and write its part of the side table."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from difffas.errors import UserError
from factory.corpus.encode import ImageRecord
from factory.corpus.provenance import DRAWN
from factory.corpus.scenes import SCENES, SCHEMA
from factory.line.block import Block
from factory.line.faults import carry
from factory.world.photograph import Photograph, photograph, unattacked
from factory.world.plan import Picture, Plan
from factory.world.render import renderer, use_threads
from factory.world.settings import WorldConfig


def render_shard(row: Block, shared: list[Any]) -> Block:
    """The first stage, a CPU task: the pictures of one shard, or the fault that prevented them.

    Args:
        row: names the shard.
        shared: a reference to plan, configuration, the folder's URL and the renderer that the run was planned for.
    """

    def work(row: Block) -> Block:
        import ray

        plan, config, out, planned = ray.get(shared[0])
        return render_planned(row["shard"], plan, config, out, planned)

    return carry(row, "render", work)


def render_planned(shard: str, plan: Plan, config: WorldConfig, out: str, planned: str) -> Block:
    """Render the pictures of a shard and write its part of `scenes.parquet`.

    Raises:
        UserError: if Mitsuba is missing here or is another one than the run was planned for.
    """
    if renderer() != planned:
        raise UserError(f"this node renders with {renderer()}, the run was planned for {planned}: install that here")
    use_threads(config.resources.num_cpus)
    pictures = plan.shard_plan(shard)
    pixels = np.zeros((len(pictures), config.size, config.size, 3), np.uint8)
    scenes: list[dict[str, object]] = []
    records: list[ImageRecord] = []
    for place, picture in enumerate(pictures):
        made = _taken(picture, config)
        pixels[place] = made.pixels
        unknown = made.parameters.keys() - set(SCHEMA.names)
        assert not unknown, f"scenes.parquet has no column {', '.join(sorted(unknown))}"
        scenes.append({"key": picture.key, "live_key": picture.live_key, **made.parameters})
        records.append(_record(picture))
    SCENES.write_part(out, shard, scenes)
    return {
        "shard": shard,
        "records": json.dumps(records),
        "pixels": pixels,
        "notes": json.dumps({"renderer": planned}),
    }


def _taken(picture: Picture, config: WorldConfig) -> Photograph:
    what = (picture.person, picture.moment, picture.room, picture.camera, picture.attack)
    how = (config.size, config.samples, picture.scene)
    return unattacked(*what, *how) if picture.bare else photograph(*what, *how, paired=picture.pair)


def _record(picture: Picture) -> ImageRecord:
    return {"row": picture.row(), "reject": None, "source_type": DRAWN}
