"""BRISQUE's regression: 36 features to one score by the LIVE laboratory's support vectors.

The support vectors are in brisque_live.txt next to this module, with their source, notice and citation.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


class SupportVectors(NamedTuple):
    """The regression that the LIVE laboratory released."""

    low: Floats  # 36, the feature values that are scaled to -1
    high: Floats  # 36, the feature values that are scaled to 1
    coefficients: Floats  # 774
    vectors: Floats  # 774, 36
    gamma: float
    rho: float


def regress(features: Floats) -> Floats:
    """Compute scores B from features B,36 with the epsilon-SVR and its radial basis kernel."""
    svm = support_vectors()
    scaled = 2.0 * (features - svm.low) / (svm.high - svm.low) - 1.0
    distances = np.empty((len(scaled), len(svm.vectors)))
    for target, row in zip(distances, scaled, strict=True):  # one image at a time: B, 774, 36 overflows the cache
        apart = svm.vectors - row
        np.einsum("vf,vf->v", apart, apart, out=target)
    scores: Floats = (svm.coefficients * np.exp(-svm.gamma * distances)).sum(axis=1) - svm.rho
    return scores


@lru_cache(maxsize=1)
def support_vectors() -> SupportVectors:
    """Read brisque_live.txt: 36 feature ranges, then the model in libsvm's text format (a missing feature is 0)."""
    text = Path(__file__).with_name("brisque_live.txt").read_text(encoding="ascii")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    start = lines.index(["SV"])
    ranges = np.array([line[1:] for line in lines[2:38]], dtype=np.float64)  # after "x" and "-1 1"
    header = {line[0]: line[1] for line in lines[38:start]}
    vectors = np.zeros((int(header["total_sv"]), 36))
    for row, line in enumerate(lines[start + 1 :]):
        for entry in line[1:]:
            feature, value = entry.split(":")
            vectors[row, int(feature) - 1] = float(value)
    coefficients = np.array([line[0] for line in lines[start + 1 :]], dtype=np.float64)
    assert len(coefficients) == len(vectors) == 774, "brisque_live.txt is damaged"
    return SupportVectors(
        ranges[:, 0], ranges[:, 1], coefficients, vectors, float(header["gamma"]), float(header["rho"])
    )
