"""How heads differ: weights of MakeHuman's targets for a person, and for an expression."""

from __future__ import annotations

import numpy as np

from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.head import base

YOUNG, OLD = 25.0, 90.0  # years that MakeHuman's targets stand for
SPREAD = {  # standard deviation of a target's weight; 1 is as far as MakeHuman lets it go
    "head": 0.35,
    "forehead": 0.45,
    "eyebrows": 0.45,
    "eyes": 0.4,
    "nose": 0.42,
    "mouth": 0.4,
    "cheek": 0.45,
    "chin": 0.42,
    "ears": 0.4,
    "neck": 0.2,
}
OPPOSITES = (
    ("incr", "decr"),
    ("up", "down"),
    ("in", "out"),
    ("forward", "backward"),
    ("convex", "concave"),
    ("uncompress", "compress"),
)


def macro_weights(sex: Sex, age: float, ancestry: Ancestry, generator: np.random.Generator) -> dict[str, float]:
    """Targets of ancestry, sex and age, whose weights sum to one, and of body weight."""
    old = float(np.clip((age - YOUNG) / (OLD - YOUNG), 0, 1))
    ages = {"young": 1 - old, "old": old}
    weights = {
        f"macrodetails/{name}-{sex}-{when}": share * part
        for name, share in ancestry._asdict().items()
        for when, part in ages.items()
    }
    heavy = float(np.clip(generator.normal(0.1, 0.4), -0.8, 1.0))
    end = "maxweight" if heavy > 0 else "minweight"
    for when, part in ages.items():
        weights[f"macrodetails/universal-{sex}-{when}-averagemuscle-{end}"] = abs(heavy) * part
    return weights


def weights_drawn(generator: np.random.Generator) -> dict[str, float]:
    """Targets of features, each side's nearly alike."""
    weights: dict[str, float] = {}
    names = base().targets
    for name in names:
        folder, stem = name.split("/")
        if folder not in SPREAD or stem.startswith("r-"):
            continue
        other = _opposite(name)
        if other is not None and other < name:
            continue
        value = float(np.clip(generator.normal(0, SPREAD[folder]), -0.9, 0.9))
        weights |= _sided(name, other, value, generator)
    return weights


def _sided(name: str, other: str | None, value: float, generator: np.random.Generator) -> dict[str, float]:
    chosen = name if value > 0 or other is None else other
    made = {chosen: abs(value)}
    if "/l-" in chosen:
        made[chosen.replace("/l-", "/r-")] = abs(value) * float(generator.normal(1, 0.1))
    return made


def _opposite(name: str) -> str | None:
    for one, other in OPPOSITES:
        for here, there in ((one, other), (other, one)):
            if name.endswith("-" + here) and name.removesuffix(here) + there in base().targets:
                return name.removesuffix(here) + there
    return None


def expression_drawn(generator: np.random.Generator) -> dict[str, float]:
    """Targets of a face at ease, often with a slight smile."""
    return {"expression/mouth-corner-puller": float(np.clip(abs(generator.normal(0, 0.25)), 0, 0.6))}
