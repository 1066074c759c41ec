"""Figures of an audit, against SciPy and of nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.summary import histogram, kolmogorov_smirnov, spread


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=40), st.lists(st.floats(-50, 50), min_size=1, max_size=40))
def test_the_kolmogorov_smirnov_distance_is_that_of_scipy(first: list[float], second: list[float]) -> None:
    stats = pytest.importorskip("scipy.stats")
    found = kolmogorov_smirnov(np.array(first), np.array([*second, np.nan]))
    assert found == pytest.approx(stats.ks_2samp(first, second).statistic, abs=1e-12)


def test_figures_of_nothing_are_none() -> None:
    assert kolmogorov_smirnov(np.array([np.nan]), np.ones(3)) is None
    assert spread(np.array([np.nan]))["mean"] is None
    nothing: dict[str, object] = dict(histogram({"a": np.empty(0)}))
    assert nothing == {"edges": [], "counts": {"a": []}}
    counted = histogram({"a": np.arange(100.0), "b": np.full(7, 3.0)}, bins=10)
    assert [sum(counts) for counts in counted["counts"].values()] == [100, 7]
