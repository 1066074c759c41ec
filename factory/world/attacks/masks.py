"""Masks over the impostor's head: a rigid one of resin and a soft one of silicone."""

from __future__ import annotations

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.paint import SIDE, brows, complexion, laid
from factory.world.attacks.presentation import Presentation
from factory.world.attacks.shell import Doubles, Similarity, bare, cut, fitted, head_surface, raised
from factory.world.capture.cameras import Device
from factory.world.people.face_map import face_map, mottle, softened
from factory.world.people.figure import MOUTH_CORNER, NOSE_TIP, Figure
from factory.world.people.head import LEFT_EYE, RIGHT_EYE, base, mirrored
from factory.world.scene import Floats, Material

EYE = -0.001  # metres above the middle of the ball: between the lids
LINE = -0.0675  # where the lips meet


def rigid_mask(impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator) -> Presentation:
    """A hard shell with the other's features, coloured from their picture or by hand, strapped before the face."""
    thickness, clearance = float(generator.uniform(0.002, 0.004)), float(generator.uniform(0.006, 0.011))
    points = fitted(enrolment.figure.points, impostor.points, clearance)
    eye = (float(generator.uniform(0.017, 0.021)), float(generator.uniform(0.0085, 0.0115)))
    inside = np.minimum(_face(float(generator.uniform(-0.004, 0.006))), _around_eyes(points, impostor, eye))
    finish = str(generator.choice(["varnish", "satin", "chalk"], p=[0.4, 0.4, 0.2]))
    source = str(generator.choice(["photograph", "paint"]))
    if source == "photograph":
        uv = (enrolment.places * [1, -1] + [0, 1]).astype(np.float32)
        colour = _copied(enrolment.picture, generator)
    else:
        uv = _texture_places()
        colour = _painted(enrolment, 0.025, generator)
    material = Material(
        colour=colour,
        roughness={"varnish": 0.35, "satin": 0.38, "chalk": 0.75}[finish],
        specular=0.5,
        clearcoat={"varnish": 1.0, "satin": 0.2, "chalk": 0.0}[finish],
        clearcoat_gloss=0.92,
    )
    shell = cut(points, uv, inside, thickness, material)
    bodies = bare(impostor.bodies, impostor.points, inside > -0.004)
    parameters: dict[str, float | str] = {
        "thickness": thickness,
        "clearance": clearance,
        "finish": finish,
        "colour": source,
        "eye_width": 2 * eye[0],
        "eye_height": 2 * eye[1],
    }
    worn = impostor.spectacled(np.asarray(points, np.float32))
    return Presentation((*bodies, shell, *worn), _landmarks(points), parameters)


def silicone_mask(
    impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator
) -> Presentation:
    """A soft mask over the whole head and neck: skin too even, features too round, slits at the eyes and the mouth."""
    thickness, clearance = float(generator.uniform(0.003, 0.005)), float(generator.uniform(0.0025, 0.0045))
    smoothing = int(generator.integers(2, 6))
    points = fitted(enrolment.figure.points, impostor.points, clearance, smoothing)
    eye = (float(generator.uniform(0.0145, 0.0165)), float(generator.uniform(0.0062, 0.0085)))
    gap = float(generator.uniform(0.001, 0.003))
    rest = head_surface().rest
    neck = rest[:, 1] + generator.uniform(0.14, 0.165) + 0.35 * np.minimum(rest[:, 2] + 0.03, 0.0)
    inside = np.minimum.reduce([neck, _around_eyes(points, impostor, eye), _around_mouth(0.021, gap)])
    gloss = float(generator.uniform(0.3, 0.5))
    material = Material(
        colour=_painted(enrolment, 0.04, generator),
        roughness=gloss,
        specular=0.45,
        sheen=0.3,
        height=_dimples(generator),
    )
    shell = cut(points, _texture_places(), inside, thickness, material)
    face = head_surface().front & (rest[:, 1] < 0.045)  # hair of the scalp becomes a wig
    parameters: dict[str, float | str] = {
        "thickness": thickness,
        "clearance": clearance,
        "smoothing": float(smoothing),
        "roughness": gloss,
        "eye_width": 2 * eye[0],
        "eye_height": 2 * eye[1],
        "mouth_gap": 2 * gap,
    }
    moves = np.where((rest[:, 1] > -0.06)[:, None], points - impostor.points, 0.0)
    bodies = raised(bare(impostor.bodies, impostor.points, face), impostor.points, moves)
    worn = impostor.spectacled(np.asarray(points, np.float32))
    return Presentation((*bodies, shell, *worn), _landmarks(points), parameters)


