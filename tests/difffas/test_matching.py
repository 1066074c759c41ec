"""Matching of sets of images: laws that hold for every two sets, and NumPy where it has the number, too."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from torch import Tensor

from difffas.matching import GAINS, STRETCH, Match, Moments, match, recolour


def images(seed: int, count: int = 12, height: int = 16, width: int = 16, sharp: float = 1.0) -> Tensor:
    """Smooth random scenes with a colour cast of the seed's own, well inside [-1, 1]."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(count, 3, height, width))
    rings = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij"))
    smooth = np.fft.ifft2(np.fft.fft2(noise) * np.exp(-6 * rings / sharp)).real
    mixing, cast = 0.3 * rng.normal(size=(3, 3)) + np.eye(3), rng.uniform(-0.2, 0.2, 3)
    coloured = np.einsum("ij,bjhw->bihw", mixing, smooth)
    return torch.from_numpy(0.08 * coloured / coloured.std() + cast[:, None, None])


seeds = st.integers(0, 2**16)


def bounded(found: Match) -> bool:
    """Whether some direction of the colours reaches the bound of the transport."""
    return float(torch.linalg.eigvalsh(found.transport).max()) > STRETCH - 1e-9


def condition(source: Tensor) -> float:
    """Largest over smallest eigenvalue of the colours' covariance: how far rounding is magnified."""
    least, _, most = torch.linalg.eigvalsh(Moments.of(source).statistics.covariance.double()).tolist()
    return float(most / least)


@given(seeds, st.integers(1, 11))
def test_moments_of_parts_are_those_of_the_whole(seed: int, cut: int) -> None:
    """So a corpus is read in one pass, shard by shard, in any order."""
    whole = images(seed)
    parts = Moments.of(whole[:cut]) + Moments.of(whole[cut:])
    for name in ("mean", "covariance", "spectrum"):
        torch.testing.assert_close(getattr(parts, name), getattr(Moments.of(whole), name), rtol=0, atol=1e-10)


@given(seeds)
def test_moments_are_those_of_numpy(seed: int) -> None:
    found, pixels = Moments.of(images(seed)), images(seed).numpy().transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(found.mean, pixels.mean(1), atol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(pixels, bias=True), atol=1e-12)


@given(seeds, seeds)
def test_colours_become_those_of_the_target(one: int, other: int) -> None:
    """The transport alone gives the target's mean and covariance; the gains then change single frequencies."""
    source, target = images(one), images(other)
    found = match(Moments.of(source).statistics, Moments.of(target).statistics)
    assume(not bounded(found))
    moved = torch.einsum("ij,bjhw->bihw", found.transport, source - found.source[:, None, None])
    moments = Moments.of(moved + found.target[:, None, None])
    torch.testing.assert_close(moments.mean, Moments.of(target).mean, rtol=0, atol=1e-9)
    torch.testing.assert_close(moments.covariance, Moments.of(target).covariance, rtol=0, atol=1e-9)


@given(seeds, seeds)
@example(3834, 3834)  # colours that lie almost in a plane
def test_a_set_matched_to_itself_stays(one: int, other: int) -> None:
    source = images(one)
    found = match(Moments.of(source).statistics, Moments.of(source).statistics)
    torch.testing.assert_close(found(source), source, rtol=0, atol=1e-6)
    # There and back again, too, as long as no gain was cut.
    target = images(other)
    there, back = (
        match(Moments.of(a).statistics, Moments.of(b).statistics) for a, b in ((source, target), (target, source))
    )
    if ((there.gain > GAINS[0]) & (there.gain < GAINS[1])).all() and not bounded(there) and not bounded(back):
        rounding = 32 * np.finfo(np.float64).eps * max(condition(source), condition(target)) ** 2  # 1e-13 of most sets
        torch.testing.assert_close(
            back.transport @ there.transport, torch.eye(3, dtype=torch.float64), rtol=0, atol=rounding
        )


