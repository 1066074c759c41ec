"""SSDG's triplets, counted one by one."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from difffas.losses import SSDG
from difffas.losses.ssdg import single_side_triplet
from tests.loss_batches import DOMAINS, LIVE, batch

CLASS = (0, 1, 0, 2)  # live of both domains; spoofs of the one; of the other


def by_hand(features: Tensor, labels: Tensor, margin: float) -> float:
    points = F.normalize(features.double())
    classes = [CLASS[label] for label in labels.tolist()]
    hinges = []
    for a, p, n in itertools.permutations(range(len(points)), 3):
        if classes[a] == classes[p] != classes[n]:
            hinges.append(float((points[a] - points[p]).square().sum() - (points[a] - points[n]).square().sum()))
    violated = [hinge + margin for hinge in hinges if hinge + margin > 0]
    return sum(violated) / len(violated) if violated else 0.0


def triplet(features: Tensor | None, labels: Tensor, margin: float = 0.1) -> Tensor:
    return single_side_triplet(features, labels, LIVE, DOMAINS, margin)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 12])
@pytest.mark.parametrize("margin", [0.0, 0.1, 1.5])
def test_every_triplet_of_the_batch(size: int, margin: float) -> None:
    samples = batch(size, seed=size)
    value = triplet(samples.features, samples.labels, margin)
    assert value.item() == pytest.approx(by_hand(samples.features, samples.labels, margin), abs=1e-6)


def test_one_triplet_with_numbers() -> None:
    features = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-3.0, 0.0]])  # squared distances 2, 4 and 2 at length 1
    labels = torch.tensor([0, 2, 1])  # two live faces of two domains, a spoof
    # anchors are the live faces: 2 − 4 + 0.1 < 0 for the first, 2 − 2 + 0.1 for the second
    assert triplet(features, labels).item() == pytest.approx(0.1)
    assert triplet(features, labels, margin=3.0).item() == pytest.approx((1.0 + 3.0) / 2)


def test_live_faces_of_all_domains_are_one_class_and_spoofs_of_each_domain_another() -> None:
    together, apart = torch.tensor([[1.0, 0.0]] * 2), torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    other = torch.tensor([[0.0, 1.0]])
    for first, second, one_class in ((0, 2, True), (1, 3, False), (1, 1, True)):
        third = 1 if first == 0 else 0
        labels = torch.tensor([first, second, third])
        near, far = (triplet(torch.cat([pair, other]), labels).item() for pair in (together, apart))
        assert (far > near) == one_class
        assert near == 0.0


def test_the_length_of_features_does_not_count() -> None:
    samples = batch()
    lengths = torch.rand(12, 1) + 0.5
    torch.testing.assert_close(
        triplet(samples.features * lengths, samples.labels), triplet(samples.features, samples.labels)
    )


def test_descent_gathers_live_faces_and_parts_spoofs() -> None:
    samples = batch(24, seed=1)
    features = samples.features.clone().requires_grad_()
    optimiser = torch.optim.SGD([features], lr=0.5)
    for _ in range(300):
        optimiser.zero_grad()
        triplet(features, samples.labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    points = F.normalize(features.detach())
    classes = torch.tensor(CLASS)[samples.labels]
    apart, same = torch.cdist(points, points), classes[:, None] == classes[None, :]
    assert (apart.masked_fill(~same, 0.0).amax(1) < apart.masked_fill(same, 9.0).amin(1)).all()


def test_wrong_shapes_are_named() -> None:
    cosines, labels, _, features, _ = batch()
    for wrong in (None, features[:3], features[:, 0]):
        with pytest.raises(ValueError, match="needs the embeddings of 12 samples, B,D"):
            SSDG(LIVE, DOMAINS)(cosines, labels, features=wrong)
    with pytest.raises(ValueError, match="3 entries in live for 4 styles"):
        SSDG(LIVE[:3], DOMAINS[:3])(cosines, labels, features=features)
    with pytest.raises(ValueError, match="1 entries in domains for 4 styles"):
        SSDG(LIVE, DOMAINS[:1])(cosines, labels, features=features)