def _face(wider: float) -> Doubles:
    """V: metres within the outline of a face, from the hairline to below the chin and to the ears."""
    x, y, z = head_surface().rest.T
    oval = (1 - np.hypot(x / (0.078 + wider), (y + 0.028) / (0.103 + wider))) * 0.08
    return np.asarray(np.minimum(oval, z + 0.05))


def _around_eyes(points: Doubles, impostor: Figure, half: tuple[float, float]) -> Doubles:
    """V: metres outside of holes that are cut before the impostor's eyes; far inside on the back of the head."""
    front = head_surface().front
    turn = Similarity.between(head_surface().rest[front], impostor.points[front].astype(np.float64)).turn
    away = [(points - eye) @ turn[:, :2] - (0, EYE) for eye in impostor.landmarks[:2]]
    holes = [(np.hypot(x / half[0], y / half[1]) - 1) * half[1] for x, y in (place.T for place in away)]
    return np.asarray(np.where(head_surface().rest[:, 2] > -0.03, np.minimum(*holes), 1.0))


def _around_mouth(half: float, gap: float) -> Doubles:
    """V: metres outside of a slit between the lips; what lies in the mouth is left out too."""
    x, y, z = head_surface().rest.T
    line = LINE + 0.002 * (1 - (x / half) ** 2)
    slit = (np.hypot(x / half, (y - line) / gap) - 1) * gap
    within = (np.abs(x) < 0.03) & (np.abs(y - LINE) < 0.03) & (z < 0.012)
    return np.asarray(np.where(within, -0.001, slit))


def _texture_places() -> Floats:
    """V, 2: the texture coordinate of each point of the head mesh; on a seam one of its own."""
    mesh = base()
    uv = np.zeros((len(mesh.points), 2), np.float32)
    uv[mesh.quads.ravel()] = mesh.uv[mesh.quads_uv.ravel()]
    return uv


def _copied(picture: Floats, generator: np.random.Generator) -> Floats:
    """A picture as ink on resin: flat in contrast, off in colour."""
    tone = np.clip(picture, 0, 1) ** generator.uniform(0.75, 1.0)
    cast = 1 + generator.normal(0, 0.07, 3).clip(-0.15, 0.15)
    return np.asarray(np.clip(0.03 + 0.85 * tone * cast, 0, 1), np.float32)


def _painted(enrolment: Enrolment, evenness: float, generator: np.random.Generator) -> Floats:
    """SIDE, SIDE, 3: one tone of skin with soft shades, and lips and brows in one colour each.

    Args:
        enrolment: Whose skin and lips are meant.
        evenness: Metres of its shades.
        generator: Of how well it is met.
    """
    where = face_map(SIDE)
    tone, lips = complexion(enrolment.figure)
    tone = tone * (1 + generator.normal(0, 0.06, 3).clip(-0.12, 0.12))
    flush = where.blob((0.045, -0.035, 0.012), (0.022, 0.018, 0.03)) + where.blob((0, -0.037, 0.04), (0.014,) * 3)
    shade = 1 + 0.04 * mottle(where.places, evenness, generator)
    image = tone * shade[..., None] * (1 - flush[..., None] * np.array([0.02, 0.16, 0.14]))
    image = laid(image, lips * (1.05, 0.8, 0.8), where.lips * generator.uniform(0.6, 0.95))
    brow = brows(where, 0.0165, generator.uniform(0.0035, 0.005), generator.uniform(0.0, 0.003))
    image = laid(image, tone * generator.uniform(0.08, 0.25), brow * generator.uniform(0.7, 0.95))
    return np.asarray(np.clip(image, 0.01, 0.95), np.float32)


def _dimples(generator: np.random.Generator) -> Floats:
    """SIDE, SIDE: metres: what is left of pores in a cast."""
    noise = softened(generator.standard_normal((SIDE, SIDE), dtype=np.float32), 2.0)
    return np.asarray(2e-5 * noise / noise.std(), np.float32)


def _landmarks(points: Doubles) -> Floats:
    """5, 3: of the mask."""
    mesh = base()
    eyes = [points[np.unique(mesh.quads[mesh.part == part])].mean(axis=0) for part in (RIGHT_EYE, LEFT_EYE)]
    corner = mirrored()[MOUTH_CORNER]
    return np.stack([*eyes, points[NOSE_TIP], points[corner], points[MOUTH_CORNER]]).astype(np.float32)
