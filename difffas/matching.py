"""Colours and sharpness of one set of images, carried over to another set [ours].

A diffusion model that starts from a noised live face keeps the face's tint and contrast, and a style of another domain
is then missed. `matched` moves an image by the statistics of two sets: from those of its own set P to those of Q,

    D(x) = F⁻¹[H ⊙ F(T(x − μ_P) + μ_Q)],  T = C_P^-½ (C_P^½ C_Q C_P^½)^½ C_P^-½,  H(r) = √(S_Q(r) / S_TP(r)),

with μ the mean colour, C the 3×3 covariance of colours (T is the linear optimal transport between Gaussians), F the
two-dimensional Fourier transform and S the mean power at radius r without the set's mean image.
"""

from __future__ import annotations

import dataclasses
import functools

import torch
from torch import Tensor

_FLOOR = 1e-12  # of a variance or power, so that nothing is divided by zero
GAINS = (0.25, 3.0)  # of a frequency: beyond, noise and compression would be sharpened into specks
STRETCH = GAINS[1]  # most that colours are pulled apart: those of a grey set are noise


@dataclasses.dataclass(frozen=True)
class Moments:
    """Sums over a set of images of one size, float64; those of two sets add up to those of both."""

    count: int
    image: Tensor  # 3, H, W: the sum of the images
    colours: Tensor  # 3, 3: the sum over images of the mean of x xᵀ over their pixels
    power: Tensor  # R, 3, 3: the sum over images of the mean cross power at radius 0 … R-1

    @classmethod
    def of(cls, images: Tensor) -> Moments:
        """The moments of images (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: if there is no image, or for another shape.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not len(images):
            raise ValueError(f"images of shape {tuple(images.shape)}: give (B, 3, H, W), one or more")
        wide = images.double()
        pixels = wide.flatten(2)  # B, 3, H·W
        colours = torch.einsum("bip,bjp->ij", pixels, pixels) / pixels.shape[2]
        return cls(len(images), wide.sum(0), colours, _cross_power(wide))

    def __add__(self, other: Moments) -> Moments:
        if self.image.shape != other.image.shape:
            raise ValueError(f"images of {tuple(self.image.shape)} and of {tuple(other.image.shape)}: give one size")
        return Moments(
            self.count + other.count, self.image + other.image, self.colours + other.colours, self.power + other.power
        )

    @property
    def mean(self) -> Tensor:
        """Mean colour, (3,)."""
        return self.image.mean((1, 2)) / self.count

    @property
    def covariance(self) -> Tensor:
        """Covariance of the colours of all pixels, (3, 3)."""
        return self.colours / self.count - torch.outer(self.mean, self.mean)

    @property
    def spectrum(self) -> Tensor:
        """Mean cross power of the channels by radius, (R, 3, 3), without the set's mean image."""
        typical = self.image / self.count
        return self.power / self.count - _cross_power(typical[None])

    @property
    def statistics(self) -> Statistics:
        """What `match` needs of the set; nobody's face can be seen in it."""
        height, width = self.image.shape[1:]
        return Statistics(self.count, (height, width), self.mean, self.covariance, self.spectrum)


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Colours and sharpness of a set of images, float64."""

    count: int  # of images
    size: tuple[int, int]  # H, W of every image
    mean: Tensor  # 3
    covariance: Tensor  # 3, 3
    spectrum: Tensor  # R, 3, 3: mean cross power by radius, without the set's mean image


@dataclasses.dataclass(frozen=True)
class Match:
    """The map that carries images of one set over to another; see `match`."""

    source: Tensor  # 3: mean colour
    target: Tensor  # 3
    transport: Tensor  # 3, 3
    gain: Tensor  # 3, R: of each channel's frequencies by radius

    def __call__(self, images: Tensor) -> Tensor:
        """The images (B, 3, H, W) in [-1, 1] as those of the target set, clamped to [-1, 1], in their own dtype."""
        return self.unclamped(images.double()).clamp(-1.0, 1.0).to(images.dtype)

    def unclamped(self, images: Tensor) -> Tensor:
        """The same in float64, without clamping."""
        centred = images.double() - self.source[:, None, None]
        moved = torch.einsum("ij,bjhw->bihw", self.transport, centred) + self.target[:, None, None]
        height, width = images.shape[2:]
        gain = self.gain[:, _radii(height, width).clamp(max=self.gain.shape[1] - 1)]  # 3, H, W/2+1
        found: Tensor = torch.fft.irfft2(torch.fft.rfft2(moved) * gain, s=(height, width))
        return found


def match(source: Statistics, target: Statistics, shrinkage: float = 0.0) -> Match:
    """Return the map that carries images of the source set over to the target set.

    Args:
        source, target: statistics of two sets of images of one size.
        shrinkage: 0 … 1, how far the covariances are shrunk to their diagonals; with 1 every channel is moved by
            itself, the safer form where a set is a few people.

    Raises:
        ValueError: for another size or shrinkage.
    """
    _check_sizes(source, target)
    if not 0.0 <= shrinkage <= 1.0:
        raise ValueError(f"shrinkage {shrinkage}: give a number from 0 to 1")
    transport = _transport(_shrunk(source.covariance, shrinkage), _shrunk(target.covariance, shrinkage))
    before = torch.einsum("ci,rij,cj->cr", transport, source.spectrum, transport)
    after = target.spectrum.diagonal(dim1=1, dim2=2).T  # 3, R
    return Match(source.mean, target.mean, transport, _gain(before, after))


def sharpness(source: Statistics, target: Statistics) -> Match:
    """Return the map that carries over the sharpness alone; colours stay.

    Raises:
        ValueError: for another size.
    """
    _check_sizes(source, target)
    before, after = (each.spectrum.diagonal(dim1=1, dim2=2).T for each in (source, target))  # 3, R
    nothing = torch.zeros_like(source.mean)
    return Match(nothing, nothing, torch.eye(3, dtype=torch.float64), _gain(before, after))


def recolour(images: Tensor, guides: Tensor) -> Tensor:
    """Images (B, 3, H, W) in [-1, 1] with their guides' mean and deviation of each channel (Reinhard 2001, in RGB).

    No deviation grows by more than `STRETCH`.
    """
    mean, deviation = _levels(images)
    guide_mean, guide_deviation = _levels(guides)
    moved = (images.double() - mean) * (guide_deviation / deviation.clamp_min(_FLOOR)).clamp(max=STRETCH) + guide_mean
    return moved.clamp(-1.0, 1.0).to(images.dtype)


def _gain(before: Tensor, after: Tensor) -> Tensor:
    """The factor of every channel and radius, (3, R), that turns one power into the other."""
    gain = (after.clamp_min(_FLOOR) / before.clamp_min(_FLOOR)).sqrt().clamp(*GAINS)
    gain[:, 0] = 1.0  # the mean colour is the transport's
    return gain


def _check_sizes(source: Statistics, target: Statistics) -> None:
    if source.size != target.size:
        raise ValueError(f"statistics of images of size {source.size} and of {target.size}: give one size")


def _levels(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation over the pixels of each channel of each image, (B, 3, 1, 1) each."""
    wide = images.double()
    return wide.mean((2, 3), keepdim=True), wide.std((2, 3), correction=0, keepdim=True)


