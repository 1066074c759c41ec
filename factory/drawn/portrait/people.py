"""The drawn people, and the variation from one picture to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from difffas.errors import UserError

# All colours are sRGB 0..255. Skin from fair to deep: a subject's tone lies between two neighbours.
SKIN = ((246, 214, 194), (232, 188, 158), (211, 158, 122), (172, 118, 84), (126, 82, 57), (84, 53, 38))
HAIR = {
    "black": (22, 19, 19),
    "dark": (44, 32, 26),
    "brown": (82, 56, 38),
    "auburn": (104, 52, 30),
    "red": (150, 78, 38),
    "fair": (156, 120, 78),
    "blond": (196, 164, 112),
    "grey": (142, 138, 134),
    "white": (206, 202, 196),
}
IRIS = {
    "dark": (46, 28, 18),
    "brown": (88, 54, 28),
    "hazel": (116, 90, 46),
    "green": (88, 110, 76),
    "blue": (84, 120, 154),
    "grey": (114, 126, 134),
}
CLOTHES = (
    (40, 48, 66), (120, 36, 40), (226, 224, 218), (52, 88, 70), (30, 30, 32),
    (96, 110, 140), (170, 150, 120), (64, 52, 84), (190, 120, 60), (150, 160, 170),
)  # fmt: skip


@dataclass(frozen=True)
class Cut:
    """A hairstyle; lengths in units of the face (half the width of the cheekbones)."""

    above: float  # thickness over the head
    beside: float  # thickness beside it
    ends: float  # v where the sides end: 0.1 over the ear, 1.7 at the chin
    line: float  # v of the hairline on the forehead
    curl: float  # 0 straight .. 1 tight


CUTS = {
    "bald": Cut(0.0, 0.0, 0.0, -9.0, 0.0),
    "buzz": Cut(0.04, 0.015, 0.1, -0.86, 0.1),
    "short": Cut(0.16, 0.05, 0.15, -0.84, 0.2),
    "swept": Cut(0.24, 0.06, 0.2, -0.88, 0.3),
    "curly": Cut(0.28, 0.14, 0.3, -0.8, 0.8),
    "afro": Cut(0.4, 0.34, 0.75, -0.85, 1.0),
    "fringe": Cut(0.2, 0.1, 0.3, -0.55, 0.2),
    "tied": Cut(0.12, 0.03, 0.1, -0.9, 0.1),
    "bob": Cut(0.2, 0.17, 1.25, -0.88, 0.2),
    "bob with fringe": Cut(0.2, 0.17, 1.25, -0.5, 0.2),
    "long": Cut(0.18, 0.14, 3.0, -0.9, 0.15),
    "wavy": Cut(0.24, 0.22, 3.0, -0.88, 0.6),
}
_SHORT_CUTS = ("bald", "buzz", "short", "short", "swept", "swept", "curly", "afro", "fringe")
_LONG_CUTS = ("short", "curly", "afro", "tied", "tied", "bob", "bob with fringe", "long", "long", "wavy", "wavy")


def _choice(rng: np.random.Generator, weights: dict[str, float]) -> str:
    return list(weights)[int(np.searchsorted(np.cumsum(list(weights.values())), rng.random() * sum(weights.values())))]


@dataclass(frozen=True)
class Subject:
    """A person's constant traits. Fields without a stated range are deviations from the mean face, about -2 to 2."""

    seed: int
    skin: float  # 0 fair .. 1 deep
    age: float  # 0 about 20 years .. 1 about 75
    strong: float  # 0 soft .. 1 strong features
    jaw: float
    chin: float
    length: float
    eye_spacing: float
    eye_size: float
    eye_tilt: float
    eyelid: float
    brow_height: float
    brow_weight: float
    brow_arch: float
    nose_width: float
    nose_length: float
    nose_bridge: float
    mouth_width: float
    lips: float
    ears: float
    hairline: float
    parting: float  # -1 left .. 1 right
    iris: str
    hair: str
    cut: str
    beard: float  # 0 shaved .. 1 full
    moustache: float  # 0..1
    freckles: float  # 0..1
    lipstick: float  # 0..1
    clothes: tuple[int, int, int]
    collar: float  # 0 high .. 1 wide

    @classmethod
    def from_seed(cls, seed: int) -> Subject:
        """The subject of a seed (0 or more). Skin tone is uniform; shape is independent of it."""
        if seed < 0:
            raise UserError(f"subject seed {seed} is negative: give 0 or more")
        rng = np.random.default_rng([seed, 1])
        n = [float(x) for x in np.clip(rng.standard_normal(18), -2, 2)]
        skin, age = float(rng.random()), float(rng.random() ** 1.3)
        strong = float(np.clip(rng.choice([0.05, 0.95]) + 0.1 * n[17], 0, 1))
        fair, masculine = skin < 0.3, strong > 0.5
        hair = _choice(
            rng,
            {"black": 1, "dark": 2, "brown": 3, "auburn": 1, "red": 0.8, "fair": 2, "blond": 2}
            if fair
            else {"black": 4, "dark": 3, "brown": 1.2, "auburn": 0.2},
        )
        if rng.random() < 1.6 * age - 0.7:
            hair = _choice(rng, {"grey": 2, "white": 1})
        iris = _choice(
            rng,
            {"dark": 1, "brown": 2, "hazel": 2, "green": 1.5, "blue": 3, "grey": 1}
            if fair
            else {"dark": 5, "brown": 4, "hazel": 0.7, "green": 0.2},
        )
        cut = str(rng.choice(_SHORT_CUTS if masculine else _LONG_CUTS))
        if cut == "afro" and skin < 0.45:
            cut = "curly"
        beard = float(rng.choice([0.0, 0.0, 0.3, 0.5, 0.8, 1.0])) * masculine
        moustache = float(rng.random() < 0.15) * masculine
        red, green, blue = CLOTHES[int(rng.integers(len(CLOTHES)))]
        return cls(
            seed, skin, age, strong, jaw=n[0] + strong - 0.5, chin=n[1], length=n[2], eye_spacing=n[3],
            eye_size=n[4] + 0.5 - strong, eye_tilt=n[5], eyelid=n[6], brow_height=n[7],
            brow_weight=n[8] + 1.4 * strong - 0.7, brow_arch=n[9],
            nose_width=n[10], nose_length=n[11], nose_bridge=n[12], mouth_width=n[13], lips=n[14],
            ears=n[15], hairline=n[16], parting=float(rng.uniform(-0.8, 0.8)), iris=iris, hair=hair, cut=cut,
            beard=beard, moustache=max(moustache, beard), freckles=float(rng.random() ** 2) * (skin < 0.35),
            lipstick=float(rng.random() ** 2) * (not masculine), clothes=(red, green, blue),
            collar=float(rng.random()),
        )  # fmt: skip


