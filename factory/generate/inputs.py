"""Turn a shard's plan into a generator's input: decoded live faces and guides, and the facts of each future row."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from difffas.errors import UnreadableError
from difffas.routes import Route
from factory.corpus import read_rows
from factory.corpus.encode import ImageRecord
from factory.corpus.license import strictest
from factory.corpus.provenance import CAPTURE, SourceType, read_source_type, source_type_of_spoof
from factory.corpus.row import SPOOF, Facts, Row
from factory.corpus.style_statistics import route_of
from factory.generate.plan import ShardPlan
from factory.images import decode
from factory.line.block import Block
from factory.line.faults import carry
from factory.models.generators import BUILT_IN
from factory.storage import Storage


def read_shard(row: Block, plan: list[Any], live_url: str, guides_url: str, recipe: Facts) -> Block:
    """First stage, a CPU task: add decoded live faces and distinct guides to a shard, by its plan."""

    def work(row: Block) -> Block:
        import ray

        whole_plan, live_index, guides_index = ray.get(plan[0])
        lives, guides = (Storage(live_url), live_index), (Storage(guides_url), guides_index)
        return read_inputs(whole_plan.shard_plan(row["shard"]), lives, guides, recipe)

    return carry(row, "read", work)


def read_inputs(
    shard_plan: ShardPlan, live: tuple[Storage, pa.Table], guide: tuple[Storage, pa.Table], recipe: Facts
) -> Block:
    """The generator's input for one shard; each corpus is given as storage and index."""
    # Samples of a shard share live faces and guides: each is read and decoded once.
    faces_used, face_of = np.unique(shard_plan.live, return_inverse=True)
    guides_used, guide_of = np.unique(shard_plan.guide, return_inverse=True)
    lives, guides = read_rows(*live, faces_used), read_rows(*guide, guides_used)
    decoded, styles = [_try_decode(face) for face in lives], [_try_decode(guide) for guide in guides]
    faces = [decoded[place] for place in face_of]
    shapes = Counter(image.shape for image in (*faces, *styles) if not isinstance(image, str))
    shape = shapes.most_common(1)[0][0] if shapes else (32, 32, 3)  # one image of odd size should be one reject
    pixels, face_faults = _stack(faces, shape)
    guide_pixels, guide_faults = _stack(styles, shape)
    face_types, guide_types = [_source_type(face) for face in lives], [_source_type(guide) for guide in guides]
    trained = recipe["generator"] not in BUILT_IN
    records: list[ImageRecord] = [
        {
            "row": _facts(shard_plan, i, lives[face], guides[guide], recipe),
            "reject": face_faults.get(i) or guide_faults.get(guide),
            "source_type": source_type_of_spoof((face_types[face], guide_types[guide]), trained),
            "live_source_type": face_types[face],
            "live_bytes": len(lives[face].image),
        }
        for i, (face, guide) in enumerate(zip(face_of, guide_of, strict=True))
    ]
    return {
        "shard": shard_plan.shard,
        "records": json.dumps(records),
        "pixels": pixels,
        "guides": guide_pixels,
        "guide_of": guide_of,
        "t0": shard_plan.t0,
        "cfg_scale": shard_plan.cfg_scale,
        "seed": shard_plan.seed,
    }


def routes_of(records: list[ImageRecord]) -> list[Route]:
    """The routes of a shard's samples, from the records of its `Block`."""
    facts = [record["row"] for record in records]
    return [route_of(str(row["live_domain"]), str(row["domain"]), str(row["style"])) for row in facts]


def _try_decode(row: Row) -> np.ndarray | str:
    """The pixels of a row, or the fault of its image: a bad image is a reject, not the end of the run."""
    try:
        return decode(row.image)
    except UnreadableError as error:
        return f"{'guide' if row.label == SPOOF else 'live face'}: {error}"


def _source_type(row: Row) -> SourceType:
    """The origin that a row's image declares; a corpus from before images were marked holds captures."""
    return read_source_type(row.image) or CAPTURE


def _stack(images: list[np.ndarray | str], shape: tuple[int, ...]) -> tuple[np.ndarray, dict[int, str]]:
    """Stack images into one array, with black in place of a missing image, and return the faults by place."""
    pixels = np.zeros((len(images), *shape), np.uint8)
    faults = {}
    for place, image in enumerate(images):
        if isinstance(image, str):
            faults[place] = image
        elif image.shape != shape:
            faults[place] = f"size {image.shape[0]}×{image.shape[1]} among {shape[0]}×{shape[1]}"
        else:
            pixels[place] = image
    return pixels, faults


def _facts(shard_plan: ShardPlan, i: int, live: Row, guide: Row, recipe: Facts) -> Facts:
    """The row of sample i: subject of its live face; domain, attack and style of its guide; split of its shard.

    Rows as read carry their official split; under a protocol, the shard's split is the part that both rows belong to.
    """
    return {
        "key": shard_plan.keys[i],
        "label": SPOOF,
        "attack": guide.attack,
        "domain": guide.domain,
        "style": guide.style,
        "subject": live.subject,
        "capture": live.capture,
        "split": shard_plan.split,
        "source": f"{live.source} + {guide.source}",
        "license": strictest(live.license, guide.license),
        "live_key": live.key,
        "guide_key": guide.key,
        "live_domain": live.domain,
        "live_source": live.source,
        "guide_source": guide.source,
        "live_license": live.license,
        "guide_license": guide.license,
        "t0": int(shard_plan.t0[i]),
        "cfg_scale": float(shard_plan.cfg_scale[i]),
        "seed": int(shard_plan.seed[i]),
        **recipe,
    }
