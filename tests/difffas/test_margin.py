"""Losses against their equations written out by hand, and the laws of relative quality."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from difffas.margin import AdaFace, ArcFace, CosFace, CrossEntropy, Focal, Loss, RelativeQuality, relative_quality

LIVE = (True, False, False)
LOSSES: list[Loss] = [CrossEntropy(), Focal(), CosFace(), ArcFace(), AdaFace(), RelativeQuality(LIVE)]


def batch(size: int = 8, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Cosines B,3, labels B and BRISQUE scores B."""
    generator = torch.Generator().manual_seed(seed)
    cosines = torch.rand(size, 3, generator=generator) * 1.8 - 0.9
    return cosines, torch.arange(size) % 3, torch.rand(size, generator=generator) * 60 - 10


def softmax_loss(logits: list[list[float]], labels: list[int]) -> float:
    """Mean −log softmax, in plain Python."""
    rows = zip(logits, labels, strict=True)
    return float(np.mean([math.log(sum(math.exp(value - row[label]) for value in row)) for row, label in rows]))


def with_target(cosines: Tensor, labels: Tensor, target: list[float], scale: float = 30.0) -> list[list[float]]:
    logits = (scale * cosines.double()).tolist()
    for row, label, value in zip(logits, labels.tolist(), target, strict=True):
        row[label] = scale * value
    return logits


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
    mean = scores.mean()
    bounds = (scores < mean).float().mean(), (scores > mean).float().mean()
    assert -bounds[0] - 1e-6 <= q.min()
    assert q.max() <= bounds[1] + 1e-6


@given(st.lists(st.floats(), min_size=1, max_size=8))
def test_relative_quality_of_any_scores_is_finite(values: list[float]) -> None:
    q = relative_quality(torch.tensor(values, dtype=torch.float64))
    assert torch.isfinite(q).all()
    assert q.abs().max() <= 1.0


def test_squares_neither_vanish_nor_overflow_in_float32() -> None:
    for far in (1e-30, 1e30):
        assert relative_quality(torch.tensor([0.0, far])).tolist() == pytest.approx([1 / 3, -1 / 3])
    beyond_float32 = torch.tensor([10.0] * 9 + [90.0, 1e300], dtype=torch.float64)
    assert torch.equal(relative_quality(beyond_float32)[:-1], relative_quality(beyond_float32[:-1]))


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
    cosines, labels, scores = batch()
    q = relative_quality(scores).tolist()
    target = []
    for row, label, quality in zip(cosines.tolist(), labels.tolist(), q, strict=True):
        margin = 0.4 if LIVE[label] else 0.2
        theta = min(max(math.acos(row[label]) - margin * quality, 0.0), math.pi)  # Eq. 16
        target.append(math.cos(theta) - (margin * quality + margin))  # Eq. 17
    expected = softmax_loss(with_target(cosines, labels, target), labels.tolist())
    assert RelativeQuality(LIVE)(cosines, labels, scores).item() == pytest.approx(expected, rel=1e-5)


def test_without_differences_in_quality_it_is_an_additive_margin() -> None:
    cosines, labels, _ = batch()
    loss = RelativeQuality(LIVE, live_margin=0.3, spoof_margin=0.3)
    expected = CosFace(margin=0.3)(cosines, labels)
    for quality in (torch.full((8,), 31.7), torch.full((8,), math.nan)):
        torch.testing.assert_close(loss(cosines, labels, quality), expected, rtol=1e-4, atol=1e-4)


def test_a_good_sample_of_its_batch_is_asked_for_more() -> None:
    loss = RelativeQuality((True, False))
    labels, scores = torch.tensor([0, 0]), torch.tensor([10.0, 50.0])  # good, poor

    def loss_of(row: int) -> float:
        """The other row is certain, so it adds nothing to the mean."""
        cosines = torch.tensor([[1.0, -1.0], [1.0, -1.0]])
        cosines[row] = torch.tensor([0.9, 0.5])
        return 2 * loss(cosines, labels, scores).item()

    assert loss_of(0) > loss_of(1) + 1.0


def test_cross_entropy_is_torchs() -> None:
    cosines, labels, _ = batch()
    torch.testing.assert_close(CrossEntropy(scale=5.0)(cosines, labels), F.cross_entropy(5.0 * cosines, labels))


def test_focal_by_hand() -> None:
    cosines, labels, _ = batch()
    probability = (5.0 * cosines).softmax(1)[torch.arange(8), labels]
    expected = (-((1 - probability) ** 2) * probability.log()).mean()
    torch.testing.assert_close(Focal(gamma=2.0, scale=5.0)(cosines, labels), expected)
    torch.testing.assert_close(Focal(gamma=0.0)(cosines, labels), CrossEntropy()(cosines, labels))


