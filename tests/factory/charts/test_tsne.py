"""The map keeps neighbours together, as scikit-learn's does, and is the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import TSNE, trustworthiness

from factory.charts.tsne import gradient, joint, tsne


def clusters(count: int = 4, size: int = 20) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 3, (count, 16))
    return np.concatenate([centre + rng.normal(0, 1, (size, 16)) for centre in centres]), np.repeat(range(count), size)


def test_clusters_stay_apart_and_the_map_is_as_faithful_as_scikit_learns() -> None:
    points, label = clusters()
    placed = tsne(points, perplexity=15, steps=500)
    distance = ((placed[:, None] - placed[None]) ** 2).sum(axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (label[distance.argmin(axis=1)] == label).all()
    theirs = TSNE(perplexity=15, random_state=0).fit_transform(points)
    assert trustworthiness(points, placed) >= trustworthiness(points, theirs) - 0.02
    assert (placed == tsne(points, perplexity=15, steps=500)).all()
    assert placed.mean(axis=0) == pytest.approx([0, 0])


def test_similarities_have_the_perplexity_and_sum_to_one() -> None:
    points, _ = clusters(2, 15)
    similar = joint(points, 8.0)
    assert similar.sum() == pytest.approx(1.0)
    assert (similar == similar.T).all()


def test_the_gradient_is_that_of_the_divergence() -> None:
    points, _ = clusters(2, 5)
    similar, placed = joint(points, 3.0), np.random.default_rng(1).normal(size=(10, 2))

    def divergence(at: np.ndarray) -> float:
        near = 1 / (1 + ((at[:, None] - at[None]) ** 2).sum(axis=-1))
        np.fill_diagonal(near, 0)
        share = np.maximum(near / near.sum(), 1e-12)
        return float((similar * np.log(similar / share)).sum())

    step = np.zeros_like(placed)
    step[3, 1] = 1e-6
    slope = (divergence(placed + step) - divergence(placed - step)) / 2e-6
    assert gradient(similar, placed)[3, 1] == pytest.approx(slope, rel=1e-4)


def test_few_points_lower_the_perplexity_and_strange_ones_are_refused() -> None:
    assert np.isfinite(tsne(np.random.default_rng(0).normal(size=(5, 3)), steps=250)).all()
    assert np.isfinite(tsne(np.zeros((6, 3)), steps=250)).all(), "all the same"
    for points in (np.zeros((3, 2)), np.zeros(5), np.full((5, 2), np.nan)):
        with pytest.raises(ValueError, match="four or more finite"):
            tsne(points)
