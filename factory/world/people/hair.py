"""Hair of the head: what somebody's looks like, and its strands on a head."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.beard import Beard, beard_density, beard_strands
from factory.world.people.brows import Brows, brow_strands, lash_strands
from factory.world.people.envelope import Envelope, envelope
from factory.world.people.head import BODY, surface
from factory.world.people.roots import skin_normals, sprinkled
from factory.world.people.scalp import picture, scalp
from factory.world.people.scarf import scarf
from factory.world.people.styles import CUTS, strands
from factory.world.people.tied import KNOTS, drawn_back, hanging
from factory.world.scene import Colour, Floats, Material, Mesh, Strands

BALD, SCARF = "bald", "scarf"
STYLES = (BALD, SCARF, *CUTS, *KNOTS)
WHITE: Colour = (0.60, 0.58, 0.55)
EUMELANIN, PHEOMELANIN = np.array([0.419, 0.697, 1.37]), np.array([0.187, 0.4, 1.05])
DARKENING = 2.6  # of the square root of absorption: what many scatterings in a mass of hair leave
SHADES = ((0.7, -0.6), (0.9, 0.6), (1.1, -0.2), (1.35, 0.2))  # of the pigments' colour; how much whiter than most


@dataclass(frozen=True)
class Hair:
    """Somebody's hair.

    Args:
        style: One of STYLES.
        eumelanin: Brown and black pigment: 0.2 is blond, 1.3 brown, 8 black.
        pheomelanin: Red pigment.
        grey: Share of hairs without pigment.
        receding: Of the hairline, 0 to 1.
        thinning: Of the crown, 0 to 1.
        peak: Metres of a widow's peak.
        parting: Metres of the parting to the person's left.
        length: Times the style's.
        volume: Times the style's.
        curl: Times the style's.
        brows: Brows and lashes.
        beard: None is shaved; stubble is the skin's.
        cloth: A head scarf's colour.
        seed: Of every hair.
    """

    style: str
    eumelanin: float
    pheomelanin: float
    grey: float
    receding: float
    thinning: float
    peak: float
    parting: float
    length: float
    volume: float
    curl: float
    brows: Brows
    beard: Beard | None
    cloth: Colour
    seed: int

    @classmethod
    def drawn(cls, generator: np.random.Generator, age: float, sex: Sex, ancestry: Ancestry) -> Hair:
        """Hair of somebody of this age (years), sex and ancestry."""
        eumelanin, pheomelanin = _pigment(generator, sex, ancestry)
        old = float(np.clip((age - 25) / 50, 0, 1))
        loss = float(generator.beta(1.3, 2.0)) * old if sex == "male" else 0.12 * float(generator.beta(1, 3)) * old
        dyed = sex == "female" and generator.uniform() < 0.5
        grey = float(np.clip(1 / (1 + np.exp(-(age - generator.normal(55, 7)) / 5)), 0, 1))
        bearded = sex == "male" and generator.uniform() < 0.4
        return cls(
            style=_style(generator, age, sex, ancestry, loss),
            eumelanin=eumelanin,
            pheomelanin=pheomelanin,
            grey=0.1 * grey if dyed else grey,
            receding=min(1.5 * loss, 1.0),
            thinning=float(np.clip(3 * loss - 0.8, 0, 1)),
            peak=float(generator.uniform(0, 0.006)),
            parting=float(generator.choice([-1, 1]) * generator.uniform(0.0, 0.035)),
            length=float(generator.uniform(0.8, 1.15)),
            volume=float(generator.uniform(0.7, 1.3)),
            curl=float(generator.uniform(0.7, 1.3)),
            brows=Brows.drawn(generator, age, sex, ancestry),
            beard=Beard.drawn(generator, ancestry) if bearded else None,
            cloth=_cloth(generator),
            seed=int(generator.integers(2**31)),
        )


def hair(hair: Hair, points: Floats) -> tuple[Mesh | Strands, ...]:
    """The hair's bodies on a head.

    Args:
        hair: What it looks like.
        points: V, 3: the head's points, not turned.
    """
    generator = np.random.default_rng(hair.seed)
    around = envelope(points)
    bodies: list[Mesh | Strands] = []
    film = _film(hair)
    if film is not None:
        bodies.append(_under(hair, points, film))
    if hair.style == SCARF:
        bodies.append(scarf(around, hair.cloth, generator))
    elif hair.style != BALD:
        bodies += _scalp_hair(hair, points, around, generator)
    darker = replace(hair, eumelanin=1.3 * hair.eumelanin + 0.5, grey=0.45 * hair.grey**2)
    bodies += _coloured(darker, brow_strands(hair.brows, points, generator), 0.0001, 0.4, generator)
    lashes = lash_strands(hair.brows, points, generator)
    bodies += [Strands(lashes, _tapered(lashes, 0.00009, 0.3), _fibre((0.012, 0.009, 0.008)))]
    if hair.beard is not None:
        whiskers = beard_strands(hair.beard, points, generator)
        bearded = replace(hair, eumelanin=1.1 * hair.eumelanin, pheomelanin=hair.pheomelanin + 0.2)
        bodies += _coloured(bearded, whiskers, 0.00011, 0.5, generator)
    return tuple(bodies)


def colour(eumelanin: float, pheomelanin: float) -> Colour:
    """Linear reflectance of hair with these pigments (d'Eon et al., 2011), as a mass of it shows."""
    absorbed = eumelanin * EUMELANIN + pheomelanin * PHEOMELANIN
    red, green, blue = (0.004 + 0.75 * np.exp(-DARKENING * np.sqrt(absorbed))).tolist()
    return red, green, blue


def _scalp_hair(hair: Hair, points: Floats, around: Envelope, generator: np.random.Generator) -> list[Mesh | Strands]:
    grows = scalp(hair.receding, hair.thinning, hair.peak, hair.seed)
    bodies: list[Mesh | Strands] = []
    if hair.style in KNOTS:
        knot = KNOTS[hair.style]
        over = drawn_back(knot, sprinkled(grows, 5000, generator), points, around, generator)
        bodies += _coloured(hair, over, 0.00028, 0.9, generator)
        return bodies + _coloured(hair, hanging(knot, around, 1500, generator), 0.00033, 0.6, generator)
    cut = CUTS[hair.style]
    level = None if cut.level is None else cut.level * (0.6 + 0.4 * hair.length)
    cut = replace(
        cut,
        top=cut.top * hair.length,
        side=cut.side * hair.length,
        level=level,
        volume=cut.volume * hair.volume,
        curl=cut.curl * hair.curl,
    )
    grown = strands(cut, sprinkled(grows, cut.strands, generator), points, around, hair.parting, generator)
    return bodies + _coloured(hair, grown, cut.radius, 0.5, generator)


def _film(hair: Hair) -> Floats | None:
    """How densely hair's shade covers the skin below it, over the texture; None is nowhere."""
    films = []
    if hair.style not in (BALD, SCARF):
        films.append(0.9 * picture(scalp(hair.receding, hair.thinning, hair.peak, hair.seed)))
    if hair.beard is not None:
        films.append(0.6 * picture(beard_density(hair.beard.kind)))
    return np.asarray(np.max(films, axis=0) * (1 - 0.2 * hair.grey), np.float32) if films else None


def _under(hair: Hair, points: Floats, film: Floats) -> Mesh:
    """A film of the hair's colour on the skin: what shows between strands is hair's shade."""
    lifted = np.asarray(points + 0.0005 * skin_normals(points), np.float32)
    plain = colour(1.2 * hair.eumelanin + 0.2, hair.pheomelanin)
    red, green, blue = (
        0.8 * tint * (1 - hair.grey) + 0.4 * white * hair.grey for tint, white in zip(plain, WHITE, strict=True)
    )
    dark = (red, green, blue)
    whole = surface(lifted, BODY, Material(colour=dark, roughness=0.8, specular=0.05))
    rows = ((1 - whole.uv[:, 1]) * len(film)).astype(np.int64).clip(0, len(film) - 1)
    columns = (whole.uv[:, 0] * len(film)).astype(np.int64).clip(0, len(film) - 1)
    spread = film > 0
    for axis in (0, 1):
        spread = spread | np.roll(spread, 3, axis) | np.roll(spread, -3, axis)
    kept = spread[rows, columns][whole.triangles].any(axis=1)
    return replace(whole, triangles=whole.triangles[kept], material=replace(whole.material, opacity=film))


def _coloured(
    hair: Hair, paths: Floats, radius: float, tip: float, generator: np.random.Generator
) -> list[Mesh | Strands]:
    """Strands in a few shades; each stands for several hairs, so grey ones lighten it by about their share."""
    plain = colour(hair.eumelanin, hair.pheomelanin)
    uneven = 1.2 * hair.grey * (1 - hair.grey)
    group = generator.integers(len(SHADES), size=len(paths))
    bodies: list[Mesh | Strands] = []
    for number, (shade, whiter) in enumerate(SHADES):
        grey = float(np.clip(hair.grey + whiter * uneven, 0, 1))
        red, green, blue = (
            float(shade * tint * (1 - grey) + white * grey) for tint, white in zip(plain, WHITE, strict=True)
        )
        some = paths[group == number]
        if len(some):
            bodies.append(Strands(some, _tapered(some, radius, tip), _fibre((red, green, blue))))
    return bodies


def _tapered(paths: Floats, radius: float, tip: float) -> Floats:
    taper = 1 - (1 - tip) * np.linspace(0, 1, paths.shape[1]) ** 1.5
    return np.asarray(np.repeat(radius * taper[None], len(paths), axis=0), np.float32)


def _fibre(tint: Colour) -> Material:
    red, green, blue = (min(value, 0.85) for value in tint)
    return Material(colour=(red, green, blue), roughness=0.38, specular=0.5)


def _pigment(generator: np.random.Generator, sex: Sex, ancestry: Ancestry) -> tuple[float, float]:
    """Eumelanin and pheomelanin."""
    dark = generator.uniform(4, 8)
    fair = float(np.exp(generator.uniform(np.log(0.2), np.log(4.5))))
    red = generator.uniform() < 0.07
    share = float(ancestry.caucasian**2)
    if generator.uniform() > share:
        return float(dark), float(generator.uniform(0.1, 0.6))
    if red:
        return float(generator.uniform(0.1, 0.6)), float(generator.uniform(1.2, 2.4))
    return fair, float(generator.uniform(0.05, 0.45))


def _style(generator: np.random.Generator, age: float, sex: Sex, ancestry: Ancestry, loss: float) -> str:
    curly = ancestry.african
    if sex == "female":
        shares = {
            BALD: 0.01,
            SCARF: 0.09,
            "buzz": 0.02 + 0.06 * curly,
            "messy": 0.06,
            "parted": 0.05,
            "curly": 0.06 + 0.12 * curly,
            "afro": 0.25 * curly,
            "bob": 0.2,
            "straight": 0.14 - 0.06 * curly,
            "wavy": 0.13 - 0.03 * curly,
            "bun": 0.08,
            "ponytail": 0.12,
            "topknot": 0.09,
        }
    else:
        shares = {
            BALD: 0.06 + 0.8 * max(loss - 0.35, 0),
            SCARF: 0.0,
            "buzz": 0.18 + 0.15 * curly,
            "messy": 0.2 * (1 - curly),
            "parted": 0.22 * (1 - curly),
            "swept": 0.14 * (1 - curly),
            "curly": 0.08 + 0.12 * curly,
            "afro": 0.25 * curly,
            "wavy": 0.03,
            "topknot": 0.03,
        }
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[int(generator.choice(len(names), p=weights / weights.sum()))]


def _cloth(generator: np.random.Generator) -> Colour:
    """A scarf's colour: dark, white, or muted."""
    light = float(generator.choice([0.03, 0.12, 0.35, 0.65]))
    red, green, blue = (light * generator.uniform(0.7, 1.15, 3)).clip(0, 0.8).tolist()
    return red, green, blue
