"""The row type of the line's Ray datasets: one row is one shard, with these columns."""

from __future__ import annotations

from typing import Required, TypedDict

import numpy as np


class ShardRow(TypedDict, total=False):
    """The columns that the rows of every stage share; a row with a fault has no others."""

    shard: Required[str]
    planned: int  # number of images, once the shard is done
    fault: str  # why only the shard's name is present; empty if all went well
    stops: bool  # whether every other shard would meet that fault


class Result(TypedDict):
    """A row of the last stage, for the driver; `planned` is 0 if the shard failed."""

    shard: str
    planned: int
    fault: str
    stops: bool


def result(row: ShardRow) -> Result:
    """Return the columns of a row that the driver needs."""
    return {
        "shard": row["shard"],
        "planned": row.get("planned", 0),
        "fault": row.get("fault", ""),
        "stops": row.get("stops", False),
    }


class Block(ShardRow, total=False):
    """A shard on its way through the line; every stage returns one, with `fault` set if it failed to make its data.

    Arrow stores the columns as they are: text that holds more than a word is JSON.
    """

    records: str  # JSON: an `ImageRecord` per image
    pixels: np.ndarray  # uint8 N, H, W, 3; zeros at a reject's place
    lives: np.ndarray  # uint8 N, H, W, 3: the live faces, if they are stored with their spoofs
    guides: np.ndarray  # uint8 G, H, W, 3: the distinct guides, until the spoofs are made
    guide_of: np.ndarray  # int64 N: the guide of each face
    t0: np.ndarray  # int64 N
    cfg_scale: np.ndarray  # float64 N
    seed: np.ndarray  # int64 N
    device: str  # the device that made the pixels
    notes: str  # JSON: further facts for the ledger