def test_margins_by_hand() -> None:
    cosines, labels, norms = batch()
    angles = [math.acos(row[label]) for row, label in zip(cosines.tolist(), labels.tolist(), strict=True)]
    add = [math.cos(angle) - 0.35 for angle in angles]
    expected = softmax_loss(with_target(cosines, labels, add), labels.tolist())
    assert CosFace()(cosines, labels).item() == pytest.approx(expected, rel=1e-5)
    turned = [math.cos(min(angle + 0.5, math.pi)) for angle in angles]
    expected = softmax_loss(with_target(cosines, labels, turned), labels.tolist())
    assert ArcFace()(cosines, labels).item() == pytest.approx(expected, rel=1e-5)
    z = ((norms - norms.mean()) / norms.std(correction=0) * 0.333).clamp(-1, 1).tolist()
    both = [math.cos(angle - 0.4 * q) - 0.4 * q - 0.4 for angle, q in zip(angles, z, strict=True)]
    expected = softmax_loss(with_target(cosines, labels, both), labels.tolist())
    assert AdaFace()(cosines, labels, norms).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_gradients_are_finite_at_the_edges(loss: Loss) -> None:
    cosines = torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [1.0000001, -1.0000001, 0.3]], requires_grad=True)
    value = loss(cosines, torch.tensor([0, 0, 1]), torch.tensor([10.0, 40.0, 90.0], requires_grad=True))
    value.backward()  # type: ignore[no-untyped-call]
    assert value.shape == ()
    assert cosines.grad is not None
    assert torch.isfinite(cosines.grad).all()
    assert cosines.grad.abs().sum() > 0


def test_the_angle_stays_between_zero_and_pi() -> None:
    labels = torch.tensor([0, 0])
    opposite, same = torch.tensor([[-0.99, 0.0]] * 2), torch.tensor([[0.999, 0.9]] * 2)
    # acos(-0.99) + 0.5 is beyond π, where the cosine would rise again
    expected = softmax_loss([[-30.0, 0.0]], [0])
    assert ArcFace()(opposite, labels).item() == pytest.approx(expected, rel=1e-5)
    # acos(0.999) − 0.4·q is below 0 for the good sample, whose cosine then is 1
    q = 1 / 3
    targets = [1 - 0.4 * q - 0.4, math.cos(math.acos(0.999) + 0.4 * q) + 0.4 * q - 0.4]
    expected = softmax_loss(with_target(same, labels, targets), [0, 0])
    assert RelativeQuality((True, False))(same, labels, torch.tensor([10.0, 50.0])).item() == pytest.approx(
        expected, rel=1e-5
    )


def test_the_slope_is_bounded_next_to_one() -> None:
    cosines = torch.full((1, 2), 1.0 - 2.0**-24, requires_grad=True)  # the last float32 below 1
    ArcFace(margin=math.pi / 2)(cosines, torch.tensor([0])).backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert cosines.grad.abs().max() < 30 * 710  # the slope of arccos at 1 − 1e-6 is 707


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_half_precision_cosines_are_widened(loss: Loss) -> None:
    cosines, labels, quality = batch()
    narrow = cosines.bfloat16()
    value = loss(narrow, labels, quality.double())
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(narrow.float(), labels, quality))


def test_no_gradient_through_the_quality() -> None:
    cosines, labels, scores = batch()
    scores.requires_grad_()
    assert not RelativeQuality(LIVE)(cosines, labels, scores).requires_grad


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_training_on_a_loss_separates_the_styles(loss: Loss) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    features = F.normalize(F.one_hot(labels, 3).float() + 0.3 * torch.randn(60, 3, generator=generator))
    weight = torch.nn.Parameter(torch.randn(3, 3, generator=generator))
    optimizer = torch.optim.Adam([weight], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        value = loss(features @ F.normalize(weight).T, labels, torch.rand(60, generator=generator))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert ((features @ weight.T).argmax(1) == labels).float().mean() > 0.95


def test_wrong_shapes_are_named() -> None:
    cosines, labels, quality = batch()
    with pytest.raises(ValueError, match="give B,K and B"):
        CrossEntropy()(cosines, labels[:3])
    for wrong in (None, quality[:3]):
        with pytest.raises(ValueError, match="needs one value for each of 8 samples"):
            RelativeQuality(LIVE)(cosines, labels, wrong)
    with pytest.raises(ValueError, match="2 entries in live for 3 styles"):
        RelativeQuality((True, False))(cosines, labels, quality)
