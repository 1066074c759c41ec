"""The skin of one person: colour, relief and gloss of the body, on the head's texture coordinates."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from factory.world.people import marks
from factory.world.people.ancestry import Ancestry, Sex
from factory.world.people.face_map import Grain, Map, face_map, grain, mottle
from factory.world.people.pigments import colour, melanin_of
from factory.world.people.zones import Zones, zones
from factory.world.scene import Floats, Material


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
    def drawn(cls, generator: np.random.Generator, age: float, sex: Sex, ancestry: Ancestry, angle: float) -> Skin:
        """Skin of somebody of this age (years), sex, ancestry and typology angle (ITA, degrees)."""
        blood = float((0.014 - 0.005 * np.clip(angle / 60, 0, 1)) + 0.016 * generator.beta(2, 3))
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
    face = _Face(skin, face_map(side), zones(side), _shifted(grain(side), generator, side), generator)
    lines, folds = marks.fine_lines(generator, side, skin.lines), marks.folds(generator, side, skin.lines)
    moles = marks.spots(generator, side, skin.moles, (0.0012, 0.0042), (0.5, 0.65, 0.2, 0.17))
    return Material(
        colour=_colour(face, lines, folds, moles),
        roughness=_roughness(face),
        specular=0.35,
        clearcoat=0.08 + 0.3 * skin.oiliness,  # the sharper of the two lobes of skin
        clearcoat_gloss=0.0,
        sheen=0.1,
        height=_height(face, lines, folds, moles),
    )


@dataclass(frozen=True)
class _Face:
    skin: Skin
    where: Map
    zones: Zones
    grain: Grain
    generator: np.random.Generator


def _colour(face: _Face, lines: Floats, folds: Floats, moles: Floats) -> Floats:
    skin, where, zones, generator = face.skin, face.where, face.zones, face.generator
    broad, patches, specks, redness = (mottle(where.places, size, generator) for size in (0.022, 0.007, 0.003, 0.011))
    uneven = 0.35 + 0.65 * skin.unevenness
    bare = 1 - where.lips

    shade = (
        uneven * (0.025 * broad + 0.025 * patches + 0.03 * specks) + 0.03 * face.grain.soft + 0.035 * face.grain.fine
    )
    shade += (0.15 + 0.55 * skin.circles) * (zones.under_eyes + 0.6 * zones.lids) + 0.12 * zones.brows
    shade += 0.15 * lines + 0.1 * folds + 0.1 * zones.forehead  # the sun falls on the forehead
    melanin = skin.melanin * np.exp(shade * bare) * (1 - 0.1 * where.lips - 0.2 * zones.lower_lip)
    melanin += _freckles(skin, generator, len(bare)) * bare + moles * (0.12 + 0.5 * skin.melanin) * bare

    blood = skin.blood * np.exp(uneven * (0.13 * redness + 0.09 * patches + 0.08 * specks) + 0.08 * face.grain.soft)
    warm = (0.35 + 1.3 * skin.blush) * (zones.cheeks + 0.6 * zones.nose + 0.3 * zones.chin)
    warm += (0.5 + skin.blush) * zones.ears - 0.25 * zones.forehead
    blood *= 1 + warm + 0.7 * zones.lids + (0.4 + 0.6 * skin.circles) * zones.under_eyes
    blood += where.lips * (0.025 + 0.06 * skin.lips) * (1 + 0.1 * face.grain.creases)
    blood += 0.06 * where.mouth + 0.02 * zones.rims + _blemishes(skin, generator, len(bare)) * bare
    image = colour(np.asarray(melanin, np.float32), np.asarray(blood, np.float32))
    return np.asarray(image * _shadows(face), np.float32)


def _freckles(skin: Skin, generator: np.random.Generator, side: int) -> Floats:
    """Melanin of freckles about the nose and the cheeks, and a few everywhere."""
    if skin.freckles == 0:
        return np.zeros((side, side), np.float32)
    near = marks.spots(generator, side, int(500 * skin.freckles), (0.0008, 0.0026), (0.5, 0.635, 0.11, 0.04))
    far = marks.spots(generator, side, int(350 * skin.freckles), (0.0008, 0.0030), (0.5, 0.62, 0.19, 0.15))
    return np.asarray((0.05 + 0.05 * skin.freckles) * np.maximum(near, far), np.float32)


def _blemishes(skin: Skin, generator: np.random.Generator, side: int) -> Floats:
    """Blood of pimples and small scars."""
    number = int(generator.poisson(9 * skin.unevenness * (0.4 + skin.oiliness)))
    return np.float32(0.022) * marks.spots(generator, side, number, (0.0015, 0.0045), (0.5, 0.68, 0.15, 0.15))


def _shadows(face: _Face) -> Floats:
    """What takes light away without being skin: bristles below the surface, the nostrils."""
    bristles = face.skin.stubble * face.zones.beard * (0.38 + 0.9 * face.grain.bristles)
    shadow = 1 - np.clip(bristles, 0, 0.8)[..., None] * np.array((1.0, 0.94, 0.84), np.float32)
    return np.asarray(shadow * (1 - 0.6 * face.zones.nostrils[..., None]), np.float32)


def _roughness(face: _Face) -> Floats:
    oiliness = face.skin.oiliness
    image = 0.54 - (0.04 + 0.17 * oiliness) * face.zones.oily - 0.06 * oiliness
    image += 0.025 * face.grain.soft + 0.03 * face.grain.fine
    image -= 0.16 * face.where.lips + 0.3 * face.zones.rims + 0.2 * face.where.mouth
    return np.asarray(np.clip(image, 0.15, 0.8), np.float32)


def _height(face: _Face, lines: Floats, folds: Floats, moles: Floats) -> Floats:
    """Metres."""
    skin, zones, grain = face.skin, face.zones, face.grain
    lips = face.where.lips
    pores = 3e-5 + 4e-5 * (zones.nose + 0.7 * zones.cheeks) * (0.5 + skin.oiliness)
    image = (1 - lips) * (pores * grain.pores + 4e-6 * grain.fine + (6e-6 + 1.2e-5 * skin.lines) * grain.soft)
    image += -3.0e-4 * lines - 6e-4 * folds * (0.3 + 0.7 * skin.lines) + 2.5e-4 * moles
    image += lips * 4e-5 * grain.creases + 2e-5 * skin.stubble * zones.beard * grain.bristles
    return np.asarray(image, np.float32)


def _shifted(shared: Grain, generator: np.random.Generator, side: int) -> Grain:
    """The same patterns elsewhere: what one person's grain shares with another's is then not its place."""
    by = tuple(int(step) for step in generator.integers(0, side, 2))
    return Grain(*(np.roll(getattr(shared, field.name), by, (0, 1)) for field in fields(shared)))
