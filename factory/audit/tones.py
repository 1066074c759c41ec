"""How far skin tone drifts from live face to spoof, by pair of domains, beside the drift of real spoofs."""

from __future__ import annotations

import dataclasses
from typing import TypedDict

import numpy as np
import pyarrow as pa

from factory.models.tensors import to_tensor

CHUNK = 16  # images that are floats at a time


class ToneDrift(TypedDict):
    """Typology angles in degrees, medians: of the rows of one live domain, guide domain and style."""

    live_domain: str
    guide_domain: str
    style: str
    rows: int
    drift: float  # spoof − its live face; below 0 towards darker skin
    real_pairs: int
    real_drift: float | None  # real spoof of the style − live face of its person
    live_difference: float | None  # live faces of the guide's domain − live faces of the rows; None within a domain


@dataclasses.dataclass(frozen=True)
class RealTones:
    """Angles of real spoofs and of their persons' live faces, one entry each; a missing live face is NaN."""

    domain: np.ndarray  # text
    style: np.ndarray  # text
    spoof: np.ndarray
    live: np.ndarray


def tones(images: np.ndarray) -> np.ndarray:
    """Typology angles of face crops, uint8 (N, H, W, 3), in degrees; float64 (N,)."""
    from difffas.skin_tone import typology_angle

    found = [
        typology_angle(to_tensor(images[first : first + CHUNK])).numpy() for first in range(0, len(images), CHUNK)
    ]
    return np.concatenate(found) if found else np.empty(0)


def tone_drifts(spoofs: pa.Table, tone: np.ndarray, live_tone: np.ndarray, real: RealTones) -> list[ToneDrift]:
    """A line for each live domain, guide domain and style of the spoofs, in this order.

    Args:
        spoofs: their index rows. tone, live_tone: angles of the spoofs and their live faces; rows with NaN are left
            out.
    """
    known = np.isfinite(tone) & np.isfinite(live_tone)
    names = [np.array(spoofs[name].to_pylist(), dtype=str)[known] for name in ("live_domain", "domain", "style")]
    drift, live = drifts(live_tone, tone)[known], live_tone[known]
    paired = np.isfinite(real.live)
    found: list[ToneDrift] = []
    for route in sorted(set(zip(*(column.tolist() for column in names), strict=True))):
        rows = np.logical_and.reduce([column == name for column, name in zip(names, route, strict=True)])
        own = paired & (real.style == route[2])
        there = paired & (real.domain == route[1])
        real_drift = _median(drifts(real.live[own], real.spoof[own]))
        difference = None
        if route[0] != route[1] and there.any():
            difference = float(drifts(np.median(live[rows]), np.median(real.live[there])))
        found.append(
            {
                "live_domain": route[0],
                "guide_domain": route[1],
                "style": route[2],
                "rows": int(rows.sum()),
                "drift": float(np.median(drift[rows])),
                "real_pairs": int(own.sum()),
                "real_drift": real_drift,
                "live_difference": difference,
            }
        )
    return found


def drifts(before: np.ndarray | np.floating, after: np.ndarray | np.floating) -> np.ndarray:
    """How far angles move, in degrees of [-180, 180)."""
    import torch

    from difffas.skin_tone import typology_drift

    return np.asarray(typology_drift(torch.tensor(before), torch.tensor(after)).numpy())


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if len(values) else None
