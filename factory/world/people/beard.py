"""Beards: moustache, goatee and full beard; stubble is the skin's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from factory.world.people.ancestry import Ancestry
from factory.world.people.head import base
from factory.world.people.patch import along_skin, patch
from factory.world.people.roots import Density, sprinkled
from factory.world.scene import Floats

Kind = Literal["moustache", "goatee", "full"]
POINTS = 6
# The upper edge of a full beard on the base mesh: metres from the middle, height.
CHEEK_ACROSS = np.array([0.0, 0.028, 0.036, 0.046, 0.056, 0.064, 0.070])
CHEEK_HEIGHT = np.array([-0.046, -0.052, -0.062, -0.060, -0.048, -0.020, -0.004])


@dataclass(frozen=True)
class Beard:
    """A beard.

    Args:
        kind: Where it grows.
        length: Metres.
        hairs: How many a full beard would have.
        curl: 0 is straight, 1 is tight.
    """

    kind: Kind
    length: float
    hairs: int
    curl: float

    @classmethod
    def drawn(cls, generator: np.random.Generator, ancestry: Ancestry) -> Beard:
        """Some man's beard."""
        shares = [0.2, 0.3 + 0.2 * ancestry.asian, 0.5 - 0.2 * ancestry.asian]
        kind: Kind = ("moustache", "goatee", "full")[int(generator.choice(3, p=shares))]  # type: ignore[assignment]
        long = generator.uniform() < 0.25
        return cls(
            kind,
            float(generator.uniform(0.018, 0.035) if long else generator.uniform(0.005, 0.012)),
            int(generator.uniform(5000, 8000) * (1 - 0.4 * ancestry.asian)),
            float(np.clip(0.15 + 0.8 * ancestry.african + generator.normal(0, 0.1), 0, 1)),
        )


def beard_strands(beard: Beard, points: Floats, generator: np.random.Generator) -> Floats:
    """S, P, 3: the hairs of a beard on a head's points (V, 3)."""

    share = {"moustache": 0.16, "goatee": 0.35, "full": 1.0}[beard.kind]
    roots = sprinkled(beard_density(beard.kind), int(beard.hairs * share), generator)
    canon = roots.at(base().points)
    across, side = np.abs(canon[:, 0]), np.sign(canon[:, 0])
    lip = (canon[:, 1] > -0.0585) & (across < 0.032)  # the moustache
    direction = np.stack(
        [
            np.where(lip, side * np.clip(0.4 + across / 0.02, 0, 1.4), 0.15 * side),
            np.full(len(canon), -1.0),
            np.where(across > 0.045, 0.25, 0.1),
        ],
        axis=1,
    )
    direction += 0.25 * generator.standard_normal(direction.shape)
    grown = np.clip((np.interp(across, CHEEK_ACROSS, CHEEK_HEIGHT) - canon[:, 1]) / 0.03, 0.35, 1)
    length = np.where(lip, min(beard.length, 0.011), beard.length * grown) * generator.uniform(0.6, 1.05, len(canon))
    skin = patch(points, lambda places: (places[:, 1] < 0.01) & (places[:, 1] > -0.16) & (places[:, 2] > -0.09))
    path = along_skin(roots, points, skin, direction, np.asarray(length, np.float32), 0.18, POINTS)
    wind = np.cumsum(generator.standard_normal(path.shape), axis=1) * (0.0002 + 0.0008 * beard.curl)
    return np.asarray(path + wind * np.linspace(0, 1, POINTS)[None, :, None], np.float32)


def beard_density(kind: Kind) -> Density:
    """How densely a beard grows at places on the base mesh (N, 3): 0 to 1."""

    def density(places: Floats) -> Floats:
        across, height, depth = np.abs(places[:, 0]), places[:, 1], places[:, 2]
        soft = 0.007
        below = np.clip((np.interp(across, CHEEK_ACROSS, CHEEK_HEIGHT) - height) / soft, 0, 1)
        above = np.clip((height + 0.120) / 0.012, 0, 1) * (depth > -0.065) * (across < 0.078)
        lips = ((across / 0.029) ** 2 + ((height + 0.0655) / 0.0088) ** 2) < 1
        whole = below * above * ~lips
        moustache = (height > -0.062) & (across < 0.031)
        if kind == "moustache":
            return np.asarray(whole * moustache * (across < 0.029), np.float32)
        if kind == "goatee":
            return np.asarray(whole * (across < 0.0335) * (depth > -0.045), np.float32)
        return np.asarray(whole, np.float32)

    return density
