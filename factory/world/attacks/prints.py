"""A printed picture before the face: flat, wrapped around it, or with the eyes cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.hand import holding, skin_colour
from factory.world.attacks.inks import Printer
from factory.world.attacks.page import Page
from factory.world.attacks.presentation import Presentation
from factory.world.attacks.scissors import eyes
from factory.world.attacks.sheet import Sheet, points_of
from factory.world.capture.cameras import Device
from factory.world.people.figure import Figure
from factory.world.scene import Floats, Material

FORMATS = {  # metres of the sheet, and how large the face on it is against the live one
    "A4": (0.210, 0.297, 0.80, 1.05),
    "A5": (0.148, 0.210, 0.55, 0.75),
    "photo": (0.127, 0.178, 0.45, 0.62),
}
TEXELS = 900  # rows of the sheet's texture


@dataclass(frozen=True)
class Paper:
    """A surface to print on, and the numbers of `Material` that it has."""

    roughness: float
    specular: float
    clearcoat: float
    clearcoat_gloss: float


PAPERS = {
    "matte": Paper(0.85, 0.15, 0.0, 0.0),
    "satin": Paper(0.45, 0.4, 0.35, 0.55),
    "glossy": Paper(0.35, 0.5, 1.0, 0.93),
}


def print_attack(
    impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator
) -> Presentation:
    """A print that is held before the face."""
    form = str(generator.choice(["flat", "warped", "cut"], p=[0.5, 0.25, 0.25]))
    kind = "A4" if form != "flat" else str(generator.choice(list(FORMATS), p=[0.5, 0.25, 0.25]))
    width, height, least, most = FORMATS[kind]
    scale = 1.0 if form == "cut" else float(generator.uniform(least, most))
    sheet = _held(form, width, height, impostor, generator)
    printer, name = Printer.drawn(generator), str(generator.choice(list(PAPERS)))
    border = float(generator.uniform(0.003, 0.012)) if generator.random() < 0.75 else 0.0
    page = Page(enrolment, sheet, enrolment.size(impostor) * scale, TEXELS)
    opacity: float | Floats = 1.0
    if form == "cut":
        opacity = (eyes(page, (0.016, 0.019), (0.008, 0.012), generator) > 0).astype(np.float32)
    paper = PAPERS[name]
    material = Material(
        colour=printer.printed(page.texture(border, 1.0), page.texel, generator),
        roughness=paper.roughness,
        specular=paper.specular,
        clearcoat=paper.clearcoat,
        clearcoat_gloss=paper.clearcoat_gloss,
        opacity=opacity,
    )
    hands = holding(sheet, skin_colour(impostor), generator) if generator.random() < 0.7 else ()
    parameters: dict[str, float | str] = {
        "form": form,
        "format": kind,
        "paper": name,
        "screening": printer.screening,
        "screen_pitch": printer.pitch,
        "scale": scale,
        "border": border,
        "bend": sheet.bend,
        "fold": sheet.fold,
        "curl": sheet.curl,
        "yaw": float(np.degrees(sheet.tilt[0])),
        "pitch": float(np.degrees(sheet.tilt[1])),
        "roll": float(np.degrees(sheet.tilt[2])),
        "hands": float(len(hands)),
    }
    bodies = (*impostor.bodies, sheet.mesh(material), *hands)
    return Presentation(bodies, sheet.at(page.places(enrolment.landmarks)), parameters, page)


def _held(form: str, width: float, height: float, impostor: Figure, generator: np.random.Generator) -> Sheet:
    """The sheet where it is held: a hand's breadth before the face, or against it."""
    centre = impostor.landmarks.mean(axis=0)
    turn = np.radians(generator.normal(0, (8, 7, 5)).clip(-18, 18))
    if form != "flat":
        turn = turn / 2
    bend = {"flat": generator.normal(0, 1.0), "warped": generator.uniform(4, 8), "cut": generator.uniform(0, 4)}[form]
    fold = generator.uniform(0.15, 0.45) if form == "cut" else generator.uniform(0, 0.12) * (generator.random() < 0.3)
    sheet = Sheet(
        width,
        height,
        middle=(float(generator.normal(0, 0.004)), float(height * generator.uniform(-0.06, 0.06))),
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
        tilt=(float(turn[0]), float(turn[1]), float(turn[2])),
        bend=float(bend),
        fold=float(fold),
        curl=float(generator.normal(0, 0.15)),
        across=float(generator.uniform(-0.8, 0.8)) if form == "flat" else 0.0,
        cockle=float(generator.uniform(0.0003, 0.002)),
    )
    if form == "flat":
        return sheet.before(points_of(impostor.bodies), float(generator.uniform(0.01, 0.15)))
    return sheet.before(impostor.points, 0.003)
