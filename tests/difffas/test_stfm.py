from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from difffas.stfm import STFM, Form, mean_tokens, variance_tokens

CHANNELS = 8


def maps(height: int = 12, width: int = 12, batch: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, CHANNELS, height, width, generator=generator)


def filled(module: STFM) -> STFM:
    """Weights from a formula, so that golden numbers do not hang on torch's initialisation."""
    with torch.no_grad():
        for index, parameter in enumerate(module.parameters()):
            values = torch.sin(torch.arange(parameter.numel(), dtype=torch.float64).square() * 0.37 + index)
            parameter.copy_((0.3 * values).reshape(parameter.shape))
    return module.eval()


def numpy_tokens(z: np.ndarray, patch: int, form: Form) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances written out patch by patch; z is C, H, W, the results N, C."""
    _, height, width = z.shape
    last = (0, 0) if form == "paper" else (patch - 1, patch - 1)  # official: only whole patches
    corners = [(i, j) for i in range(0, height - last[0], patch) for j in range(0, width - last[1], patch)]
    pieces = [z[:, i : i + patch, j : j + patch] for i, j in corners]
    pieces = [*pieces, z] if form == "paper" else [z, *pieces]
    means = np.stack([piece.mean(axis=(1, 2)) for piece in pieces])
    if form == "paper":
        return means, np.stack([piece.var(axis=(1, 2)) for piece in pieces])
    return means, np.stack([(piece - piece**2).mean(axis=(1, 2)) for piece in pieces])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 7), st.sampled_from(["paper", "official"]))
def test_tokens_are_the_statistics_of_each_patch(height: int, width: int, patch: int, form: Form) -> None:
    if form == "official" and min(height, width) < patch:
        return
    z = maps(height, width, batch=1).double()
    means, variances = numpy_tokens(z[0].numpy(), patch, form)
    np.testing.assert_allclose(mean_tokens(z, patch, form)[0], means, atol=1e-12)
    np.testing.assert_allclose(variance_tokens(z, patch, form)[0], variances, atol=1e-12)


@given(st.integers(1, 20), st.integers(1, 20), st.floats(-100, 100, width=32))
@settings(max_examples=30, deadline=None)
def test_a_flat_map_has_no_variance_and_it_is_never_negative(height: int, width: int, level: float) -> None:
    variances = variance_tokens(torch.full((1, 2, height, width), level), 2)
    assert (variances >= 0).all()
    assert (variances <= 1e-6 * max(1.0, level * level)).all()


@pytest.mark.parametrize("form", ["paper", "official"])
def test_forward_follows_the_equations(form: Form) -> None:
    module = filled(STFM(CHANNELS, mean_patch=4, variance_patch=3, form=form))
    x, c = maps(13, 13, seed=1), maps(13, 13, seed=2)
    module.set_condition_statistics(torch.full((CHANNELS,), 0.5), torch.full((CHANNELS,), 4.0))

    norm = module.condition_norm
    normalised = (c - 0.5) / math.sqrt(4.0 + norm.eps) * norm.weight[:, None, None] + norm.bias[:, None, None]
    weights = {name: value.detach().double().numpy() for name, value in module.named_parameters()}
    fused = []
    for row in range(2):
        statistics_x = [numpy_tokens(x[row].double().numpy(), patch, form) for patch in (4, 3)]
        statistics_c = [numpy_tokens(normalised[row].detach().double().numpy(), patch, form) for patch in (4, 3)]
        resized = []
        for index, (branch, patch) in enumerate((("mean_attention", 4), ("variance_attention", 3))):
            w = {name.removeprefix(branch + "."): value for name, value in weights.items() if name.startswith(branch)}
            queries = statistics_x[index][index] @ w["to_q.weight"].T + w["to_q.bias"]
            keys_values = statistics_c[index][index] @ w["to_kv.weight"].T + w["to_kv.bias"]
            keys, values = keys_values[:, :CHANNELS], keys_values[:, CHANNELS:]
            scores = np.exp(queries @ keys.T / math.sqrt(CHANNELS))
            attended = scores / scores.sum(axis=1, keepdims=True) @ values
            tokens = attended @ w["to_out.weight"].T + w["to_out.bias"]
            side = math.ceil(13 / patch) if form == "paper" else 13 // patch
            grid = torch.from_numpy(tokens[:-1].T.reshape(1, CHANNELS, side, side))
            official = form == "official"
            mode = "bicubic" if official else "bilinear"
            resized.append(F.interpolate(grid, size=(13, 13), mode=mode, align_corners=official))
        inner = module.norm(x[row : row + 1]).double() * resized[1] + resized[0]
        fused.append(module.norm(module.conv(inner.float())))
    expected = x + torch.cat(fused)
    torch.testing.assert_close(module(x, module.encode_condition(c)), expected, atol=2e-5, rtol=1e-5)


GOLDEN = [[-0.732733, -0.808728, -0.736159], [-0.724096, -0.812135, -0.739221]]


def test_golden() -> None:
    """Numbers of this implementation, to notice a change."""
    x = torch.sin(torch.arange(CHANNELS * 49, dtype=torch.float32).reshape(1, CHANNELS, 7, 7) * 0.11)
    outputs = []
    for form in ("paper", "official"):
        module = filled(STFM(CHANNELS, mean_patch=3, variance_patch=2, form=form))
        outputs.append(module(x, module.encode_condition(x.flip(1)))[0, 3, 2, :3])
    expected = torch.tensor(GOLDEN)
    torch.testing.assert_close(torch.stack(outputs), expected, atol=1e-5, rtol=0)


def test_fixed_normalisation_is_set_once_and_never_updated() -> None:
    module = STFM(CHANNELS).train()
    module.set_condition_statistics(torch.full((CHANNELS,), 3.0), torch.full((CHANNELS,), 2.0))
    trained, still = module.encode_condition(maps()), module.eval().encode_condition(maps())
    assert torch.equal(trained.mean, still.mean)
    assert module.condition_norm.running_mean is not None
    assert (module.condition_norm.running_mean == 3.0).all()
    plain = STFM(CHANNELS)
    plain.load_state_dict(module.state_dict())
    plain.set_condition_statistics(torch.zeros(CHANNELS), torch.ones(CHANNELS))
    assert not torch.allclose(plain.encode_condition(maps()).mean, still.mean)


def test_batch_normalisation_uses_the_batch_while_training() -> None:
    module = STFM(CHANNELS, condition_norm="batch").train()
    module.encode_condition(maps() + 5.0)
    assert module.condition_norm.running_mean is not None
    torch.testing.assert_close(module.condition_norm.running_mean, torch.full((CHANNELS,), 0.5), atol=0.05, rtol=0)


@pytest.mark.parametrize(
    ("mean", "variance"), [(torch.zeros(3), torch.ones(3)), (torch.zeros(CHANNELS), -torch.ones(CHANNELS))]
)
def test_wrong_statistics_are_refused(mean: Tensor, variance: Tensor) -> None:
    with pytest.raises(ValueError, match=r"this module needs|non-negative"):
        STFM(CHANNELS).set_condition_statistics(mean, variance)


def test_a_map_smaller_than_a_patch() -> None:
    small = maps(2, 2)
    module = STFM(CHANNELS)
    assert module(small, module.encode_condition(small)).shape == small.shape
    with pytest.raises(ValueError, match="cannot cut a 2×2 map"):
        STFM(CHANNELS, form="official").encode_condition(small)


@pytest.mark.parametrize("options", [{"form": "x"}, {"variant": "x"}, {"condition_norm": "x"}, {"mean_patch": 0}])
def test_unknown_options_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"unknown|at least 1"):
        STFM(CHANNELS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variant", "sees_place"), [("stfm", True), ("patch_substitution", True), ("no_patches", False), ("adain", False)]
)
def test_variants(variant: str, sees_place: bool) -> None:
    """Only the variants with patches notice where in the guide something is; every parameter takes part."""
    module = STFM(CHANNELS, mean_patch=3, variance_patch=2, variant=variant)  # type: ignore[arg-type]
    x, c = maps(seed=1), maps(seed=2)
    order = torch.randperm(144, generator=torch.Generator().manual_seed(0))
    shuffled = c.flatten(2)[:, :, order].reshape(c.shape)
    y, z = (module(x, module.encode_condition(guide)) for guide in (c, shuffled))
    assert torch.allclose(y, z, atol=1e-4) != sees_place
    (y * x).sum().backward()
    dead = [name for name, value in module.named_parameters() if value.grad is None]
    assert not dead
    assert ("mean_attention.to_q.weight" in module.state_dict()) == (variant in ("stfm", "no_patches"))


def test_substitution_takes_the_guides_own_statistics() -> None:
    x, c = maps(seed=1), maps(seed=2)
    adain = STFM(CHANNELS, variant="adain").eval()
    adain.set_condition_statistics(torch.zeros(CHANNELS), torch.ones(CHANNELS) - adain.condition_norm.eps)
    sigma, mu = c.var(dim=(2, 3), correction=0, keepdim=True), c.mean(dim=(2, 3), keepdim=True)
    expected = x + adain.norm(adain.conv(adain.norm(x) * sigma + mu))
    torch.testing.assert_close(adain(x, adain.encode_condition(c)), expected, atol=1e-5, rtol=1e-5)


def test_rows_are_independent_and_conditions_can_be_kept() -> None:
    module = STFM(CHANNELS).eval()
    x, c = maps(seed=1), maps(seed=2)
    both = module.encode_condition(c)
    swapped = type(both)(both.mean.flip(0), both.variance.flip(0))
    torch.testing.assert_close(module(x.flip(0), swapped).flip(0), module(x, both))


def test_compiles_in_one_graph() -> None:
    module = STFM(CHANNELS).eval()
    x, c = maps(seed=1), maps(seed=2)

    def fuse(x: Tensor, c: Tensor) -> Tensor:
        y: Tensor = module(x, module.encode_condition(c))
        return y

    compiled = torch.compile(fuse, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(x, c), fuse(x, c))
