"""The skin of one person: colour, relief and gloss of the body, on the head's texture coordinates."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from factory.world.people import marks
from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.face_map import Grain, Map, face_map, grain, mottle, softened
from factory.world.people.pigments import colour, melanin_of
from factory.world.scene import Floats, Material

# Darkest and lightest ITA, degrees, of each ancestry of MakeHuman's; together they span every natural tone evenly.
TONES = ((-62.0, 12.0), (-8.0, 55.0), (14.0, 66.0))  # as Ancestry orders them


@dataclass(frozen=True)
class Skin:
    """What one person's skin is like; all but the pigments, the moles and the seed from 0 to 1.

    Args:
        melanin: Volume fraction of melanosomes in the epidermis.
        blood: Volume fraction of blood in the dermis.
        freckles: How many and how dark.
        moles: How many.
        blush: Redness of cheeks, nose and ears.
        stubble: Shadow of a shaved beard.
        lips: How much redder the lips are.
        oiliness: Gloss of the forehead, the nose and the chin.
        lines: Depth of the lines that come with age.
        circles: Darkness under the eyes.
        unevenness: Patches and blemishes.
        seed: Of where everything lies.
    """

    melanin: float
    blood: float
    freckles: float
    moles: int
    blush: float
    stubble: float
    lips: float
    oiliness: float
    lines: float
    circles: float
    unevenness: float
    seed: int

    @classmethod
    def drawn(cls, generator: np.random.Generator, age: float, sex: Sex, ancestry: Ancestry) -> Skin:
        """Skin of somebody of this age (years), sex and ancestry."""
        shares = np.array(ancestry)
        darkest, lightest = shares @ np.array(TONES)
        angle = float(generator.uniform(darkest, lightest))
        blood = float(0.014 + 0.016 * generator.beta(2, 3))
        fair = float(np.clip((angle - 25) / 35, 0, 1))
        freckled = generator.uniform() < 0.1 + 0.45 * fair * ancestry.caucasian
        beard = sex == "male" and generator.uniform() < 0.75
        stubble = float(generator.beta(1.6, 2.2)) * (1 - 0.55 * ancestry.asian) * beard
        return cls(
            melanin=melanin_of(angle, blood),
            blood=blood,
            freckles=float(generator.beta(1.2, 2.5) if freckled else 0.0),
            moles=int(generator.poisson(2 + 4 * ancestry.caucasian + age / 25)),
            blush=float(generator.beta(2, 3)),
            stubble=stubble,
            lips=float(generator.beta(2.5, 2) * (1.0 if sex == "female" else 0.75)),
            oiliness=float(generator.beta(2, 2.5) * (1 - age / 160)),
            lines=float(np.clip((age - 22) / 55, 0, 1) ** 1.2 * generator.uniform(0.7, 1.15)),
            circles=float(np.clip(generator.beta(1.8, 3) + (age - 30) / 150, 0, 1)),
            unevenness=float(np.clip(generator.beta(2, 3) + (age - 35) / 140, 0, 1)),
            seed=int(generator.integers(2**31)),
        )


def skin(skin: Skin, side: int) -> Material:
    """The material of a head's part BODY, as images of so many texels a side."""
    generator = np.random.default_rng([skin.seed, 3])
    where, shared = face_map(side), _shifted(grain(side), generator, side)
    lines, folds = marks.fine_lines(generator, side, skin.lines), marks.folds(generator, side, skin.lines)
    moles = marks.spots(generator, side, skin.moles, (0.0012, 0.0042), (0.5, 0.65, 0.2, 0.17))
    beard = _beard(where) * skin.stubble
    return Material(
        colour=_colour(skin, where, shared, generator, lines, folds, moles, beard),
        roughness=_roughness(skin, where, shared),
        specular=0.35,
        sheen=0.1,
        height=_height(skin, where, shared, lines, folds, moles, beard),
    )


