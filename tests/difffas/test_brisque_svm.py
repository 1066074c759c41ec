"""The support vectors are the released ones, and the score is the sum over their kernels."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from difffas import brisque_svm as module


def test_support_vectors_are_the_released_ones(shared_data: Path) -> None:
    svm = module.support_vectors()
    weights = shared_data / "weights"
    released = (weights / "brisque_live_allmodel.txt").read_text().split("SV\n")[1].splitlines()
    for line, coefficient, vector in zip(released, svm.coefficients, svm.vectors, strict=True):
        first, *entries = line.split()
        sparse = dict(entry.split(":") for entry in entries)
        assert float(first) == coefficient
        assert [float(sparse.get(str(feature), 0)) for feature in range(1, 37)] == vector.tolist()
    ranges = np.loadtxt(weights / "brisque_live_allrange.txt", skiprows=2)
    assert (svm.low == ranges[:, 1]).all()
    assert (svm.high == ranges[:, 2]).all()
    assert (svm.gamma, svm.rho) == (0.05, -153.591)
    shipped = Path(module.__file__).with_name("brisque_live.txt").read_text().split()
    for line in (weights / "brisque_live_LICENSE.txt").read_text().splitlines():
        assert all(word in shipped for word in line.split())


def test_the_score_is_the_weighted_sum_of_the_kernels() -> None:
    svm = module.support_vectors()
    features = np.stack((svm.low, svm.high))  # scaled to -1 and to 1
    for scaled, score in zip((-1.0, 1.0), module.regress(features).tolist(), strict=True):
        distances = ((svm.vectors - scaled) ** 2).sum(axis=1).tolist()
        terms = [c * math.exp(-0.05 * d) for c, d in zip(svm.coefficients.tolist(), distances, strict=True)]
        assert score == pytest.approx(math.fsum(terms) + 153.591, abs=1e-9)
