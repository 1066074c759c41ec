"""Heavy make-up on a live face: towards another person's looks, for the stage, or against recognition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.paint import brows, complexion, laid, lash_lines, lids
from factory.world.attacks.presentation import Presentation, skin_of
from factory.world.capture.cameras import Device
from factory.world.people.face_map import Map, face_map, mottle
from factory.world.people.figure import Figure
from factory.world.scene import Floats

HUES = {  # of lips and lids, linear
    "red": (0.45, 0.02, 0.04),
    "plum": (0.16, 0.015, 0.06),
    "pink": (0.60, 0.10, 0.18),
    "blue": (0.05, 0.10, 0.35),
    "green": (0.04, 0.18, 0.10),
    "black": (0.015, 0.012, 0.012),
    "brown": (0.12, 0.05, 0.03),
}


def make_up(impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator) -> Presentation:
    """Pigment on the impostor's skin; their face stays what it is."""
    form = str(generator.choice(["impersonation", "glamour", "disguise"], p=[0.4, 0.4, 0.2]))
    skin = skin_of(impostor)
    side = len(skin.material.colour) if isinstance(skin.material.colour, np.ndarray) else 512
    where = face_map(side)
    image = np.array(np.broadcast_to(np.asarray(skin.material.colour, np.float32), (side, side, 3)))
    cover = float(generator.uniform(0.7, 0.95))
    strength = float(generator.uniform(0.8, 1.0))
    lips, lid = (
        str(generator.choice(["red", "plum", "pink"])),
        str(generator.choice(["blue", "green", "plum", "brown"])),
    )
    image = _foundation(image, where, complexion(enrolment.figure)[0], complexion(impostor)[0], form, cover, generator)
    image = _contours(image, where, strength, generator)
    if form == "disguise":
        image = _patches(image, where, generator)
    image = laid(image, np.array(HUES[lid]), strength * lids(where) * generator.uniform(0.6, 1.0))
    image = laid(image, np.array(HUES["black"]), strength * lash_lines(where))
    mouth = complexion(enrolment.figure)[1] * (1.1, 0.7, 0.7) if form == "impersonation" else np.array(HUES[lips])
    image = laid(image, mouth, strength * where.lips)
    brow = brows(
        where, generator.uniform(0.015, 0.019), generator.uniform(0.003, 0.0055), generator.uniform(0.0, 0.005)
    )
    image = laid(image, np.array(HUES["black" if generator.random() < 0.5 else "brown"]), 0.9 * strength * brow)
    material = replace(
        skin.material,
        colour=np.clip(image, 0, 1),
        roughness=_powder(skin.material.roughness, where, cover),
        height=None if skin.material.height is None else skin.material.height * np.float32(1 - 0.6 * cover),
    )
    parameters: dict[str, float | str] = {
        "form": form,
        "cover": cover,
        "strength": strength,
        "lips": "theirs" if form == "impersonation" else lips,
        "lids": lid,
    }
    bodies = (replace(skin, material=material), *impostor.bodies[1:], *impostor.spectacled(impostor.points))
    return Presentation(bodies, impostor.landmarks, parameters)


def _foundation(
    image: Floats,
    where: Map,
    theirs: NDArray[np.float32],
    own: NDArray[np.float32],
    form: str,
    cover: float,
    generator: np.random.Generator,
) -> Floats:
    """An even tone over the face that ends, unevenly, along the jaw."""
    towards = {"impersonation": theirs, "glamour": own, "disguise": generator.uniform(0.1, 0.8) * np.ones(3)}[form]
    tone = towards * (1 + generator.normal(0, 0.08, 3).clip(-0.15, 0.15))
    x, y, z = np.moveaxis(where.places, -1, 0)
    within = np.minimum((1 - np.hypot(x / 0.078, (y + 0.03) / 0.105)) * 0.08, z + 0.05)
    edge = 1 / (1 + np.exp(-np.clip((within - 0.004) / 0.002, -30, 30)))
    streaks = 1 - 0.12 * np.abs(mottle(where.places, 0.009, generator))
    return laid(image, tone, (cover * edge * streaks * (1 - where.mouth)).astype(np.float32))


def _contours(image: Floats, where: Map, strength: float, generator: np.random.Generator) -> Floats:
    """Hollows darkened, ridges lightened, cheeks reddened."""
    hollow = where.blob((0.052, -0.048, 0.0), (0.020, 0.009, 0.03)) + where.blob(
        (0.013, -0.018, 0.03), (0.004, 0.02, 0.02)
    )
    hollow += 0.7 * where.blob((0.064, 0.035, 0.0), (0.012, 0.02, 0.03))
    ridge = where.blob((0.0, -0.015, 0.035), (0.0035, 0.02, 0.02)) + where.blob(
        (0.046, -0.02, 0.01), (0.014, 0.006, 0.02)
    )
    cheek = where.blob((0.047, -0.034, 0.01), (0.02, 0.014, 0.03))
    image = image * (1 - 0.5 * strength * np.clip(hollow, 0, 1))[..., None]
    image = laid(image, np.minimum(image * 1.8 + 0.03, 0.9), 0.7 * strength * ridge)
    red = image * np.array([1.15, 0.5, 0.5])
    return laid(image, red, strength * float(generator.uniform(0.4, 0.9)) * cheek)


def _patches(image: Floats, where: Map, generator: np.random.Generator) -> Floats:
    """Two or three blocks of paint across the face."""
    x, y, z = np.moveaxis(where.places, -1, 0)
    for _ in range(int(generator.integers(2, 4))):
        tone = np.array(HUES[str(generator.choice(list(HUES)))]) if generator.random() < 0.6 else np.full(3, 0.75)
        turn = generator.uniform(0, np.pi)
        across = (x - generator.uniform(-0.04, 0.04)) * np.cos(turn) + (y - generator.uniform(-0.08, 0.05)) * np.sin(
            turn
        )
        edge = np.clip((generator.uniform(0.006, 0.016) - np.abs(across)) / 0.001 + 0.5, 0, 1)
        image = laid(image, tone, (0.9 * edge * (z > -0.03) * (np.abs(x) < 0.07)).astype(np.float32))
    return image


def _powder(roughness: float | Floats, where: Map, cover: float) -> Floats:
    """Powder is dull, painted lips shine."""
    dull = np.asarray(roughness, np.float32) * (1 - cover) + 0.62 * cover
    return np.asarray(dull + (0.25 - dull) * np.clip(where.lips, 0, 1), np.float32)
