from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from difffas.objective import MOST_WEIGHT, TrainingNoise, draw_training_noise, training_loss, variational_term
from difffas.schedule import alpha_bar, betas, per_sample, q_sample
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet

UNET: dict[str, Any] = {"base_channels": 8, "channel_multipliers": (1, 1, 1, 1, 1, 1), "embed_channels": 16}
ENCODER: dict[str, Any] = {"stem_channels": 8, "channels": (8, 8, 8, 8), "depths": (1, 1, 1, 1)}


def images(seed: int, batch: int = 4) -> Tensor:
    return torch.rand(batch, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def encoder() -> StyleEncoder:
    torch.manual_seed(1)
    return StyleEncoder(["a-print"], **ENCODER).eval()


def test_draw_is_determined_by_the_generator() -> None:
    first, again, other = (draw_training_noise((64, 3, 4, 4), torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.noise, other.noise)
    many = draw_training_noise((4000, 1, 1, 1), torch.Generator().manual_seed(0))
    assert int(many.t.min()) < 10
    assert int(many.t.max()) > 989
    assert float(many.keep_style.float().mean()) == pytest.approx(0.8, abs=0.03)
    assert many.keep_live.all()  # the live face is there at sampling, so also in training
    assert draw_training_noise((9, 1, 1, 1), torch.Generator(), style_dropout=0.0).keep_style.all()


def test_the_release_drops_the_live_face_with_the_style() -> None:
    drawn = [draw_training_noise((99, 1, 1, 1), torch.Generator().manual_seed(0), drop_live=d) for d in (False, True)]
    assert torch.equal(drawn[1].keep_live, drawn[1].keep_style)
    assert torch.equal(drawn[0].keep_style, drawn[1].keep_style)
    assert torch.equal(drawn[0].noise, drawn[1].noise)


def test_mse_and_what_the_networks_are_shown() -> None:
    """A stand-in network: x_t ⊕ live comes in, and what is dropped is the zero image."""
    spoof, live, guide = images(1), images(2), images(3)
    keep_style, keep_live = torch.tensor([[1, 0, 1, 0], [1, 1, 0, 1]]).bool()
    draw = TrainingNoise(torch.tensor([0, 10, 500, 999]), torch.randn(4, 3, 32, 32), keep_style, keep_live)
    seen: dict[str, Tensor] = {}

    def style_encoder(guides: Tensor) -> tuple[Any, None]:
        seen["guide"] = guides
        return (guides, guides, guides), None

    def unet(sample: Tensor, timestep: Tensor, features: Any) -> Any:
        seen["sample"], seen["t"] = sample, timestep
        return SimpleNamespace(sample=sample[:, :3])

    loss = training_loss(unet, style_encoder, spoof, live, guide, draw)
    x_t = q_sample(spoof, draw.t, draw.noise)
    assert torch.equal(seen["sample"][:, :3], x_t)
    assert torch.equal(seen["sample"][[0, 1, 3], 3:], live[[0, 1, 3]])
    assert not seen["sample"][2, 3:].any()
    assert torch.equal(seen["t"], draw.t)
    assert torch.equal(seen["guide"][[0, 2]], guide[[0, 2]])
    assert not seen["guide"][[1, 3]].any()
    assert float(loss.mse) == pytest.approx(float((x_t - draw.noise).square().mean()), rel=1e-6)
    assert torch.equal(loss.total, loss.mse)
    assert not loss.variational.any()


def test_velocity_weighs_errors_as_errors_on_v_and_bounds_the_weight() -> None:
    spoof, live, guide = images(1), images(2), images(3)
    draw = TrainingNoise(torch.tensor([0, 250, 500, 999]), torch.randn(4, 3, 32, 32), torch.ones(4), torch.ones(4))

    def unet(sample: Tensor, timestep: Tensor, features: Any) -> Any:
        return SimpleNamespace(sample=sample[:, :3])

    loss = training_loss(unet, lambda guides: ((guides, guides, guides), None), spoof, live, guide, draw, "velocity")
    alpha = alpha_bar(draw.t)
    x_t, scale = q_sample(spoof, draw.t, draw.noise), per_sample(alpha.sqrt(), spoof)
    made = (x_t - per_sample((1 - alpha).sqrt(), spoof) * x_t) / scale  # x₀ of the network, whose ε is x_t
    v, of_network = (
        scale * noise - per_sample((1 - alpha).sqrt(), spoof) * clean
        for noise, clean in ((draw.noise, spoof), (x_t, made))
    )
    errors = (v - of_network).square().mean(dim=(1, 2, 3))
    errors[3] = MOST_WEIGHT * (x_t - draw.noise)[3].square().mean()
    assert float(loss.total) == pytest.approx(float(errors.mean()), rel=1e-4)
    assert float(loss.mse) == pytest.approx(float((x_t - draw.noise).square().mean()), rel=1e-6), "as the paper counts"


def test_loss_is_deterministic_and_sends_gradient_everywhere_but_to_the_encoder() -> None:
    torch.manual_seed(0)
    unet, frozen = SpoofUNet(**UNET, dropout=0.0, out_channels=6), encoder()
    torch.nn.init.normal_(unet.conv_out.weight, std=0.1)
    draw = draw_training_noise((4, 3, 32, 32), torch.Generator().manual_seed(0))
    losses = [training_loss(unet, frozen, images(1), images(2), images(3), draw) for _ in range(2)]
    assert torch.equal(losses[0].total, losses[1].total)
    torch.testing.assert_close(losses[0].total, losses[0].mse + losses[0].variational.mean())
    losses[0].total.backward()
    assert all(parameter.grad is not None for parameter in unet.parameters())
    assert all(parameter.grad is None for parameter in frozen.parameters())


def posterior(t: int) -> tuple[float, float, float]:
    """β_t, β̃_t and the weight of x̂₀ in the posterior mean, from their definitions."""
    now, before, beta = alpha_bar(torch.tensor(t)).item(), alpha_bar(torch.tensor(t - 1)).item(), betas()[t].item()
    return beta, beta * (1 - before) / (1 - now), math.sqrt(before) * beta / (1 - now)


@pytest.mark.parametrize("t", [1, 50, 999])
@pytest.mark.parametrize("v", [-1.0, 0.3, 1.0])
def test_variational_term_is_the_divergence_of_two_gaussians(t: int, v: float) -> None:
    x0, noise, wrong = images(1, 1), torch.randn(1, 3, 32, 32), torch.randn(1, 3, 32, 32)
    steps = torch.tensor([t])
    x_t = q_sample(x0, steps, noise)
    bits = variational_term(x0, x_t, steps, wrong, torch.full_like(x0, v))

    beta, smallest, weight = posterior(t)
    alpha = alpha_bar(steps)
    guess = ((x_t - per_sample((1 - alpha).sqrt(), x0) * wrong) / per_sample(alpha.sqrt(), x0)).clamp(-1, 1)
    variance = math.exp((v + 1) / 2 * math.log(beta) + (1 - v) / 2 * math.log(smallest))
    true = torch.distributions.Normal(weight * x0.double(), math.sqrt(smallest))
    model = torch.distributions.Normal(weight * guess.double(), math.sqrt(variance))
    expected = torch.distributions.kl_divergence(true, model).mean() / math.log(2)
    assert float(bits) == pytest.approx(float(expected), rel=1e-4, abs=1e-8)


def test_variational_term_vanishes_for_the_true_posterior() -> None:
    x0, noise, steps = images(1), torch.randn(4, 3, 32, 32), torch.tensor([1, 10, 100, 400])
    bits = variational_term(x0, q_sample(x0, steps, noise), steps, noise, -torch.ones_like(x0))
    np.testing.assert_allclose(bits, 0.0, atol=1e-4)


def test_first_timestep_is_a_discretised_likelihood() -> None:
    x0 = torch.full((1, 3, 32, 32), 0.1)
    x0[..., :2], x0[..., 2:4] = 1.0, -1.0  # the open outermost bins
    noise, steps = 0.5 * torch.randn(1, 3, 32, 32), torch.tensor([0])
    x_t = q_sample(x0, steps, noise)
    bits = variational_term(x0, x_t, steps, torch.zeros_like(x0), torch.ones_like(x0))
    mean = (x_t.double() / alpha_bar(steps).sqrt()).clamp(-1, 1)  # at t = 0 the posterior mean is x̂₀
    normal = torch.distributions.Normal(mean, math.sqrt(1e-4))
    upper, lower = normal.cdf(x0 + 1 / 255), normal.cdf(x0 - 1 / 255)
    mass = torch.where(x0 == 1.0, 1 - lower, torch.where(x0 == -1.0, upper, upper - lower))
    assert float(bits) == pytest.approx(float(-mass.log2().mean()), rel=2e-3)


def test_the_loss_falls() -> None:
    """One pair, fixed noise: the network can learn it by heart."""
    torch.manual_seed(0)
    unet, frozen = SpoofUNet(**UNET, dropout=0.0), encoder()
    draw = draw_training_noise((2, 3, 32, 32), torch.Generator().manual_seed(0), style_dropout=0.0)
    optimiser = torch.optim.AdamW(unet.parameters(), 3e-3)
    history = []
    for _ in range(40):
        loss = training_loss(unet, frozen, images(1, 2), images(2, 2), images(3, 2), draw).total
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    assert history[0] == pytest.approx(1.0, abs=0.1)  # a network that starts at zero predicts no noise
    assert history[-1] < 0.5 * history[0]


def test_t_lies_below_the_timesteps_asked_for() -> None:
    draw = draw_training_noise((4000, 1, 1, 1), torch.Generator().manual_seed(0), timesteps=300)
    assert int(draw.t.min()) == 0
    assert int(draw.t.max()) == 299
