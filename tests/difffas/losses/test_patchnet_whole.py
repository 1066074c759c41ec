"""The whole of PatchNet: margins on two views and their distance, by an independent computation in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from difffas.losses import PatchNet, PatchNetWhole
from difffas.losses.patchnet_whole import similarity
from tests.loss_batches import LIVE, Samples, batch


def two_views(size: int = 6, seed: int = 0) -> Samples:
    samples = batch(2 * size, seed).double()
    return samples._replace(labels=samples.labels[:size].repeat(2))


def test_it_by_an_independent_computation() -> None:
    cosines, labels, _, features, _ = two_views()
    logits, own = 30.0 * cosines.numpy(), labels.numpy()
    logits[range(12), own] -= 30.0 * np.where(np.array(LIVE)[own], 0.4, 0.1)
    margins = np.mean(np.log(np.exp(logits).sum(1)) - logits[range(12), own])
    unit = features.numpy() / np.linalg.norm(features.numpy(), axis=1, keepdims=True)
    apart = np.mean(((unit[:6] - unit[6:]) ** 2).sum(1))
    found = PatchNetWhole(LIVE)(cosines, labels, features=features)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(float(margins + apart), rel=1e-12)
    assert found.item() == pytest.approx(21.066811491, rel=1e-6)
    half = PatchNetWhole(LIVE, similarity_weight=0.5)(cosines, labels, features=features)
    torch.testing.assert_close(found - half, torch.tensor(0.5 * apart, dtype=torch.float64))


@given(st.floats(-np.pi, np.pi))
def test_the_distance_of_two_directions(angle: float) -> None:
    features = torch.tensor([[2.0, 0.0], [3.0 * np.cos(angle), 3.0 * np.sin(angle)]], dtype=torch.float64)
    value = similarity(features, torch.tensor([1, 1])).item()
    assert value == pytest.approx(2.0 - 2.0 * np.cos(angle), abs=1e-12)  # 0 for one direction, 4 for opposite ones


def test_descent_makes_the_views_agree_and_equal_views_have_no_slope() -> None:
    samples = two_views()
    features = samples.features.clone().requires_grad_()
    optimiser = torch.optim.SGD([features], lr=1.0)
    before = similarity(features, samples.labels).item()
    for _ in range(50):
        optimiser.zero_grad()
        similarity(features, samples.labels).backward()
        optimiser.step()
    assert similarity(features, samples.labels).item() < 0.01 * before
    same = samples.features[:6].repeat(2, 1).requires_grad_()
    similarity(same, samples.labels).backward()
    assert same.grad is not None
    assert same.grad.abs().max() < 1e-15


def test_equal_views_are_the_margins_alone() -> None:
    samples = batch(6).double()
    cosines, labels, features = samples.cosines.repeat(2, 1), samples.labels.repeat(2), samples.features.repeat(2, 1)
    found = PatchNetWhole(LIVE)(cosines, labels, features=features)
    torch.testing.assert_close(found, PatchNet(LIVE)(samples.cosines, samples.labels))


def test_samples_that_are_no_pairs_are_refused() -> None:
    samples = batch(6)
    for size in (5, 6):
        few = samples.at(slice(size))
        with pytest.raises(ValueError, match=f"{size} samples are not two views of the same faces"):
            PatchNetWhole(LIVE)(few.cosines, few.labels, features=few.features)
