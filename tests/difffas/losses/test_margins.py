"""Cross-entropy, focal, CosFace, ArcFace, AdaFace and PatchNet against their equations written out by hand."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from difffas.losses import AdaFace, ArcFace, CosFace, CrossEntropy, Focal, PatchNet, RelativeQuality, relative_quality
from tests.loss_batches import LIVE, batch, softmax_loss, with_target


def test_cross_entropy_is_torchs() -> None:
    cosines, labels, *_ = batch()
    torch.testing.assert_close(CrossEntropy(scale=5.0)(cosines, labels), F.cross_entropy(5.0 * cosines, labels))


def test_focal_by_hand() -> None:
    cosines, labels, *_ = batch()
    probability = (5.0 * cosines).softmax(1)[torch.arange(12), labels]
    expected = (-((1 - probability) ** 2) * probability.log()).mean()
    torch.testing.assert_close(Focal(gamma=2.0, scale=5.0)(cosines, labels), expected)
    torch.testing.assert_close(Focal(gamma=0.0)(cosines, labels), CrossEntropy()(cosines, labels))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_has_a_slope_where_the_truth_is_certain(gamma: float) -> None:
    cosines = torch.tensor([[1.0, -1.0], [0.2, 0.1]], requires_grad=True)
    Focal(gamma=gamma)(cosines, torch.tensor([0, 0])).backward()
    assert cosines.grad is not None
    torch.testing.assert_close(cosines.grad[0], torch.zeros(2), atol=1e-9, rtol=0)
    assert cosines.grad[1, 0] < 0 < cosines.grad[1, 1]


def test_margins_by_hand() -> None:
    cosines, labels, _, features, _ = batch()
    angles = [math.acos(row[label]) for row, label in zip(cosines.tolist(), labels.tolist(), strict=True)]
    add = [math.cos(angle) - 0.35 for angle in angles]
    expected = softmax_loss(with_target(cosines, labels, add), labels.tolist())
    assert CosFace()(cosines, labels).item() == pytest.approx(expected, rel=1e-5)
    turned = [math.cos(min(angle + 0.5, math.pi)) for angle in angles]
    expected = softmax_loss(with_target(cosines, labels, turned), labels.tolist())
    assert ArcFace()(cosines, labels).item() == pytest.approx(expected, rel=1e-5)
    by_kind = [
        math.cos(angle) - (0.4 if LIVE[label] else 0.1) for angle, label in zip(angles, labels.tolist(), strict=True)
    ]
    expected = softmax_loss(with_target(cosines, labels, by_kind), labels.tolist())
    assert PatchNet(LIVE)(cosines, labels).item() == pytest.approx(expected, rel=1e-5)
    norms = features.norm(dim=1)
    z = ((norms - norms.mean()) / norms.std(correction=0) * 0.333).clamp(-1, 1).tolist()
    both = [math.cos(max(angle - 0.4 * q, 0.0)) - 0.4 * q - 0.4 for angle, q in zip(angles, z, strict=True)]
    expected = softmax_loss(with_target(cosines, labels, both), labels.tolist())
    assert AdaFace()(cosines, labels, features=features).item() == pytest.approx(expected, rel=1e-5)


def test_adaface_of_equal_norms_is_cosface() -> None:
    cosines, labels, _, features, _ = batch()
    unit = 3.0 * F.one_hot(torch.arange(12) % 5, 5).float()
    for equal, rows in ((unit, slice(None)), (features, slice(0, 1))):  # σ = 0; a batch of one
        value = AdaFace(margin=0.3)(cosines[rows], labels[rows], features=equal[rows])
        torch.testing.assert_close(value, CosFace(margin=0.3)(cosines[rows], labels[rows]), rtol=1e-4, atol=1e-4)


def test_adaface_sends_no_gradient_through_the_norms() -> None:
    cosines, labels, _, features, _ = batch()
    assert not AdaFace()(cosines, labels, features=features.requires_grad_()).requires_grad


def test_the_larger_margin_is_that_of_live_styles() -> None:
    cosines = torch.tensor([[0.6, 0.5], [0.5, 0.6]])
    each = [PatchNet((True, False))(cosines[i : i + 1], torch.tensor([i])).item() for i in range(2)]
    assert each[0] > each[1] + 1.0


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
    quality = relative_quality(torch.tensor([10.0, 50.0]))
    assert RelativeQuality((True, False))(same, labels, quality).item() == pytest.approx(expected, rel=1e-5)


def test_the_slope_is_bounded_next_to_one() -> None:
    cosines = torch.full((1, 2), 1.0 - 2.0**-24, requires_grad=True)  # the last float32 below 1
    ArcFace(margin=math.pi / 2)(cosines, torch.tensor([0])).backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert cosines.grad.abs().max() < 30 * 710  # the slope of arccos at 1 − 1e-6 is 707
