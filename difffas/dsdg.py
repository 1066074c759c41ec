"""DSDG (Wu et al., TCSVT 2021): a variational autoencoder of (live, spoof) pairs that invents people.

One encoder turns a live face into an identity latent; another turns a spoof into an identity and a spoofing pattern
latent; one decoder turns the three into both faces. A new person is one identity latent from N(0, I) for both halves
and one pattern latent from N(0, I). `difffas.dsdg_terms` has the loss. The paper's text that is at hand gives no
layer widths, so the layers are ours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from difffas.errors import UserError
from difffas.strict import StrictModel

LATENTS = 3  # a pair's: identity of the live face, identity of the spoof, spoofing pattern
CANDIDATES = 64  # pattern latents that are drawn at a time
MOST_DRAWS = 64  # so often, before the likeliest latent is taken
_LOG_VARIANCE = (-12.0, 8.0)  # keeps exp() finite in the first steps


class Latent(NamedTuple):
    """A diagonal normal distribution and a value drawn from it; each (B, latent)."""

    mean: Tensor
    log_variance: Tensor
    value: Tensor


class EncodedPair(NamedTuple):
    """What the network makes of a pair: both faces again (B, 3, H, W) in [-1, 1], the latents, logits (B, styles)."""

    live: Tensor
    spoof: Tensor
    live_identity: Latent
    spoof_identity: Latent
    pattern: Latent
    logits: Tensor


class PairedVAE(StrictModel, ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Encoders and decoder of (live, spoof) pairs, and a linear classifier of styles on the pattern latent.

    Args:
        styles: the spoof styles, in the order of the logits. The paper classifies attack types; styles (attack types
            of a domain) are the same on one domain, and name a sample's domain on several [ours].
        split: the split whose people it was fitted on.
        size: side of the images in pixels, a multiple of 2^len(channels).
        channels: widths after each halving of the side.
        latent: numbers in each latent.

    Raises UserError for other sizes or styles.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        styles: Sequence[str],
        split: str = "train",
        size: int = 256,
        channels: Sequence[int] = (32, 64, 128, 256, 512, 512),
        latent: int = 256,
    ) -> None:
        super().__init__()
        if not styles or len(set(styles)) != len(styles):
            raise UserError(f"styles {list(styles)} must be one or more distinct names")
        if not channels or size % 2 ** len(channels):
            raise UserError(f"size {size} must be a multiple of {2 ** len(channels)}, for {len(channels)} channels")
        grid = size // 2 ** len(channels)
        self.live_encoder = _encoder(channels, grid, 2 * latent)
        self.spoof_encoder = _encoder(channels, grid, 4 * latent)
        self.decoder = _decoder(channels, grid, LATENTS * latent)
        self.head = nn.Linear(latent, len(styles))

    @property
    def styles(self) -> tuple[str, ...]:
        """Style names in the order of the logits."""
        return tuple(self.config["styles"])

    def forward(self, live: Tensor, spoof: Tensor, noise: Tensor) -> EncodedPair:
        """Encode and decode pairs.

        Args:
            live, spoof: (B, 3, H, W) in [-1, 1]. noise: (B, 3, latent) from N(0, I), which draws the latents.
        """
        mine = _drawn(self.live_encoder(live), noise[:, :1])
        theirs = _drawn(self.spoof_encoder(spoof), noise[:, 1:])
        (live_identity,), (spoof_identity, pattern) = mine, theirs
        faces = self.decode(live_identity.value, spoof_identity.value, pattern.value)
        return EncodedPair(*faces, live_identity, spoof_identity, pattern, self.head(pattern.value))

    def decode(self, live_identity: Tensor, spoof_identity: Tensor, pattern: Tensor) -> tuple[Tensor, Tensor]:
        """Live faces and spoofs, each (B, 3, H, W) in [-1, 1], of latents (B, latent)."""
        both = self.decoder(torch.cat((live_identity, spoof_identity, pattern), dim=1)).tanh()  # B, 6, H, W
        return both[:, :3], both[:, 3:]

    @torch.no_grad()
    def sample(self, styles: Sequence[str], seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """New people: live faces and spoofs, each float (B, 3, H, W) in [-1, 1], on the network's device.

        A seed decides the person; with the style, the pattern. The same seed and style give the same pair.

        Raises:
            ValueError: for a style that the network was not fitted on.
        """
        latents = [draw_latents(self, style, seed) for style, seed in zip(styles, seeds, strict=True)]
        identity, pattern = (torch.stack(part).to(self.device, self.dtype) for part in zip(*latents, strict=True))
        return self.decode(identity, identity, pattern)


def draw_latents(vae: PairedVAE, style: str, seed: int) -> tuple[Tensor, Tensor]:
    """Identity and pattern of a new person, float32 (latent,) each, on the CPU.

    The identity is a draw from N(0, I). The pattern is the first draw from N(0, I) to which the classifier gives the
    style: N(0, I) where the paper draws it, cut to the style that a plan asks for [ours].

    Raises:
        ValueError: for a style that the network was not fitted on.
    """
    if style not in vae.styles:
        raise ValueError(f"style {style!r} is unknown: use one of {', '.join(vae.styles)}")
    wanted, size = vae.styles.index(style), vae.config["latent"]
    weight, bias = (parameter.detach().float().cpu() for parameter in (vae.head.weight, vae.head.bias))
    generator = torch.Generator().manual_seed(seed)
    identity = torch.randn(size, generator=generator)
    likeliest, best = torch.zeros(size), -math.inf
    for _ in range(MOST_DRAWS):
        drawn = torch.randn(CANDIDATES, size, generator=generator)
        logits = drawn @ weight.T + bias  # CANDIDATES, styles
        fitting = (logits.argmax(dim=1) == wanted).nonzero()
        if len(fitting):
            return identity, drawn[int(fitting[0, 0])]
        chances = logits.log_softmax(dim=1)[:, wanted]
        if float(chances.max()) > best:
            best, likeliest = float(chances.max()), drawn[int(chances.argmax())]
    return identity, likeliest


def _drawn(encoded: Tensor, noise: Tensor) -> list[Latent]:
    """The latents in an encoder's output (B, 2·n·latent), drawn with noise (B, n, latent)."""
    count, size = noise.shape[1:]
    parts = encoded.float().reshape(len(encoded), count, 2, size)
    found = []
    for place in range(count):
        mean, log_variance = parts[:, place, 0], parts[:, place, 1].clamp(*_LOG_VARIANCE)
        found.append(Latent(mean, log_variance, mean + (0.5 * log_variance).exp() * noise[:, place]))
    return found


def _encoder(channels: Sequence[int], grid: int, out: int) -> nn.Sequential:
    widths = [3, *channels]
    layers: list[nn.Module] = []
    for cin, cout in zip(widths, channels, strict=False):
        layers += [nn.Conv2d(cin, cout, 4, stride=2, padding=1), *_normed(cout)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * grid**2, out))


def _decoder(channels: Sequence[int], grid: int, given: int) -> nn.Sequential:
    widths = [*reversed(channels), channels[0]]
    layers: list[nn.Module] = [nn.Linear(given, widths[0] * grid**2), nn.Unflatten(1, (widths[0], grid, grid))]
    for cin, cout in itertools.pairwise(widths):
        layers += [*_normed(cin), nn.Upsample(scale_factor=2), nn.Conv2d(cin, cout, 3, padding=1)]
    return nn.Sequential(*layers, *_normed(widths[-1]), nn.Conv2d(widths[-1], 6, 3, padding=1))


def _normed(channels: int) -> list[nn.Module]:
    return [nn.GroupNorm(math.gcd(8, channels), channels), nn.SiLU()]