def _shrunk(covariance: Tensor, shrinkage: float) -> Tensor:
    return torch.lerp(covariance, torch.diag(covariance.diagonal()), shrinkage)


def _transport(source: Tensor, target: Tensor) -> Tensor:
    """The symmetric matrix T with T C_source T = C_target (the optimal transport of two centred Gaussians).

    In a direction where T would stretch by more than `STRETCH`, it stretches by that.
    """
    root = _power_of(source, 0.5)
    inverse = _power_of(source, -0.5)
    stretch, directions = torch.linalg.eigh(inverse @ _power_of(root @ target @ root, 0.5, _FLOOR**2) @ inverse)
    found: Tensor = directions @ torch.diag(stretch.clamp(max=STRETCH)) @ directions.T
    return found


def _power_of(matrix: Tensor, exponent: float, floor: float = _FLOOR) -> Tensor:
    """A power of a symmetric matrix whose eigenvalues are 0 or more; smaller ones count as `floor`."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    found: Tensor = vectors @ torch.diag(values.clamp_min(floor) ** exponent) @ vectors.T
    return found


def _cross_power(images: Tensor) -> Tensor:
    """The sum over images (B, 3, H, W), float64, of Re F_i F̄_j, averaged over each ring of frequencies: (R, 3, 3)."""
    height, width = images.shape[2:]
    transformed = torch.fft.fft2(images)
    power = torch.einsum("bihw,bjhw->ijhw", transformed, transformed.conj()).real.flatten(2)  # 3, 3, H·W
    rings = _rings(height, width).flatten()
    count = torch.bincount(rings)
    total = torch.zeros(len(count), 3, 3, dtype=torch.float64)
    total.index_add_(0, rings, power.permute(2, 0, 1))
    return total / count[:, None, None]


@functools.cache
def _rings(height: int, width: int) -> Tensor:
    """The radius of every frequency of `fft2`, in cycles over the shorter side, rounded; int64 (H, W)."""
    down, across = torch.fft.fftfreq(height, dtype=torch.float64), torch.fft.fftfreq(width, dtype=torch.float64)
    return (torch.hypot(down[:, None], across[None]) * min(height, width)).round().long()


def _radii(height: int, width: int) -> Tensor:
    """The same of `rfft2`, (H, W/2+1)."""
    return _rings(height, width)[:, : width // 2 + 1]