def _colour(
    skin: Skin,
    where: Map,
    shared: Grain,
    generator: np.random.Generator,
    lines: Floats,
    folds: Floats,
    moles: Floats,
    beard: Floats,
) -> Floats:
    side = len(where.lips)
    broad, patches, specks = (mottle(where.places, size, generator) for size in (0.022, 0.007, 0.003))
    redness = mottle(where.places, 0.011, generator)
    uneven = 0.4 + 0.8 * skin.unevenness
    bare = 1 - where.lips
    under_eyes = where.blob((0.030, -0.013, 0.012), (0.017, 0.0085, 0.02))
    lids = where.blob((0.0315, 0.004, 0.015), (0.019, 0.009, 0.02))
    brows = where.blob((0.034, 0.0165, 0.017), (0.016, 0.0045, 0.03))

    shade = uneven * (0.035 * broad + 0.03 * patches + 0.03 * specks) + 0.03 * shared.soft + 0.035 * shared.fine
    shade += (0.15 + 0.55 * skin.circles) * (under_eyes + 0.6 * lids) + 0.12 * brows + 0.15 * lines + 0.1 * folds
    shade += 0.1 * where.blob((0.0, 0.045, 0.02), (0.06, 0.03, 0.05))  # the sun falls on the forehead
    melanin = skin.melanin * np.exp(shade * bare)
    melanin *= 1 - where.lips * (0.1 + 0.2 * (where.places[..., 1] < -0.0675))
    melanin += _freckles(skin, generator, side) * bare + moles * (0.12 + 0.5 * skin.melanin) * bare

    blood = skin.blood * np.exp(uneven * (0.13 * redness + 0.09 * patches + 0.08 * specks) + 0.08 * shared.soft)
    blood *= 1 + _flush(skin, where) + 0.7 * lids + (0.4 + 0.6 * skin.circles) * under_eyes
    blood += where.lips * (0.022 + 0.04 * skin.lips) * (1 + 0.1 * shared.creases)
    blood += 0.06 * where.mouth + 0.02 * _rims(where) + _blemishes(skin, generator, side) * bare
    image = colour(melanin.astype(np.float32), blood.astype(np.float32))
    return image * _shadows(where, shared, beard)


def _flush(skin: Skin, where: Map) -> Floats:
    """Where a face is redder, in times of its blood."""
    cheeks = where.blob((0.043, -0.036, 0.012), (0.021, 0.017, 0.03))
    nose = where.blob((0.0, -0.036, 0.04), (0.015, 0.016, 0.02))
    ears = where.blob((0.078, -0.012, -0.078), (0.014, 0.035, 0.03))
    chin = where.blob((0.0, -0.098, 0.022), (0.02, 0.013, 0.03))
    forehead = where.blob((0.0, 0.045, 0.02), (0.05, 0.025, 0.05))
    return (
        (0.35 + 1.3 * skin.blush) * (cheeks + 0.9 * nose + 0.35 * chin) + (0.5 + skin.blush) * ears - 0.25 * forehead
    )


def _rims(where: Map) -> Floats:
    """The moist pink edges of the lids."""
    hole = np.zeros(where.covered.shape, np.float32)
    side = len(hole)
    rows, columns = slice(int(0.51 * side), int(0.60 * side)), slice(int(0.3 * side), int(0.7 * side))
    hole[rows, columns] = ~where.covered[rows, columns]
    return np.clip(2 * softened(hole, 3.0 * side / 1024), 0, 1)


def _freckles(skin: Skin, generator: np.random.Generator, side: int) -> Floats:
    """Melanin of freckles about the nose and the cheeks, and a few everywhere."""
    if skin.freckles == 0:
        return np.zeros((side, side), np.float32)
    near = marks.spots(generator, side, int(500 * skin.freckles), (0.0008, 0.0026), (0.5, 0.635, 0.11, 0.04))
    far = marks.spots(generator, side, int(350 * skin.freckles), (0.0008, 0.0030), (0.5, 0.62, 0.19, 0.15))
    return (0.05 + 0.05 * skin.freckles) * np.maximum(near, far)


