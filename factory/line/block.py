"""What travels down the line: one row of a Ray dataset is one shard, with these columns."""

from __future__ import annotations

from typing import Required, TypedDict

import numpy as np


class Block(TypedDict, total=False):
    """A shard on its way; every stage gives one, with `fault` in the place of what it could not make.

    Arrow takes the columns as they are: text is JSON where it stands for more than a word.
    """

    shard: Required[str]
    records: (
        str  # JSON, per image: `row` (facts), `reject` (None or a reason), `source_type`; of a spoof `live_bytes` …
    )
    pixels: np.ndarray  # uint8 N, H, W, 3; zeros at a reject's place
    lives: np.ndarray  # uint8 N, H, W, 3: the live faces, where they are stored beside their spoofs
    guides: np.ndarray  # uint8 G, H, W, 3: distinct guides, until the spoofs are made
    guide_of: np.ndarray  # int64 N: the guide of each face
    t0: np.ndarray  # int64 N
    cfg_scale: np.ndarray  # float64 N
    seed: np.ndarray  # int64 N
    device: str  # that made the pixels
    notes: str  # JSON: what else the ledger records
    planned: int  # images, once the shard is published
    fault: str  # why there is nothing but the shard's name; empty if all went well
    stops: bool  # whether every other shard would meet that fault
