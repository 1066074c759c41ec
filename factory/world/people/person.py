"""A person and a moment of them: everything that decides how they look, drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.dress import Dress
from factory.world.people.eyes import Eyes
from factory.world.people.hair import Hair
from factory.world.people.shape import expression_drawn, macro_weights, weights_drawn
from factory.world.people.skin import Skin
from factory.world.people.spectacles import Spectacles

YOUNGEST, OLDEST = 18.0, 80.0
WORD = 2**64
STEPS = tuple(round(WORD * 1.1673039782614187**-power) | 1 for power in (1, 2, 3, 4))  # Roberts' R4 sequence
TONES = (-52.0, -30.0, 10.0, 28.0, 41.0, 60.0)  # individual typology angle, degrees: dark, brown, tan, between, light
ANCESTRIES = (  # of a class's people: African, Asian, Caucasian; each is about a third of all
    (1.0, 0.0, 0.0),
    (0.70, 0.18, 0.12),
    (0.10, 0.50, 0.40),
    (0.0, 0.50, 0.50),
    (0.0, 0.35, 0.65),
)


@dataclass(frozen=True)
class Person:
    """Somebody, without the moment.

    Args:
        seed: What they are drawn from.
        sex: As the targets have it.
        age: Years, 18 to 80.
        ancestry: Shares of it.
        weights: Of the targets that shape the head at rest.
        skin: Its colours and marks.
        hair: Scalp hair, brows, lashes and beard.
        eyes: Their colours.
        dress: Clothes.
        spectacles: Frames and glasses, or none.
    """

    seed: int
    sex: Sex
    age: float
    ancestry: Ancestry
    weights: Mapping[str, float]
    skin: Skin
    hair: Hair
    eyes: Eyes
    dress: Dress
    spectacles: Spectacles | None

    @classmethod
    def from_seed(cls, seed: int) -> Person:
        """Any run of successive seeds is spread evenly over five classes of skin tone, ancestry, age and sex."""
        tone, years, half, family = (((seed + 1) * step % WORD) / WORD for step in STEPS)
        generator = np.random.default_rng([seed, 0])
        sex: Sex = "female" if half < 0.5 else "male"
        age = YOUNGEST + (OLDEST - YOUNGEST) * years
        ancestry = _ancestry(tone, family, generator)
        weights = macro_weights(sex, age, ancestry, generator) | weights_drawn(sex, generator)
        return cls(
            seed=seed,
            sex=sex,
            age=age,
            ancestry=ancestry,
            weights=weights,
            skin=Skin.drawn(generator, age, sex, ancestry, angle=float(np.interp(tone * 5, range(6), TONES))),
            hair=Hair.drawn(generator, age, sex, ancestry),
            eyes=Eyes.drawn(generator, age, ancestry),
            dress=Dress.drawn(generator),
            spectacles=Spectacles.drawn(generator, age),
        )


@dataclass(frozen=True)
class Moment:
    """What changes from picture to picture of one person.

    Args:
        expression: Weights of expression targets.
        gaze: Degrees that the eyes turn to the person's left and up, relative to the head.
        yaw: Degrees that the head turns to the person's left.
        pitch: Degrees that it looks up.
        roll: Degrees that it leans to the person's left shoulder.
    """

    expression: Mapping[str, float]
    gaze: tuple[float, float]
    yaw: float
    pitch: float
    roll: float

    @classmethod
    def still(cls) -> Moment:
        """A neutral face that looks straight ahead."""
        return cls({}, (0.0, 0.0), 0.0, 0.0, 0.0)

    @classmethod
    def from_seed(cls, seed: int) -> Moment:
        """A face near the camera's axis: a slight smile, a glance, a few degrees of turn."""
        generator = np.random.default_rng([seed, 1])
        yaw, pitch, roll = (float(value) for value in generator.normal(0, (7, 4, 2.5)).clip(-16, 16))
        glance = generator.normal(0, (3.0, 1.5))
        gaze = (float(glance[0]) - 0.8 * yaw, float(glance[1]) - 0.8 * pitch)  # most look at the camera
        return cls(expression_drawn(generator), gaze, yaw, pitch, roll)


def _ancestry(tone: float, family: float, generator: np.random.Generator) -> Ancestry:
    """One main ancestry, often mixed with others."""
    main = int(np.searchsorted(np.cumsum(ANCESTRIES[min(int(tone * 5), 4)]), family, side="right"))
    shares = generator.dirichlet((0.5, 0.5, 0.5)) * 0.35
    shares[min(main, 2)] += 0.65
    african, asian, caucasian = (float(share) for share in shares / shares.sum())
    return Ancestry(african, asian, caucasian)