def _blemishes(skin: Skin, generator: np.random.Generator, side: int) -> Floats:
    """Blood of pimples and small scars."""
    number = int(generator.poisson(9 * skin.unevenness * (0.4 + skin.oiliness)))
    return 0.022 * marks.spots(generator, side, number, (0.0015, 0.0045), (0.5, 0.68, 0.15, 0.15))


def _beard(where: Map) -> Floats:
    """Where a beard grows: lip, chin, jaw and the top of the neck."""
    x, y, z = np.abs(where.places[..., 0]), where.places[..., 1], where.places[..., 2]
    cheek_line = -0.058 + 0.75 * np.clip(x - 0.030, 0, 1)
    below = _step(cheek_line - y, 0.012)
    lip = where.blob((0.012, -0.054, 0.034), (0.018, 0.006, 0.02))
    bare = 1 - np.clip(where.lips * 1.5, 0, 1)
    jaw = below * _step(y + 0.138, 0.02) * _step(z + 0.078, 0.02)
    return np.clip(np.maximum(jaw, 1.1 * lip), 0, 1) * bare * (1 - where.mouth)


def _shadows(where: Map, shared: Grain, beard: Floats) -> Floats:
    """What takes light away without being skin: bristles below the surface, the nostrils."""
    bristles = beard * (0.30 + 0.9 * shared.bristles)
    shadow = 1 - np.clip(bristles, 0, 0.8)[..., None] * np.array((1.0, 0.94, 0.84), np.float32)
    nostrils = where.blob((0.0085, -0.0400, 0.0265), (0.0035, 0.004, 0.005))
    return np.asarray(shadow * (1 - 0.6 * nostrils[..., None]), np.float32)


def _roughness(skin: Skin, where: Map, shared: Grain) -> Floats:
    zone = where.blob((0.0, 0.04, 0.03), (0.035, 0.03, 0.05)) + where.blob((0.0, -0.02, 0.04), (0.016, 0.035, 0.03))
    zone += 0.6 * where.blob((0.0, -0.1, 0.022), (0.018, 0.012, 0.03))
    image = 0.54 - (0.04 + 0.17 * skin.oiliness) * np.clip(zone, 0, 1) - 0.06 * skin.oiliness
    image += 0.025 * shared.soft + 0.03 * shared.fine
    image -= 0.16 * where.lips + 0.3 * _rims(where) + 0.2 * where.mouth
    return np.clip(image, 0.15, 0.8).astype(np.float32)


def _height(
    skin: Skin, where: Map, shared: Grain, lines: Floats, folds: Floats, moles: Floats, beard: Floats
) -> Floats:
    """Metres."""
    nose = where.blob((0.0, -0.032, 0.04), (0.020, 0.018, 0.03))
    cheeks = where.blob((0.035, -0.03, 0.02), (0.022, 0.02, 0.03))
    bare = 1 - where.lips
    pores = 3e-5 + 4e-5 * (nose + 0.7 * cheeks) * (0.5 + skin.oiliness)
    image = bare * (pores * shared.pores + 4e-6 * shared.fine + (6e-6 + 1.2e-5 * skin.lines) * shared.soft)
    image += -3.0e-4 * lines - 6e-4 * folds * (0.3 + 0.7 * skin.lines) + 2.5e-4 * moles
    image += where.lips * 4e-5 * shared.creases + 2e-5 * beard * shared.bristles
    return image.astype(np.float32)


def _step(value: Floats, width: float) -> Floats:
    """0 to 1 as the value passes 0, over about this width."""
    return np.asarray(1 / (1 + np.exp(-np.clip(4 * value / width, -30, 30))), np.float32)


def _shifted(shared: Grain, generator: np.random.Generator, side: int) -> Grain:
    """The same patterns elsewhere: what one person's grain shares with another's is then not its place."""
    by = tuple(int(step) for step in generator.integers(0, side, 2))
    return Grain(*(np.roll(getattr(shared, field.name), by, (0, 1)) for field in fields(shared)))
