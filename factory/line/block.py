"""The row type of the line's Ray datasets: one row is one shard, with these columns."""

from __future__ import annotations

from typing import Required, TypedDict

import numpy as np


class Block(TypedDict, total=False):
    """A shard on its way through the line; every stage returns one, with `fault` set if it failed to make its data.

    Arrow stores the columns as they are: text that holds more than a word is JSON.
    """

    shard: Required[str]
    records: (
        str  # JSON, per image: `row` (facts), `reject` (None or a reason), `source_type`; of a spoof `live_bytes` …
    )
    pixels: np.ndarray  # uint8 N, H, W, 3; zeros at a reject's place
    lives: np.ndarray  # uint8 N, H, W, 3: the live faces, if they are stored with their spoofs
    guides: np.ndarray  # uint8 G, H, W, 3: the distinct guides, until the spoofs are made
    guide_of: np.ndarray  # int64 N: the guide of each face
    t0: np.ndarray  # int64 N
    cfg_scale: np.ndarray  # float64 N
    seed: np.ndarray  # int64 N
    device: str  # the device that made the pixels
    notes: str  # JSON: further facts for the ledger
    planned: int  # number of images, once the shard is committed
    fault: str  # why only the shard's name is present; empty if all went well
    stops: bool  # whether every other shard would meet that fault
