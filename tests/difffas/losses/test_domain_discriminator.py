"""SSDG's adversary against its equations in NumPy, and who learns what from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from difffas.classifier import CosineHead
from difffas.losses.domain_discriminator import (
    DomainDiscriminator,
    WithDiscriminator,
    live_domains,
    single_side_adversarial,
)
from tests.loss_batches import DOMAINS, LIVE, batch


class Classifier(nn.Module):
    """Images B,3 to cosines and, on request, features."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = nn.Linear(3, 5), CosineHead(5, 4)

    def forward(self, images: torch.Tensor, with_features: bool = False) -> object:
        features = self.backbone(images)
        return (self.head(features), features) if with_features else self.head(features)


def discriminator(width: int = 5, domains: int = 2) -> DomainDiscriminator:
    torch.manual_seed(1)
    return DomainDiscriminator(width, domains).double()


def test_logits_and_loss_by_an_independent_computation() -> None:
    samples, network = batch(12, seed=4).double(), discriminator()
    first, second = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    features = samples.features.numpy()
    hidden = features / np.linalg.norm(features, axis=1, keepdims=True) @ first.weight.detach().numpy().T
    hidden = np.maximum(hidden + first.bias.detach().numpy(), 0.0)
    wanted = hidden @ second.weight.detach().numpy().T + second.bias.detach().numpy()
    logits = network(samples.features, 0.5)
    np.testing.assert_allclose(logits.detach().numpy(), wanted, rtol=1e-12)
    entropies = [
        np.log(np.exp(row).sum()) - row[("cam", "phone").index(DOMAINS[label])]
        for row, label in zip(wanted, samples.labels.tolist(), strict=True)
        if LIVE[label]
    ]
    assert len(entropies) == 6
    found = single_side_adversarial(logits, samples.labels, LIVE, DOMAINS)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(float(np.mean(entropies)), rel=1e-12)


def test_a_golden_number() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [9.0, -9.0]], dtype=torch.float64)
    labels = torch.tensor([0, 2, 1])  # live of cam, live of phone, a spoof
    wanted = (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(-1.0))) / 2  # 0.220094849…
    assert single_side_adversarial(logits, labels, LIVE, DOMAINS).item() == pytest.approx(wanted, rel=1e-14)
    assert wanted == pytest.approx(0.2200948492, abs=1e-10)


def test_spoofs_do_not_count_and_live_faces_alone_are_enough() -> None:
    logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    other = logits.clone()
    other[[1, 3, 5]] += 7.0 * torch.randn(3, 2)
    value = single_side_adversarial(logits, labels, LIVE, DOMAINS)
    assert torch.equal(single_side_adversarial(other, labels, LIVE, DOMAINS), value)
    spoofs = logits.requires_grad_()
    nothing = single_side_adversarial(spoofs, torch.tensor([1, 3] * 3), LIVE, DOMAINS)
    nothing.backward()  # type: ignore[no-untyped-call]
    assert nothing.item() == 0.0
    assert spoofs.grad is not None
    assert not spoofs.grad.any()


def test_the_classes_are_the_domains_with_a_live_style() -> None:
    assert live_domains(LIVE, DOMAINS) == ["cam", "phone"]
    assert live_domains((True, False, False), ("msu", "casia", "msu")) == ["msu"]
    alone = single_side_adversarial(torch.zeros(2, 1), torch.tensor([0, 1]), (True, False, False), ("msu", "x", "msu"))
    assert alone.item() == 0.0


def test_one_step_of_descent_teaches_the_discriminator_and_confuses_the_features() -> None:
    """The same descent lowers the loss by the discriminator's weights and raises it by the features."""
    samples, network = batch(24, seed=2).double(), discriminator()
    features = samples.features.clone().requires_grad_()
    value = single_side_adversarial(network(features, 1.0), samples.labels, LIVE, DOMAINS)
    value.backward()  # type: ignore[no-untyped-call]
    assert features.grad is not None
    with torch.no_grad():
        moved = features - 0.01 * features.grad
        confused = single_side_adversarial(network(moved, 1.0), samples.labels, LIVE, DOMAINS)
        for parameter in network.parameters():
            assert parameter.grad is not None
            parameter.add_(parameter.grad, alpha=-0.01)
        taught = single_side_adversarial(network(features, 1.0), samples.labels, LIVE, DOMAINS)
    assert confused > value > taught


def test_training_keeps_live_features_of_two_domains_from_parting() -> None:
    """Without a reversal the centres of the two domains go to opposite ends; with it they stay near each other."""
    generator = torch.Generator().manual_seed(0)
    domain = torch.arange(64) % 2
    images = torch.randn(64, 6, generator=generator) + 2.0 * F.one_hot(domain, 6)
    labels = 2 * domain  # all live

    def apart(strength: float) -> float:
        torch.manual_seed(0)
        backbone, network = nn.Linear(6, 4), DomainDiscriminator(4, 2)
        optimiser = torch.optim.SGD([*backbone.parameters(), *network.parameters()], lr=0.1)
        for _ in range(200):
            optimiser.zero_grad()
            single_side_adversarial(network(backbone(images), strength), labels, LIVE, DOMAINS).backward()
            optimiser.step()
        with torch.no_grad():
            points = F.normalize(backbone(images))
            return float((points[domain == 0].mean(0) - points[domain == 1].mean(0)).norm())

    assert apart(1.0) < 0.6 * apart(-1.0)


def test_beside_a_classifier() -> None:
    torch.manual_seed(0)
    images = torch.randn(6, 3)
    classifier = Classifier()
    both = WithDiscriminator(classifier, 5, 3)
    assert torch.equal(both(images), classifier(images))
    cosines, features, logits = both(images, with_features=True, strength=0.3)
    assert torch.equal(cosines, classifier(images))
    assert torch.equal(logits, both.discriminator(features, 0.3))
    assert logits.shape == (6, 3)
    names = {name.partition(".")[0] for name, _ in both.named_parameters()}
    assert names == {"classifier", "discriminator"}
