"""Rank correlations by hand and against SciPy, and the summary of a known study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.strength.figures import correlations, ranks, spearman, summarise
from tests.pages import samples_csv


def values(least: int = 2) -> st.SearchStrategy[list[float]]:
    return st.lists(st.integers(-50, 50).map(float), min_size=least, max_size=30)


def test_spearman_by_hand() -> None:
    assert ranks([10, 30, 20, 20, 5]).tolist() == [2, 5, 3.5, 3.5, 1]
    assert spearman([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]) == pytest.approx(0.9)  # 1 − 6·2 / (5·24)
    assert spearman([1, 2, 3], [7, 7, 9]) == pytest.approx(np.sqrt(3) / 2)
    assert spearman([1, 2, 3], [4, 4, 4]) is None
    assert spearman([1], [2]) is None
    with pytest.raises(ValueError, match="2 and 3 values"):
        spearman([1, 2], [1, 2, 3])


@given(values(), st.randoms(use_true_random=False))
def test_spearman_equals_scipy(first: list[float], random: Any) -> None:
    stats = pytest.importorskip("scipy.stats")
    second = [random.choice(first) + random.randint(-3, 3) for _ in first]
    found = spearman(first, second)
    if found is None:
        assert len(set(first)) == 1 or len(set(second)) == 1
    else:
        assert found == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)


@given(values())
def test_spearman_sees_order_only(first: list[float]) -> None:
    found = spearman(first, [value**3 - 7 for value in first])
    assert found is None if len(set(first)) == 1 else found == pytest.approx(1)
    assert spearman(first, [-value for value in first]) == (None if found is None else pytest.approx(-1))


def test_correlations_tell_apart_what_they_average() -> None:
    levels, t0 = [100, 200, 300], np.arange(3.0)[:, None, None]
    faces = 100 * np.arange(4.0)  # differences between faces far above the effect
    styles = ["a", "b", "a", "b"]
    found = correlations(np.broadcast_to(t0 + faces, (3, 2, 4)), levels, styles)
    assert found["cells"] == found["styles"] == found["faces"] == pytest.approx(1)
    assert found["pooled"] is not None and 0 < found["pooled"] < 0.5
    nothing = correlations(np.ones((3, 2, 4)), levels, styles)
    assert nothing == dict.fromkeys(("cells", "styles", "faces", "pooled"))
    # One face of four falls while the others rise: the means still rise.
    mixed = np.where(np.arange(4) == 0, -t0, t0) + np.zeros((3, 2, 4))
    found = correlations(mixed, levels, ["a", "b", "b", "b"])
    assert [found[kind] for kind in ("cells", "styles", "faces")] == pytest.approx([1, 0, 0.5])
    # All faces of one style fall, and still the means rise, by the other style alone.
    steep = np.where(np.arange(4) % 2 == 0, -t0, 9 * t0) + np.zeros((3, 2, 4))
    found = correlations(steep, levels, styles)
    assert [found[kind] for kind in ("cells", "styles", "faces")] == pytest.approx([1, 0, 0])


def test_summary_of_a_known_study() -> None:
    summary = summarise(samples_csv([100, 250], [1.0, 2.0, 4.0], 4, lambda t0, w, face: t0 / 100 + 10 * w + face))
    assert (summary["samples"], summary["faces"]) == (24, 4)
    assert summary["t0"] == [100, 250]
    first = summary["cells"][0]
    assert (first["t0"], first["cfg_scale"], first["n"]) == (100, 1.0, 4)
    assert first["strength_mean"] == pytest.approx(1 + 10 + 1.5)
    assert first["strength_std"] == pytest.approx(np.std([0, 1, 2, 3]))
    assert summary["change"]["strength"] == {"t0": pytest.approx(1.5), "cfg_scale": pytest.approx(30)}
    assert summary["spearman"]["strength"]["cfg_scale"]["cells"] == pytest.approx(1)
    assert summary["spearman"]["rms"]["t0"]["cells"] == pytest.approx(-1)
    references: dict[str, Any] = dict(summary["references"])
    assert references == {
        "live": {"mean": pytest.approx(-5), "std": pytest.approx(0)},
        "guide": {"mean": pytest.approx(9), "std": pytest.approx(0)},
    }