@dataclass(frozen=True)
class Capture:
    """The traits that vary between pictures of a subject. Angles in degrees, light in linear units."""

    seed: int  # background, folds of the clothes, grain
    yaw: float = 0.0  # within 20
    pitch: float = 0.0  # within 15
    roll: float = 0.0
    zoom: float = 0.5  # unit of the face in half widths of the picture
    shift: tuple[float, float] = (0.0, 0.0)  # right and down, in half widths of the picture
    smile: float = 0.2  # -0.3 .. 1
    mouth_open: float = 0.0  # 0..1
    blink: float = 0.0  # 0 open .. 1 closed
    gaze: tuple[float, float] = (0.0, 0.0)  # right and down, within 1
    light: tuple[float, float] = (-35.0, 35.0)  # azimuth (negative from the left) and elevation of the key light
    key: float = 1.0
    ambient: float = 0.45
    warmth: float = 0.0  # -1 bluish .. 1 yellowish

    @classmethod
    def from_seed(cls, seed: int) -> Capture:
        """A natural capture: a face within about 15 degrees of frontal, lit from one side of the camera."""
        if seed < 0:
            raise UserError(f"capture seed {seed} is negative: give 0 or more")
        rng = np.random.default_rng([seed, 2])
        n = [float(x) for x in np.clip(rng.standard_normal(8), -2, 2)]
        return cls(
            seed, yaw=7 * n[0], pitch=4 * n[1], roll=2.5 * n[2], zoom=float(rng.uniform(0.48, 0.53)),
            shift=(0.015 * n[3], 0.015 * n[4]), smile=float(rng.uniform(0, 1)),
            mouth_open=float(max(rng.uniform(-1, 0.8), 0)), blink=float(rng.uniform(0, 0.2)),
            gaze=(0.15 * n[5], 0.1 * n[6]),
            light=(float(rng.uniform(15, 55) * rng.choice([-1, 1])), float(rng.uniform(15, 50))),
            key=float(rng.uniform(0.9, 1.4)), ambient=float(rng.uniform(0.2, 0.5)), warmth=0.4 * n[7],
        )  # fmt: skip
