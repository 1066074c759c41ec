"""A spoof and a live-looking form of itself, as a training pair [ours].

Two recordings of one person are seldom aligned to the pixel, and a generator trained on such pairs melts faces. A
self-pair is aligned by construction: the target is a real spoof, its condition the same image carried back to the
looks of live faces. What recolouring and a coarser camera cannot undo (glare, paper edges, pixels of a screen) is
left in the condition, so a network learns it less from self-pairs than from real pairs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from difffas.camera import filmed
from difffas.matching import Match, recolour

CARRIED_BACK = 0.5  # share of conditions that also get the sharpness of live faces


def self_condition(spoof: Tensor, live: Tensor, to_live: Match | None, generator: torch.Generator) -> Tensor:
    """The condition of a self-pair, (3, H, W) in [-1, 1]: the spoof with the looks of a live face.

    Args:
        spoof: the target, (3, H, W) in [-1, 1].
        live: any live face of the training split, same shape; the condition takes its tint and contrast.
        to_live: carries the sharpness of the spoof's style back to that of live faces of its domain; None: unknown.
        generator: CPU generator of this sample's draws.
    """
    carried = bool(torch.rand((), generator=generator) < CARRIED_BACK)
    image = to_live(spoof[None]) if carried and to_live is not None else spoof[None]
    return filmed(recolour(image, live[None])[0], generator)
