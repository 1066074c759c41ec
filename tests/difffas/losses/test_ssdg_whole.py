"""The whole of SSDG: a sum of three, and a golden number in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from difffas.losses import SSDG, SSDGWhole
from difffas.losses.domain_discriminator import single_side_adversarial
from tests.difffas.losses.test_ssdg import by_hand
from tests.loss_batches import DOMAINS, LIVE, batch


def logits_of(features: torch.Tensor) -> torch.Tensor:
    return torch.stack([features.sum(dim=1), features[:, 0]], dim=1)


@settings(deadline=None)
@given(st.floats(0, 3), st.floats(0, 3), st.integers(2, 14), st.integers(0, 9))
def test_it_is_a_sum(weight: float, adversarial_weight: float, size: int, seed: int) -> None:
    cosines, labels, _, features, _ = batch(size, seed).double()
    logits = logits_of(features)
    whole = SSDGWhole(LIVE, DOMAINS, weight=weight, adversarial_weight=adversarial_weight)
    rest = SSDG(LIVE, DOMAINS, weight=weight)(cosines, labels, features=features)
    adversary = single_side_adversarial(logits, labels, LIVE, DOMAINS)
    found = whole(cosines, labels, features=features, domain_logits=logits)
    torch.testing.assert_close(found, rest + adversarial_weight * adversary)


def test_all_three_parts_by_an_independent_computation() -> None:
    cosines, labels, _, features, _ = batch(12, seed=3).double()
    logits = logits_of(features)
    rows = 30.0 * cosines.numpy()
    own = labels.numpy()
    entropy = np.mean(np.log(np.exp(rows - rows.max(1, keepdims=True)).sum(1)) + rows.max(1) - rows[range(12), own])
    of_domain = logits.numpy()
    live = np.array(LIVE)[own]
    place = np.array([("cam", "phone").index(DOMAINS[label]) for label in own])
    adversary = np.mean((np.log(np.exp(of_domain).sum(1)) - of_domain[range(12), place])[live])
    wanted = entropy + 2.0 * by_hand(features, labels, 0.1) + 0.1 * adversary
    found = SSDGWhole(LIVE, DOMAINS)(cosines, labels, features=features, domain_logits=logits)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(float(wanted), rel=1e-12)
    assert found.item() == pytest.approx(14.757205746, rel=1e-6)
