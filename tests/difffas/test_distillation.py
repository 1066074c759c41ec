"""The loss that teaches a student."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from difffas.distillation import Weights, band_distance, distillation_loss, laplacian
from difffas.style_encoder import StyleEncoder


@pytest.fixture(scope="module")
def encoder() -> StyleEncoder:
    torch.manual_seed(0)
    made: StyleEncoder = StyleEncoder(["a"], 8, (8, 8, 8, 8), (1, 1, 1, 1)).eval().requires_grad_(False)
    return made


def images(seed: int) -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_teachers_own_picture_costs_nothing(encoder: StyleEncoder) -> None:
    assert distillation_loss(images(1), images(1), encoder, Weights()).total == 0


def test_the_total_is_the_weighted_sum_and_a_term_without_weight_is_not_computed(encoder: StyleEncoder) -> None:
    found = distillation_loss(images(1), images(2), encoder, Weights(2.0, 3.0, 4.0))
    assert min(found.pixels, found.features, found.bands) > 0
    torch.testing.assert_close(found.total, 2 * found.pixels + 3 * found.features + 4 * found.bands)

    def never(_: Tensor) -> None:
        raise AssertionError("not to be called")

    alone = distillation_loss(images(1), images(2), never, Weights(1.0, 0.0, 0.0))
    assert alone.features == alone.bands == 0 and alone.total == found.pixels


def test_a_small_difference_costs_its_square_and_a_large_one_itself() -> None:
    def cost(by: float) -> float:
        blank = torch.zeros(1, 3, 32, 32)
        return float(distillation_loss(blank + by, blank, lambda _: None, Weights(1.0, 0.0, 0.0)).pixels)

    assert cost(0.02) == pytest.approx(4 * cost(0.01), rel=1e-4)
    assert cost(0.9) - cost(0.8) == pytest.approx(0.1, rel=1e-4)


def test_bands_see_fine_dots_and_no_even_tint() -> None:
    blank = torch.zeros(1, 3, 64, 64)
    dots = blank.clone()
    dots[:, :, ::2, ::2] = 0.2
    assert float(band_distance(blank + 0.2, blank)) == pytest.approx(0.0, abs=1e-6)
    assert float(band_distance(dots, blank)) > 0.05
    assert [tuple(level.shape[2:]) for level in laplacian(blank)] == [(64, 64), (32, 32), (16, 16)]


def test_levels_and_the_rest_give_back_the_image_but_for_what_was_left_out() -> None:
    """A level is what its blur removes, so a slow wave lies in the coarse levels and a fast one in the fine ones."""
    across = torch.arange(64.0).expand(1, 1, 64, 64)
    slow, fast = torch.sin(across * 2 * torch.pi / 32), torch.sin(across * 2 * torch.pi / 2.5)
    fine_of_slow, fine_of_fast = (float(laplacian(wave)[0].square().mean()) for wave in (slow, fast))
    assert fine_of_slow < 0.01 * float(slow.square().mean())
    assert fine_of_fast > 0.5 * float(fast.square().mean())


def test_gradients_reach_the_student_through_every_term(encoder: StyleEncoder) -> None:
    for weights in (Weights(1, 0, 0), Weights(0, 1, 0), Weights(0, 0, 1)):
        made = images(1).requires_grad_()
        distillation_loss(made, images(2), encoder, weights).total.backward()  # type: ignore[no-untyped-call]
        assert made.grad is not None and bool(made.grad.abs().sum() > 0)


def test_a_batch_in_parts_has_the_loss_of_the_whole() -> None:
    """Workers and `resources.accumulate` divide a batch; that may change rounding and nothing else."""
    torch.manual_seed(5)
    made, wanted = torch.rand(4, 3, 32, 32) * 2 - 1, torch.rand(4, 3, 32, 32) * 2 - 1
    wanted[2:] *= 0.1  # images of other contrast: their features are of another size
    encoder = StyleEncoder(["a"], 8, (8, 8, 8, 8), (1, 1, 1, 1)).eval()
    whole = distillation_loss(made, wanted, encoder, Weights())
    halves = [distillation_loss(made[part], wanted[part], encoder, Weights()) for part in (slice(2), slice(2, 4))]
    for name in ("total", "pixels", "features", "bands"):
        torch.testing.assert_close(sum(getattr(half, name) for half in halves) / 2, getattr(whole, name))
