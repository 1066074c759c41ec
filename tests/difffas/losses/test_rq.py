"""Relative quality and its loss against Eq. 13-18 written out by hand, and the laws of q."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from difffas.losses import CosFace, PatchNet, RelativeQuality, RelativeQualityPatchNet, relative_quality
from tests.loss_batches import LIVE, batch, softmax_loss, with_target


def test_relative_quality_by_hand() -> None:
    # μ = 24, σ = √440: one good sample in five pulls the mean down, so N_hi/N = 4/5 bounds the good side
    scores = torch.tensor([-18.0, 34.5, 34.5, 34.5, 34.5])
    q = relative_quality(scores)
    deviation = math.sqrt(np.mean(np.square(np.array(scores) - 24)))
    assert q[0].item() == pytest.approx(42 / deviation / 3, abs=1e-6)
    assert q[1:].tolist() == pytest.approx([-10.5 / deviation / 3] * 4, abs=1e-6)
    # nine good ones against one poor one: z/3 of the poor one is −1, its bound −N_lo/N = −9/10
    q = relative_quality(torch.tensor([10.0] * 9 + [90.0]))
    assert q[-1].item() == pytest.approx(-0.9, abs=1e-6)
    assert q[0].item() == pytest.approx(min(1 / 3 / 3, 1 / 10), abs=1e-6)
    # the other way round: the good one is bounded by N_hi/N = 9/10
    assert relative_quality(torch.tensor([90.0] * 9 + [10.0]))[-1].item() == pytest.approx(0.9, abs=1e-6)


def test_ties_with_the_mean_are_in_neither_count() -> None:
    q = relative_quality(torch.tensor([0.0] + [50.0] * 18 + [100.0]))  # μ = 50; N_lo = N_hi = 1 of 20
    assert q[0].item() == pytest.approx(1 / 20)
    assert q[-1].item() == pytest.approx(-1 / 20)
    assert q[1:-1].tolist() == [0.0] * 18


@pytest.mark.parametrize("scores", [[], [7.0], [0.1] * 3, [31.7] * 7, [math.nan], [5.0, math.nan], [math.inf, 3.0]])
def test_nothing_to_compare_gives_zero(scores: list[float]) -> None:
    q = relative_quality(torch.tensor(scores, dtype=torch.float64))
    assert q.tolist() == [0.0] * len(scores)
    assert q.dtype == torch.float32


@settings(deadline=None)
@given(
    st.lists(st.integers(-100, 150), min_size=1, max_size=40),
    st.sampled_from([0.25, 0.5, 2.0, 4.0]),
    st.integers(-64, 64),
)
def test_relative_quality_laws(values: list[int], factor: float, offset: int) -> None:
    scores = torch.tensor(values, dtype=torch.float32)
    q = relative_quality(scores)
    assert q.abs().max() <= 1.0
    assert torch.isfinite(q).all()
    np.testing.assert_allclose(relative_quality(scores * factor + offset), q, rtol=0, atol=1e-5)
    order = scores.argsort()
    assert (q[order].diff() <= 1e-6).all()  # a lower score is never of lower quality
    np.testing.assert_allclose(relative_quality(scores[order]), q[order], rtol=0, atol=1e-5)
    mean = scores.mean()
    bounds = (scores < mean).float().mean(), (scores > mean).float().mean()
    assert -bounds[0] - 1e-6 <= q.min()
    assert q.max() <= bounds[1] + 1e-6


@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=8))
def test_relative_quality_of_any_scores_is_finite(values: list[float]) -> None:
    q = relative_quality(torch.tensor(values, dtype=torch.float64))
    assert torch.isfinite(q).all()
    assert q.abs().max() <= 1.0


def test_squares_neither_vanish_nor_overflow_in_float32() -> None:
    for far in (1e-30, 1e30):
        assert relative_quality(torch.tensor([0.0, far])).tolist() == pytest.approx([1 / 3, -1 / 3])
    near_the_largest = torch.tensor([1.7014117e38, 1.7014118e38])  # their sum is no float32
    assert relative_quality(near_the_largest).tolist() == pytest.approx([1 / 3, -1 / 3])
    beyond_float32 = torch.tensor([10.0] * 9 + [90.0, 1e300], dtype=torch.float64)
    assert torch.equal(relative_quality(beyond_float32)[:-1], relative_quality(beyond_float32[:-1]))


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(0, 90), st.sampled_from([math.nan, math.inf])), min_size=1, max_size=20))
def test_failed_scores_have_no_part_in_the_batch(values: list[float]) -> None:
    scores = torch.tensor(values, dtype=torch.float32)
    finite = torch.isfinite(scores)
    q = relative_quality(scores)
    assert (q[~finite] == 0).all()
    assert torch.equal(q[finite], relative_quality(scores[finite]))


def test_large_symmetric_batch_is_bounded_by_one_half() -> None:
    q = relative_quality(torch.randn(20000, generator=torch.Generator().manual_seed(0)))
    assert q.max().item() == pytest.approx(0.5, abs=0.02)
    assert q.min().item() == pytest.approx(-0.5, abs=0.02)


def test_relative_quality_loss_by_hand() -> None:
    cosines, labels, q, _, _ = batch()
    target = []
    for row, label, quality in zip(cosines.tolist(), labels.tolist(), q.tolist(), strict=True):
        margin = 0.4 if LIVE[label] else 0.2
        theta = min(max(math.acos(row[label]) - margin * quality, 0.0), math.pi)  # Eq. 16
        target.append(math.cos(theta) - (margin * quality + margin))  # Eq. 17
    expected = softmax_loss(with_target(cosines, labels, target), labels.tolist())
    assert RelativeQuality(LIVE)(cosines, labels, q).item() == pytest.approx(expected, rel=1e-5)


def test_without_differences_in_quality_it_is_an_additive_margin() -> None:
    cosines, labels, _, _, _ = batch()
    for score in (31.7, math.nan):
        q = relative_quality(torch.full((12,), score))
        even = RelativeQuality(LIVE, live_margin=0.3, spoof_margin=0.3)(cosines, labels, q)
        torch.testing.assert_close(even, CosFace(margin=0.3)(cosines, labels), rtol=1e-4, atol=1e-4)
        both = RelativeQualityPatchNet(LIVE)(cosines, labels, q)
        torch.testing.assert_close(both, PatchNet(LIVE)(cosines, labels), rtol=1e-4, atol=1e-4)


def test_a_good_sample_of_its_batch_is_asked_for_more() -> None:
    loss = RelativeQuality((True, False))
    labels, q = torch.tensor([0, 0]), relative_quality(torch.tensor([10.0, 50.0]))  # good, poor

    def loss_of(row: int) -> float:
        """The other row is certain, so it adds nothing to the mean."""
        cosines = torch.tensor([[1.0, -1.0], [1.0, -1.0]])
        cosines[row] = torch.tensor([0.9, 0.5])
        return 2 * loss(cosines, labels, q).item()

    assert loss_of(0) > loss_of(1) + 1.0


def test_no_gradient_through_the_quality() -> None:
    cosines, labels, _, _, scores = batch()
    q = relative_quality(scores.requires_grad_())
    assert not q.requires_grad
    assert not RelativeQuality(LIVE)(cosines, labels, q.clone().requires_grad_()).requires_grad


def test_what_is_no_quality_is_named() -> None:
    cosines, labels, q, _, scores = batch()
    for wrong in (None, q[:3]):
        with pytest.raises(ValueError, match="needs one value for each of 12 samples"):
            RelativeQuality(LIVE)(cosines, labels, wrong)
    for wrong in (scores, torch.full((12,), math.nan)):
        with pytest.raises(ValueError, match=r"not within \[-1, 1\]: give relative_quality\(scores\)"):
            RelativeQuality(LIVE)(cosines, labels, wrong)
    with pytest.raises(ValueError, match="2 entries in live for 4 styles"):
        RelativeQuality((True, False))(cosines, labels, q)


def test_the_angle_stays_above_zero() -> None:
    labels, same = torch.tensor([0, 0]), torch.tensor([[0.999, 0.9]] * 2)
    # acos(0.999) − 0.4·q is below 0 for the good sample, whose cosine then is 1
    q = 1 / 3
    targets = [1 - 0.4 * q - 0.4, math.cos(math.acos(0.999) + 0.4 * q) + 0.4 * q - 0.4]
    expected = softmax_loss(with_target(same, labels, targets), [0, 0])
    quality = relative_quality(torch.tensor([10.0, 50.0]))
    assert RelativeQuality((True, False))(same, labels, quality).item() == pytest.approx(expected, rel=1e-5)
