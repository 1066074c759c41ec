"""How heads differ: weights of MakeHuman's targets for a person, and for an expression."""

from __future__ import annotations

from functools import cache

import numpy as np

from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.head import base

YOUNG, OLD = 25.0, 105.0  # years; MakeHuman means 90, but its old faces fold where they smile
SPREAD = {  # standard deviation of a target's weight by the beginning of its name; the longest that fits counts
    "cheek/": 0.42,
    "chin/": 0.4,
    "chin/chin-jaw-drop": 0.25,
    "chin/chin-prognathism": 0.28,
    "chin/chin-triangle": 0.3,
    "ears/": 0.3,
    "ears/l-ear-shape": 0.22,
    "ears/l-ear-flap": 0.25,
    "eyebrows/": 0.4,
    "eyes/": 0.38,
    "eyes/l-eye-bag": 0.3,
    "eyes/l-eye-epicanthus": 0.2,
    "eyes/l-eye-trans": 0.36,
    "forehead/": 0.25,
    "forehead/forehead-nubian": 0.05,
    "forehead/forehead-scale-vert": 0.18,
    "head/": 0.28,
    "head/head-age": 0.0,  # follows the age
    "head/head-angle": 0.15,
    "head/head-back-scale-depth": 0.2,
    "head/head-fat": 0.22,
    "head/head-scale-horiz": 0.2,
    "head/head-scale-vert": 0.18,
    "head/head-trans": 0.1,
    "mouth/": 0.28,
    "mouth/mouth-laugh-lines": 0.18,
    "mouth/mouth-scale-horiz": 0.40,
    "mouth/mouth-trans-in": 0.0,
    "mouth/mouth-trans-out": 0.0,
    "neck/": 0.15,
    "neck/neck-trans": 0.0,
    "neck/neck-double": 0.1,
    "nose/": 0.33,
    "nose/nose-compression": 0.25,
    "nose/nose-scale-horiz": 0.45,
    "nose/nose-trans-in": 0.0,
    "nose/nose-trans-out": 0.0,
}
DIMORPHISM = {  # mean weight for women; for men half of it, the other way
    "chin/chin-bones-decr": 0.20,
    "chin/chin-width-decr": 0.22,
    "chin/chin-height-decr": 0.12,
    "cheek/l-cheek-bones-incr": 0.12,
    "eyebrows/eyebrows-trans-up": 0.15,
    "eyes/l-eye-scale-incr": 0.12,
    "head/head-fat-decr": 0.10,
    "mouth/mouth-lowerlip-volume-incr": 0.12,
    "mouth/mouth-upperlip-volume-incr": 0.12,
    "neck/neck-scale-horiz-decr": 0.15,
    "nose/nose-scale-vert-decr": 0.12,
    "nose/nose-volume-decr": 0.10,
}
FARTHEST = 1.8  # standard deviations
OUTLINES = ("diamond", "invertedtriangular", "oval", "rectangular", "round", "square", "triangular")
OUTLINE_SHARES = {"female": (0.4, 0.5, 0.7, 0.2, 0.5, 0.15, 0.15), "male": (0.3, 0.4, 0.5, 0.4, 0.3, 0.4, 0.2)}
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
    heavy = float(np.clip(generator.normal(0.0, 0.35), -0.8, 0.9))
    end = "maxweight" if heavy > 0 else "minweight"
    for when, part in ages.items():
        weights[f"macrodetails/universal-{sex}-{when}-averagemuscle-{end}"] = abs(heavy) * part
    return weights


def weights_drawn(sex: Sex, generator: np.random.Generator) -> dict[str, float]:
    """Targets of features, each side's nearly alike."""
    weights: dict[str, float] = {}
    for name in base().targets:
        spread = _spread(name)
        other = _opposite(name)
        if spread == 0 or (other is not None and other < name):
            continue
        value = spread * float(np.clip(generator.normal(), -FARTHEST, FARTHEST))
        typical = DIMORPHISM.get(name, 0.0) - DIMORPHISM.get(other or "", 0.0)
        value += typical if sex == "female" else -typical / 2
        weights |= _sided(name, other, value, generator)
    for outline, share in zip(OUTLINES, generator.dirichlet(OUTLINE_SHARES[sex]), strict=True):
        weights[f"head/head-{outline}"] = 0.4 * float(share)
    for name in base().targets:
        if name.startswith("asym/asym-") and name.endswith("-l"):
            side = name if generator.random() < 0.5 else name.removesuffix("l") + "r"
            weights[side] = 0.16 * float(min(abs(generator.normal()), FARTHEST))
    return weights


@cache
def _spread(name: str) -> float:
    if name.removeprefix("head/head-") in OUTLINES:
        return 0.0
    fitting = [beginning for beginning in SPREAD if name.startswith(beginning)]
    return SPREAD[max(fitting, key=len)] if fitting and "/r-" not in name else 0.0


def _sided(name: str, other: str | None, value: float, generator: np.random.Generator) -> dict[str, float]:
    chosen = name if value > 0 or other is None else other
    made = {chosen: abs(value)}
    if "/l-" in chosen:
        made[chosen.replace("/l-", "/r-")] = abs(value) * float(generator.normal(1, 0.1))
    return made


@cache
def _opposite(name: str) -> str | None:
    for one, other in OPPOSITES:
        for here, there in ((one, other), (other, one)):
            if name.endswith("-" + here) and name.removesuffix(here) + there in base().targets:
                return name.removesuffix(here) + there
    return None


def expression_drawn(generator: np.random.Generator) -> dict[str, float]:
    """Targets of a face at ease: neutral, or with a slight smile, raised or lowered brows, a firm mouth."""
    smile = float(generator.uniform(0.15, 0.6)) if generator.random() < 0.4 else 0.0
    brows = float(np.clip(generator.normal(0.05, 0.2), -0.25, 0.6))
    firm = float(generator.uniform(0.1, 0.5)) if generator.random() < 0.15 else 0.0
    narrow = float(np.clip(generator.normal(0.04, 0.08) + 0.2 * smile, 0, 0.3))
    weights = {
        "expression/mouth-corner-puller": smile,
        "expression/mouth-retraction": 0.4 * smile,
        "expression/mouth-compression": firm,
    }
    for side in ("left", "right"):
        weights[f"expression/eyebrows-{side}-{'up' if brows > 0 else 'down'}"] = abs(brows)
        weights[f"expression/eye-{side}-slit"] = narrow * float(generator.uniform(0.85, 1.15))
    return weights


def lids(gaze: float) -> dict[str, float]:
    """Targets of lids that follow eyes, which look up by so many degrees."""
    move = "closure" if gaze < 0 else "opened-up"
    return {f"expression/eye-{side}-{move}": min(abs(gaze) / 45, 0.6) for side in ("left", "right")}
