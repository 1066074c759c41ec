"""A display before the face: telephone, tablet or monitor, with its glass, its frame and its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.hand import holding, skin_colour
from factory.world.attacks.moire import Photosites, beats
from factory.world.attacks.page import Page
from factory.world.attacks.presentation import Presentation
from factory.world.attacks.sheet import Sheet, grid, points_of
from factory.world.capture.cameras import FACE_HEIGHT, LIFE_HEIGHT, Device
from factory.world.people.figure import Figure
from factory.world.scene import Floats, Material, Mesh

TEXELS = 720  # of the longer side of the display's texture
SAMPLES = 2  # squared: places of a texel at which the photosites are computed, so that it shows no bands of its own
CORNER = 6  # points of a rounded corner


@dataclass(frozen=True)
class Display:
    """Ranges of a kind of display, in metres unless said otherwise.

    Args:
        width: Of the display; the first number of each pair is the smallest.
        height: As a share of the width.
        pixels: Per inch.
        bezel: Of the frame at the sides.
        ends: Of the frame above and below.
        depth: Of the body.
        scale: The face on it against the live one.
        roughness: Of its glass.
        distance: Before the impostor's face.
        brightness: Radiance of white; 1 is 100 cd/m².
    """

    width: tuple[float, float]
    height: tuple[float, float]
    pixels: tuple[float, float]
    bezel: tuple[float, float]
    ends: tuple[float, float]
    depth: tuple[float, float]
    scale: tuple[float, float]
    roughness: tuple[float, float]
    distance: tuple[float, float]
    brightness: tuple[float, float]


DISPLAYS = {
    "phone": Display(
        (0.062, 0.071), (1.78, 2.16), (300, 460), (0.002, 0.005), (0.003, 0.016), (0.007, 0.010), (0.30, 0.42),
        (0.02, 0.06), (0.08, 0.30), (1.2, 4.5),
    ),
    "tablet": Display(
        (0.12, 0.16), (1.33, 1.6), (150, 264), (0.008, 0.018), (0.008, 0.022), (0.007, 0.010), (0.6, 0.85),
        (0.02, 0.06), (0.03, 0.2), (1.0, 3.5),
    ),
    "monitor": Display(
        (0.41, 0.53), (0.56, 0.63), (80, 110), (0.008, 0.022), (0.010, 0.028), (0.03, 0.05), (1.0, 1.5),
        (0.12, 0.30), (0.02, 0.2), (0.8, 2.5),
    ),
}  # fmt: skip


def replay_attack(
    impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator
) -> Presentation:
    """A picture that a display shows."""

    def drawn(ends: tuple[float, float]) -> float:
        return float(generator.uniform(*ends))

    kind = str(generator.choice(list(DISPLAYS)))
    display = DISPLAYS[kind]
    width = drawn(display.width)
    scale, pixel = drawn(display.scale), 0.0254 / drawn(display.pixels)
    sheet = _held(kind, width, width * drawn(display.height), impostor, drawn(display.distance), generator)
    brightness = drawn(display.brightness)
    page = Page(enrolment, sheet, enrolment.size(impostor) * scale, TEXELS)
    landmarks = sheet.at(page.places(enrolment.landmarks))
    photosites = _recorded(sheet, landmarks, camera, generator)
    texture = brightness * _shown(page, generator) * _beating(page, pixel, photosites, generator)
    glass = Material(colour=(0.01, 0.01, 0.012), roughness=drawn(display.roughness), specular=0.5, glow=texture)
    frame = (drawn(display.bezel), drawn(display.ends))
    body = _body(sheet, frame, drawn(display.depth), drawn((0.004, 0.012)), generator)
    outer = replace(sheet, width=sheet.width + 2 * frame[0], height=sheet.height + 2 * frame[1])
    held = kind != "monitor" and generator.random() < 0.75
    hands = holding(outer, skin_colour(impostor), generator) if held else ()
    parameters: dict[str, float | str] = {
        "device": kind,
        "width": width,
        "height": sheet.height,
        "pixel_pitch": pixel,
        "photosite_pitch": photosites.pitch,
        "scale": scale,
        "brightness": brightness,
        "roughness": float(np.mean(glass.roughness)),
        "yaw": float(np.degrees(sheet.tilt[0])),
        "pitch": float(np.degrees(sheet.tilt[1])),
        "roll": float(np.degrees(sheet.tilt[2])),
        "hands": float(len(hands)),
    }
    bodies = (*impostor.bodies, body, sheet.mesh(glass, 2, 2), *hands)
    return Presentation(bodies, landmarks, parameters, page)


def _held(
    kind: str, width: float, height: float, impostor: Figure, distance: float, generator: np.random.Generator
) -> Sheet:
    centre = impostor.landmarks.mean(axis=0)
    steady = 0.5 if kind == "monitor" else 1.0
    turn = np.radians(steady * generator.normal(0, (8, 7, 4)).clip(-18, 18))
    sheet = Sheet(
        width,
        height,
        middle=(float(width * generator.normal(0, 0.03)), float(height * generator.uniform(-0.08, 0.08))),
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
        tilt=(float(turn[0]), float(turn[1]), float(turn[2])),
    )
    return sheet.before(points_of(impostor.bodies), distance)


def _recorded(sheet: Sheet, landmarks: Floats, camera: Device, generator: np.random.Generator) -> Photosites:
    """The camera's photosites on the display, as the camera frames the face that is shown."""
    height = FACE_HEIGHT * float(np.linalg.norm(landmarks[:2].mean(axis=0) - landmarks[3:].mean(axis=0)))
    away = height / LIFE_HEIGHT * float(np.mean(camera.distance))
    return Photosites(
        pitch=height / float(np.mean(camera.face)) / camera.photosites,
        turn=sheet.tilt[2] + float(np.radians(generator.normal(0, camera.roll))),
        closer=(float(np.sin(sheet.tilt[0])) / away, float(-np.sin(sheet.tilt[1])) / away),
        blur=float(generator.uniform(0.25, 0.5)),
    )


