"""A part of a printed face over a live one: the eyes on a strip, on paper spectacles, or the lower half."""

from __future__ import annotations

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.inks import Printer
from factory.world.attacks.page import Page
from factory.world.attacks.presentation import Presentation
from factory.world.attacks.scissors import band, spectacles
from factory.world.attacks.sheet import Doubles, Sheet
from factory.world.attacks.shell import Similarity, head_surface
from factory.world.capture.cameras import Device
from factory.world.people.figure import Figure
from factory.world.scene import Material

TEXELS = 700


def partial_attack(
    impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator
) -> Presentation:
    """A piece of a print that is worn."""
    forms = ["eyes", "lower"] if impostor.spectacles else ["eyes", "spectacles", "lower"]  # nobody wears two
    form = str(generator.choice(forms))
    scale = float(generator.uniform(0.97, 1.06))
    sheet, low, high = _worn(form, impostor, generator)
    page = Page(enrolment, sheet, enrolment.size(impostor) * scale, TEXELS)
    if form == "spectacles":
        kept = spectacles(page, generator)
    else:
        kept = band(page, low, high, sheet.width / 2, float(generator.uniform(0.004, 0.015)))
    rim = float(generator.uniform(0.001, 0.004)) if generator.random() < 0.5 else 0.0
    texture = page.texture(0.0, 1.0)
    texture[kept < rim] = 1.0
    printer = Printer.drawn(generator)
    material = Material(
        colour=printer.printed(texture, page.texel, generator),
        roughness=float(generator.uniform(0.35, 0.85)),
        specular=0.25,
        opacity=(kept > 0).astype(np.float32),
    )
    parameters: dict[str, float | str] = {
        "form": form,
        "scale": scale,
        "bend": sheet.bend,
        "rim": rim,
        "screening": printer.screening,
        "screen_pitch": printer.pitch,
        "width": sheet.width,
        "height": sheet.height,
    }
    paper = sheet.mesh(material)
    worn = impostor.spectacled(impostor.points, paper.points)
    return Presentation((*impostor.bodies, paper, *worn), impostor.landmarks, parameters)


def _worn(form: str, impostor: Figure, generator: np.random.Generator) -> tuple[Sheet, float, float]:
    """The sheet against the face, and its lower and upper edge over the middle of the face."""
    front = head_surface().front
    turn = Similarity.between(head_surface().rest[front], impostor.points[front].astype(np.float64)).turn
    middle = impostor.landmarks.mean(axis=0)
    eyes, nose, mouth = ((part - middle) @ turn for part in _heights(impostor))
    if form == "lower":
        low, high = float(mouth[1] - generator.uniform(0.035, 0.05)), float(nose[1] + generator.uniform(0.0, 0.015))
        lean, width = 0.22, float(generator.uniform(0.13, 0.16))
    else:
        low, high = float(eyes[1] - generator.uniform(0.018, 0.026)), float(eyes[1] + generator.uniform(0.022, 0.04))
        lean, width = -0.08, float(generator.uniform(0.14, 0.17))
    yaw, pitch, roll = _angles(turn)
    sheet = Sheet(
        width,
        high - low,
        middle=(0.0, (low + high) / 2),
        centre=(float(middle[0]), float(middle[1]), float(middle[2])),
        tilt=(yaw, pitch + lean, roll + float(generator.normal(0, 0.03))),
        bend=float(generator.uniform(5, 9)),
        fold=float(generator.uniform(0, 0.2)),
        cockle=float(generator.uniform(0.0003, 0.0015)),
    )
    return sheet.before(impostor.points, 0.002), low, high


def _heights(impostor: Figure) -> tuple[Doubles, Doubles, Doubles]:
    marks = impostor.landmarks.astype(np.float64)
    return marks[:2].mean(axis=0), marks[2], marks[3:].mean(axis=0)


def _angles(turn: Doubles) -> tuple[float, float, float]:
    """About y, x and z in radians, as a sheet's tilt takes them."""
    yaw, pitch = np.arctan2(turn[0, 2], turn[2, 2]), np.arcsin(-turn[1, 2])
    return float(yaw), float(pitch), float(np.arctan2(turn[1, 0], turn[1, 1]))
