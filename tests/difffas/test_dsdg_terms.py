"""The terms of DSDG's loss: closed forms, laws, and a recomputation without PyTorch's shortcuts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from difffas.dsdg import EncodedPair, Latent, PairedVAE
from difffas.dsdg_terms import (
    BANDWIDTHS,
    Weights,
    discrepancy,
    divergence,
    dsdg_loss,
    embedding_distance,
    orthogonality,
    reconstruction,
    structure,
)
from factory.corpus.identity import Structure
from factory.models.tensors import to_pixels


def noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def images(seed: int, count: int = 3) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def latent(seed: int, count: int = 3, size: int = 8) -> Latent:
    return Latent(*(noise(seed + place, count, size) for place in range(3)))


def test_divergence_is_the_closed_form_and_zero_for_the_prior() -> None:
    found = latent(1)
    wanted = kl_divergence(Normal(found.mean, (0.5 * found.log_variance).exp()), Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(divergence(found), wanted)
    nothing = torch.zeros(4, 8)
    assert divergence(Latent(nothing, nothing, nothing)) == 0


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 9))
def test_discrepancy_is_symmetric_never_negative_and_zero_for_equal_samples(seed: int, count: int, size: int) -> None:
    first, second = noise(seed, count, size), noise(seed + 1, count + 1, size)
    shuffled = first[torch.randperm(count, generator=torch.Generator().manual_seed(seed))]
    assert float(discrepancy(first, first)) == pytest.approx(0.0, abs=1e-6)
    assert float(discrepancy(first, shuffled)) == pytest.approx(0.0, abs=1e-6)
    assert float(discrepancy(first, second)) >= -1e-6
    torch.testing.assert_close(discrepancy(first, second), discrepancy(second, first))


def test_discrepancy_is_that_of_its_definition_and_grows_with_the_shift() -> None:
    first, second = noise(1, 4, 5), noise(2, 6, 5)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        squared = float(((x - y) ** 2).sum())
        return sum(math.exp(-squared / (2 * width * 5)) for width in BANDWIDTHS) / len(BANDWIDTHS)

    def mean(some: Tensor, others: Tensor) -> float:
        return float(np.mean([kernel(x, y) for x in some.double().numpy() for y in others.double().numpy()]))

    wanted = mean(first, first) + mean(second, second) - 2 * mean(first, second)
    assert float(discrepancy(first, second)) == pytest.approx(wanted, abs=1e-6)
    shifts = [float(discrepancy(first, first + shift)) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert shifts == sorted(shifts) and shifts[-1] > 0.1


def test_orthogonality_is_zero_at_right_angles_and_one_for_parallel_and_opposite_latents() -> None:
    across, along = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 3.0, 4.0]])
    assert orthogonality(across, along) == 0
    assert float(orthogonality(along, 7 * along)) == pytest.approx(1.0)
    assert float(orthogonality(along, -along)) == pytest.approx(1.0)
    slanted = torch.tensor([[math.cos(1.0), math.sin(1.0), 0.0]])
    assert float(orthogonality(across, slanted)) == pytest.approx(math.cos(1.0), abs=1e-6)


def test_structure_is_the_audits_embedder_and_blind_to_brightness_and_contrast() -> None:
    faces = images(3)
    wanted = Structure()(to_pixels(faces))
    assert np.abs(structure(faces).numpy() - wanted).max() < 0.02  # the audit rounds to grey levels
    torch.testing.assert_close(structure(0.5 * faces + 0.1), structure(faces), atol=1e-5, rtol=0)
    assert float(embedding_distance(structure(faces), structure(faces))) == 0
    torch.testing.assert_close(structure(faces).norm(dim=1), torch.ones(3))


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    live, spoof, labels = images(1), images(2), torch.tensor([0, 1, 1])
    made = EncodedPair(images(3), images(4), latent(10), latent(20), latent(30), noise(5, 3, 2))
    weights = Weights(*range(2, 2 + len(Weights._fields)))
    found = dsdg_loss(made, live, spoof, labels, weights)
    wanted = {
        "reconstruction": (made.live - live).abs().mean() / 2 + (made.spoof - spoof).abs().mean() / 2,
        "kl": sum(divergence(each) for each in (made.live_identity, made.spoof_identity, made.pattern)),
        "mmd": discrepancy(made.live_identity.value, made.spoof_identity.value),
        "orthogonality": orthogonality(made.spoof_identity.value, made.pattern.value),
        "classes": -made.logits.log_softmax(1)[range(3), labels].mean(),
        "pair": 2 - 2 * (structure(made.live) * structure(made.spoof)).sum(1).mean(),
        "identity": 4
        - 2 * (structure(made.live) * structure(live)).sum(1).mean()
        - 2 * (structure(made.spoof) * structure(spoof)).sum(1).mean(),
    }
    for name, value in wanted.items():
        assert float(getattr(found, name)) == pytest.approx(float(value), abs=1e-5), name
    total = float(wanted["reconstruction"]) + sum(
        weight * float(wanted[name]) for name, weight in weights._asdict().items()
    )
    assert float(found.total) == pytest.approx(total, rel=1e-5)


def test_every_part_of_the_network_learns_from_the_loss() -> None:
    torch.manual_seed(0)
    vae = PairedVAE(["a-print", "a-replay"], size=32, channels=(8, 8), latent=4)
    made = vae(images(1), images(2), noise(3, 3, 3, 4))
    dsdg_loss(made, images(1), images(2), torch.tensor([0, 1, 1]), Weights()).total.backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        assert float(parameter.grad.abs().sum()) > 0, name


def test_reconstruction_is_the_mean_difference() -> None:
    assert float(reconstruction(torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.25))) == 0.25