def _beating(page: Page, pixel: float, photosites: Photosites, generator: np.random.Generator) -> Floats:
    """Rows, columns, 3: the mean over each texel, of a place in each of its parts."""
    texels = page.texels_places()
    total = np.zeros((*page.shape, 3), np.float32)
    for down, across in np.ndindex(SAMPLES, SAMPLES):
        place = (np.array([across, down]) + generator.random((*page.shape, 2), np.float32)) / SAMPLES - 0.5
        total += beats(texels + page.texel * place, pixel, photosites)
    return total / np.float32(SAMPLES**2)


def _shown(page: Page, generator: np.random.Generator) -> Floats:
    """Rows, columns, 3: the light of each texel, 1 for white; black where the picture ends."""
    white = np.array([1, 1, 1]) * (1 + generator.uniform(-0.3, 1) * np.array([-0.14, -0.02, 0.14]))  # mostly cold
    leak = generator.uniform(0.001, 0.015)
    tone = page.texture(0.0, 0.0) ** generator.uniform(0.9, 1.25)
    return np.asarray((leak + (1 - leak) * tone) * white, np.float32)


def _body(
    sheet: Sheet, frame: tuple[float, float], depth: float, radius: float, generator: np.random.Generator
) -> Mesh:
    """A slab with round corners just behind the display."""
    half = np.array([sheet.width / 2 + frame[0], sheet.height / 2 + frame[1]])
    quarter = np.linspace(0, np.pi / 2, CORNER)
    turn = np.concatenate([quarter + corner * np.pi / 2 for corner in range(4)])
    signs = np.repeat([[1, 1], [-1, 1], [-1, -1], [1, -1]], CORNER, axis=0)
    outline = signs * (half - radius) + radius * np.stack([np.cos(turn), np.sin(turn)], 1)
    outline = np.concatenate([outline, outline[:1]]) + sheet.middle
    back, front = np.full(len(outline), -depth), np.full(len(outline), -0.0005)
    middle = np.broadcast_to(sheet.middle, outline.shape)
    rings = [(middle, back), (outline, back), (outline, back), (outline, front), (outline, front), (middle, front)]
    points = np.concatenate([sheet.at(place, above) for place, above in rings])
    dark = float(generator.uniform(0.01, 0.05)) if generator.random() < 0.8 else float(generator.uniform(0.5, 0.8))
    plastic = Material(colour=(dark, dark, dark), roughness=float(generator.uniform(0.2, 0.5)))
    uv = np.zeros((len(points), 2), np.float32)
    return Mesh(points, grid(len(outline), len(rings)), uv, plastic, smooth=False)
