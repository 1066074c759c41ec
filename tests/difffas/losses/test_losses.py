"""What every loss must do: gradients, edges, order of the batch, narrow floats, training."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from difffas.losses import LOSSES, relative_quality
from tests.loss_batches import DOMAINS, LIVE, batch, make, value

every_loss = pytest.mark.parametrize("name", LOSSES)


@every_loss
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    samples = batch().double()
    cosines, features = samples.cosines * 0.9, samples.features  # off the edges, where the angle is clamped
    inputs = [cosines.requires_grad_()]
    if make(name).views == 2 or (make(name).needs_features and name != "adaface"):  # its norms pass no gradient on
        inputs.append(features.requires_grad_())
    loss = make(name)

    def of(cosines: torch.Tensor, other: torch.Tensor = features) -> torch.Tensor:
        return value(loss, cosines, samples.labels, samples.quality, other)

    assert of(*inputs).dtype == torch.float64
    assert torch.autograd.gradcheck(of, inputs)


@every_loss
@settings(deadline=None)
@given(st.permutations(range(9)), st.integers(0, 3))
def test_the_order_of_the_batch_does_not_matter(name: str, order: list[int], seed: int) -> None:
    samples = batch(9, seed)
    torch.testing.assert_close(samples.at(order).loss(name), samples.loss(name), rtol=1e-4, atol=1e-5)


@every_loss
@settings(deadline=None)
@given(st.floats(0.1, 50), st.floats(-50, 50))
def test_a_positive_affine_change_of_brisque_changes_nothing(name: str, factor: float, offset: float) -> None:
    samples = batch(9)
    changed = samples._replace(quality=relative_quality(samples.scores * factor + offset))
    torch.testing.assert_close(changed.loss(name), samples.loss(name), rtol=1e-3, atol=1e-3)


@every_loss
def test_one_sample_and_samples_of_one_quality_have_a_loss(name: str) -> None:
    samples = batch(8)
    same = samples._replace(quality=relative_quality(torch.full((8,), 31.7)))
    for few in (samples.at([3])._replace(quality=relative_quality(samples.scores[3:4])), same):
        cosines = few.cosines.requires_grad_()
        few.loss(name).backward()  # type: ignore[no-untyped-call]
        assert cosines.grad is not None
        assert torch.isfinite(cosines.grad).all()
        assert cosines.grad.abs().sum() > 0


@every_loss
def test_gradients_are_finite_at_the_edges(name: str) -> None:
    cosines = torch.tensor(
        [[1.0, -1.0, 0.0, 0.5], [-1.0, 1.0, 1.0, 0.0], [1.0000001, -1.0000001, 0.3, 0.1]], requires_grad=True
    )
    features = torch.tensor([[0.0, 0.0], [1e-20, 0.0], [1e20, 1e20]], requires_grad=True)
    quality = relative_quality(torch.tensor([10.0, 40.0, 90.0]))
    found = value(make(name), cosines, torch.tensor([0, 0, 1]), quality, features)
    found.backward()  # type: ignore[no-untyped-call]
    assert found.shape == ()
    for given_tensor in (cosines, features):
        assert given_tensor.grad is None or torch.isfinite(given_tensor.grad).all()
    assert cosines.grad is not None
    assert cosines.grad.abs().sum() > 0


@every_loss
def test_narrow_floats_are_widened_under_autocast_too(name: str) -> None:
    samples = batch(12)
    narrow = samples._replace(cosines=samples.cosines.bfloat16(), features=samples.features.bfloat16())
    widened = narrow._replace(cosines=narrow.cosines.float(), features=narrow.features.float())
    found = narrow.loss(name)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, widened.loss(name))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(narrow.loss(name), found)
    torch.testing.assert_close(found, samples.loss(name), rtol=0.05, atol=0.05)


@every_loss
def test_training_on_a_loss_separates_the_styles(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    features = F.normalize(F.one_hot(labels, 3).float() + 0.3 * torch.randn(60, 3, generator=generator))
    weight = torch.nn.Parameter(torch.randn(3, 3, generator=generator))
    optimizer = torch.optim.Adam([weight], lr=0.05)
    loss = make(name, LIVE[:3], DOMAINS[:3])
    for _ in range(100):
        optimizer.zero_grad()
        quality = relative_quality(torch.rand(60, generator=generator))
        found = value(loss, features @ F.normalize(weight).T, labels, quality, features)
        found.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert ((features @ weight.T).argmax(1) == labels).float().mean() > 0.95


@every_loss
def test_what_it_needs_it_says(name: str) -> None:
    samples, loss = batch(), make(name)
    given_all = (samples.cosines, samples.labels, samples.quality)
    if loss.needs_features or loss.views == 2:
        with pytest.raises(ValueError, match="needs the embeddings"):
            value(loss, *given_all, None)
    else:
        assert torch.equal(loss(*given_all), samples.loss(name))
    if loss.adversarial:
        for wrong in (None, torch.zeros(12, 3), torch.zeros(6, 2)):
            with pytest.raises(ValueError, match=r"domain_logits of shape .*: this loss needs 12 samples × 2 domains"):
                loss(*given_all, samples.features, wrong)
    with pytest.raises(ValueError, match="give B,K and B"):
        loss(samples.cosines, samples.labels[:3], samples.quality, samples.features)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loss.scale = 1.0  # type: ignore[attr-defined]