@given(seeds)
def test_sharpness_becomes_that_of_the_target(seed: int) -> None:
    """Of each ring of frequencies, as far as gains may go; the mean colour is not touched by them."""
    source, target = images(seed, 40), images(seed + 1, 40, sharp=1.6)
    found = match(Moments.of(source).statistics, Moments.of(target).statistics)
    made = Moments.of(found.unclamped(source))
    free = (found.gain > GAINS[0]) & (found.gain < GAINS[1])
    spectra = [each.spectrum.diagonal(dim1=1, dim2=2).T for each in (made, Moments.of(target))]
    free[:, 0] = False  # that of the mean colour, which is the transport's
    assert free.any()
    torch.testing.assert_close(spectra[0][free], spectra[1][free], rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(made.mean, Moments.of(target).mean, rtol=0, atol=1e-9)


@given(seeds, seeds)
def test_channels_are_moved_by_themselves_where_covariances_are_shrunk(one: int, other: int) -> None:
    found = match(Moments.of(images(one)).statistics, Moments.of(images(other)).statistics, shrinkage=1.0)
    assume(not bounded(found))
    off = found.transport - torch.diag(found.transport.diagonal())
    assert float(off.abs().max()) < 1e-9
    deviations = [Moments.of(images(seed)).covariance.diagonal().sqrt() for seed in (one, other)]
    torch.testing.assert_close(found.transport.diagonal(), deviations[1] / deviations[0], rtol=1e-6, atol=0)


@given(seeds)
def test_noise_of_a_grey_set_is_not_pulled_apart(seed: int) -> None:
    """A monochrome camera's faces under a coloured style: their chroma is noise and stays near that size."""
    rng = np.random.default_rng(seed)
    grey = images(seed).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    noisy = grey + torch.from_numpy(rng.normal(0, 1 / 127.5, (12, 3, 16, 16)))  # one grey level
    chroma = lambda x: float((x - x.mean(1, keepdim=True)).std())  # noqa: E731
    found = match(Moments.of(grey).statistics, Moments.of(images(seed + 1)).statistics)
    moved = torch.einsum("ij,bjhw->bihw", found.transport, noisy - noisy.mean((0, 2, 3), keepdim=True))
    assert chroma(moved) <= (STRETCH + 1e-6) * max(chroma(noisy), float(grey.std()))
    assert float(torch.linalg.eigvalsh(found.transport).max()) <= STRETCH + 1e-9
    flat = torch.full((1, 3, 16, 16), 0.1, dtype=torch.float64) + noisy[:1] - grey[:1]
    made, guide = recolour(flat, images(seed + 1)[:1]), images(seed + 1)[:1]
    assert float((made - guide.mean((2, 3), keepdim=True)).std()) <= STRETCH * float(flat.std()) + 1e-6


def test_images_of_one_grey_are_moved_and_nothing_blows_up() -> None:
    flat = torch.full((4, 3, 16, 16), 0.25, dtype=torch.float64)
    for source, target in ((flat, images(1)), (images(1), flat), (flat, flat)):
        made = match(Moments.of(source).statistics, Moments.of(target).statistics)(source)
        assert bool(made.isfinite().all())
        assert float(made.min()) >= -1 and float(made.max()) <= 1


@given(seeds, seeds)
def test_recoloured_images_have_the_levels_of_their_guides(one: int, other: int) -> None:
    source, guides = images(one), images(other)
    made = recolour(source, guides)
    assume(float((guides.std((2, 3)) / source.std((2, 3))).max()) < STRETCH)
    for image, guide in zip(made, guides, strict=True):
        torch.testing.assert_close(image.mean((1, 2)), guide.mean((1, 2)), rtol=0, atol=1e-9)
        torch.testing.assert_close(image.std((1, 2)), guide.std((1, 2)), rtol=0, atol=1e-9)


def test_float32_images_stay_float32() -> None:
    found = match(Moments.of(images(1).float()).statistics, Moments.of(images(2).float()).statistics)
    assert found(images(1).float()).dtype == torch.float32
    assert recolour(images(1).float(), images(2).float()).dtype == torch.float32
    assert found(images(1, height=16, width=24)).shape == (12, 3, 16, 24)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: Moments.of(torch.zeros(0, 3, 8, 8)), "one or more"),
        (lambda: Moments.of(torch.zeros(3, 8, 8)), "give .B, 3, H, W."),
        (lambda: Moments.of(images(1)) + Moments.of(images(1, height=8)), "give one size"),
        (lambda: match(Moments.of(images(1)).statistics, Moments.of(images(1, height=8)).statistics), "give one size"),
        (
            lambda: match(Moments.of(images(1)).statistics, Moments.of(images(2)).statistics, shrinkage=1.5),
            "from 0 to 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        given()  # type: ignore[operator]
