"""Faces and guides to click for the generator that ships: drawn people, from a seed that no training used."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from factory.corpus.row import LIVE_ATTACK
from factory.drawn.pictures import draw
from factory.images import decode
from factory.models.settings import SamplerConfig
from factory.models.taught import Taught

SEED, PEOPLE = 2607, 6  # people who are drawn; domains take turns
# Where the generator that ships reaches its styles; the demo's ranges.
T0, CFG_SCALE = (400, 440), (4.5, 5.5)


@dataclasses.dataclass(frozen=True)
class Example:
    """A picture to click, uint8 (H, W, 3), with the style that it shows; that of a live face ends in `-live`."""

    style: str
    pixels: np.ndarray

    @property
    def domain(self) -> str:
        """Domain of a live face."""
        return self.style.removesuffix(f"-{LIVE_ATTACK}")


def drawn(styles: Sequence[str], size: int) -> tuple[list[Example], list[Example]]:
    """Live faces of drawn people, and a guide of every spoof style, among styles of the form `domain-attack`."""
    pairs = [style.rpartition("-")[::2] for style in styles]
    domains = sorted({domain for domain, _ in pairs})
    attacks = sorted({attack for _, attack in pairs} - {LIVE_ATTACK})
    with tempfile.TemporaryDirectory(prefix="difffas-drawn-") as folder:
        draw(Path(folder), PEOPLE, 1, size, domains, attacks, seed=SEED)
        found = {
            style: [decode(path.read_bytes()) for path in sorted(Path(folder, domain, attack).rglob("*.png"))]
            for style, (domain, attack) in zip(styles, pairs, strict=True)
        }
    live = [Example(style, one) for style in styles if style.endswith(f"-{LIVE_ATTACK}") for one in found[style]]
    # The last person who has the attack: another one than the first live faces.
    guides = [Example(style, found[style][-1]) for style in styles if not style.endswith(f"-{LIVE_ATTACK}")]
    return live, guides


def beginning(taught: Taught) -> SamplerConfig:
    """The settings with which the student of the generator that ships gives a visible spoof at once."""
    return SamplerConfig(preset="student", match=taught.match, t0=T0, cfg_scale=CFG_SCALE)
