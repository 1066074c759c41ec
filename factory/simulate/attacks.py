"""Simulate cameras and physical attacks: record a face, or instead a print, a screen or a mask of that face.

An attack is a plain function (image, seed, points) -> image on square uint8 H,W,3 RGB that keeps identity and layout,
so a spoof stays aligned with its live face. `points` are the five landmarks of face detectors, 5,2 (x, y) in pixels:
eyes, tip of the nose, corners of the mouth, left to right in the picture (default: those of a centred crop). A domain
is a camera that records both live faces and attacks. All of this is a model [ours], not measured from a device. The
same arguments give the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from difffas.errors import UserError
from factory.simulate.fields import Array, Field, blurred, bump, mix, noise, reduced, resized, ridge, soft

Pixels = npt.NDArray[np.uint8]
Attack = Callable[[Pixels, int, "Array | None"], Pixels]

# Fractions of the side at which a centred, frontal crop has its five points.
CENTRED = np.array([[0.384, 0.47], [0.616, 0.47], [0.5, 0.635], [0.413, 0.737], [0.587, 0.737]], np.float32)


def _opened(image: Pixels, seed: int, salt: int) -> tuple[Array, np.random.Generator]:
    """The image as float32 0..1, and the random stream for this use of the image."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape[0] != image.shape[1]:
        raise UserError(f"image is {image.dtype} {image.shape}: give a square uint8 H,W,3 picture")
    return np.asarray(image / np.float32(255), np.float32), np.random.default_rng([seed, salt])


def _closed(picture: Field) -> Pixels:
    return np.asarray(np.clip(picture * 255 + 0.5, 0, 255), np.uint8)


def _each(transform: Callable[[Array], Array], picture: Array) -> Array:
    """Apply a transform of H,W fields to each channel of H,W,3."""
    return np.stack([transform(np.ascontiguousarray(picture[..., c])) for c in range(3)], -1)


def _luminance(picture: Array) -> Array:
    return np.asarray(picture @ np.array([0.3, 0.59, 0.11], np.float32), np.float32)


def _tilted(picture: Array, rng: np.random.Generator, by: float) -> Array:
    """Tilt the plane of a print or screen slightly: corners move by up to a fraction `by` of the side."""
    side = picture.shape[0]
    corners = np.array([[0, 0], [0, side], [side, side], [side, 0]]) + rng.uniform(0, by * side, (4, 2)) * [
        [1, 1],
        [1, -1],
        [-1, -1],
        [-1, 1],
    ]
    quad = Image.fromarray(_closed(picture)).transform(
        (side, side), Image.Transform.QUAD, list(corners.ravel()), Image.Resampling.BILINEAR
    )
    return np.asarray(quad, np.float32) * np.float32(1 / 255)


# Cameras


@dataclass(frozen=True)
class Camera:
    """A capture set-up."""

    detail: float  # resolved pixels per pixel of the picture, in one direction
    sharpening: float  # strength of the halo that in-camera sharpening leaves
    noise: float  # standard deviation of the sensor noise in grey levels
    gains: tuple[float, float, float]  # white balance
    contrast: float
    saturation: float
    vignette: float  # loss of light in the corners
    quality: int  # JPEG quality


CAMERAS = {
    "webcam": Camera(0.62, 0.0, 6.0, (0.94, 1.0, 1.09), 0.9, 0.8, 0.15, 55),
    "phone": Camera(0.95, 0.8, 2.5, (1.04, 1.0, 0.94), 1.1, 1.06, 0.05, 85),
    "dslr": Camera(1.0, 0.2, 1.2, (1.0, 1.0, 1.0), 1.0, 1.0, 0.3, 95),
    "tablet": Camera(0.8, 0.4, 4.0, (0.98, 1.04, 0.93), 0.95, 0.9, 0.1, 70),
}


def record(image: Pixels, camera: Camera, seed: int) -> Pixels:
    """Record a square scene with the camera: resolution, light fall-off, colour, noise, halos, JPEG blocks."""
    picture, rng = _opened(image, seed, 20)
    side = picture.shape[0]
    coarse = max(round(side * camera.detail), 8)
    if coarse < side:
        small = Image.fromarray(image).resize((coarse, coarse), Image.Resampling.BOX)
        picture = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.float32) * np.float32(1 / 255)
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    picture = picture * (1 - camera.vignette * 0.5 * (axis[:, None] ** 2 + axis[None, :] ** 2))[..., None]
    gains = np.array(camera.gains) * rng.uniform(0.97, 1.03, 3) * rng.uniform(0.94, 1.06)  # it varies slightly
    picture = np.asarray(picture * gains, np.float32)
    grey = _luminance(picture)[..., None]
    picture = np.asarray(0.48 + (grey + (picture - grey) * camera.saturation - 0.48) * camera.contrast, np.float32)
    picture += camera.noise / 255 * rng.standard_normal(picture.shape, np.float32) * (0.7 + 0.3 * rng.random())
    picture += 0.6 * camera.noise / 255 * np.stack([noise(rng, side, max(side // 6, 2)) for _ in range(3)], -1)
    halo = picture - _each(lambda field: blurred(field, 2), picture)
    picture = np.asarray(picture + camera.sharpening * halo, np.float32)
    buffer = io.BytesIO()
    Image.fromarray(_closed(picture)).save(buffer, "JPEG", quality=camera.quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


# Attacks on the whole plane

_PAPER = ((250, 246, 236), (244, 247, 250), (250, 240, 220))
# Ink in sRGB and angle of its screen in degrees: cyan, magenta, yellow, black.
_INKS = (((0, 150, 205), 15), ((205, 30, 120), 75), ((245, 225, 30), 0), ((38, 36, 36), 45))


def print_attack(image: Pixels, seed: int, points: Array | None = None) -> Pixels:
    """A colour print held up to the camera: four inks in rotated halftone screens, paper, a fold, uneven light."""
    picture, rng = _opened(image, seed, 21)
    side, factor = picture.shape[0], 3 if picture.shape[0] <= 256 else 1
    large = _each(lambda field: resized(field, side * factor, side * factor), 0.07 + 0.88 * picture)
    black = np.clip(1 - large.max(-1), 0, 1)
    cover = [*np.moveaxis(np.clip(1 - large, 0, 1) - 0.35 * black[..., None], -1, 0), 0.85 * black**1.2]
    paper = np.array(_PAPER[int(rng.integers(len(_PAPER)))], np.float32) / 255
    sheet = np.asarray(paper * np.ones_like(large), np.float32)
    y, x = np.mgrid[: side * factor, : side * factor].astype(np.float32)
    pitch, turn = float(rng.uniform(2.1, 2.7)) * factor, float(rng.uniform(-8, 8))
    for amount, (ink, angle) in zip(cover, _INKS, strict=True):
        across = 2 * math.pi / pitch * math.cos(math.radians(angle + turn))
        down = 2 * math.pi / pitch * math.sin(math.radians(angle + turn))
        cell = 0.5 + 0.25 * (np.cos(x * across + y * down) + np.cos(y * across - x * down))
        dots = 0.5 * np.clip(0.5 + (amount - cell) * 2.6, 0, 1) + 0.5 * np.clip(amount, 0, 1)  # ink spreads
        for channel in range(3):
            sheet[..., channel] *= 1 - dots * (1 - ink[channel] / 255)
    sheet = _each(lambda field: reduced(field, factor), sheet)
    y, x = y[::factor, ::factor] / (factor * side), x[::factor, ::factor] / (factor * side)
    fibre = 0.016 * noise(rng, side, side // 2) + 0.012 * noise(rng, side, max(side // 10, 2))
    lean, place = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7)
    fold = (x - place) * math.cos(lean) + (y - place) * math.sin(lean)
    bent = 0.09 * np.sign(fold) * np.exp(-np.abs(fold) / 0.25) + 0.1 * ridge(fold, 0.012) * (rng.random() < 0.6)
    light = 1.1 + fibre + bent + rng.uniform(-0.18, 0.18) * (x - 0.5) + rng.uniform(-0.18, 0.18) * (y - 0.5)
    return _closed(_tilted(np.asarray(sheet * light[..., None], np.float32), rng, 0.02))


def replay_attack(image: Pixels, seed: int, points: Array | None = None) -> Pixels:
    """A screen in front of the camera: striped pixels, moire, bluish black, glare, a scan band, sometimes a bezel."""
    picture, rng = _opened(image, seed, 22)
    side, factor = picture.shape[0], 4 if picture.shape[0] <= 192 else 2
    pitch = factor + int(rng.integers(1, factor + 1))  # size of a screen pixel, in fine pixels
    cells = -(-side * factor // pitch)
    shown = np.asarray(Image.fromarray(image).resize((cells, cells), Image.Resampling.BOX), np.float32) / 255
    shown = np.array([0.05, 0.065, 0.1], np.float32) + shown**1.1 * np.array([0.88, 0.95, 1.04], np.float32)
    where = np.arange(side * factor) // pitch
    fine = shown[where][:, where]
    phase = (np.arange(side * factor, dtype=np.float32) + 0.5) / pitch % 1
    stripes = np.stack([0.76 + 0.49 * bump(phase, phase * 0, ((2 * c + 1) / 6, 0), (0.2, 1)) for c in range(3)], -1)
    rows = 0.78 + 0.28 * np.asarray(np.sin(np.pi * phase) ** 0.7, np.float32)
    fine = _tilted(np.clip(fine * stripes[None] * rows[:, None, None], 0, 1), rng, 0.025)
    # A mix of a sensor that integrates and one that samples points, which causes the moire.
    points_only, means = fine[factor // 2 :: factor, factor // 2 :: factor], _each(lambda f: reduced(f, factor), fine)
    fine = 0.35 * points_only + 0.65 * means
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    angle, place = rng.uniform(-0.6, 0.6), rng.uniform(0.1, 0.9, 2)
    across, along = (x - place[0]) + angle * (y - place[1]), (y - place[1]) - angle * (x - place[0])
    lamp = bump(across, along, (0, 0), (rng.uniform(0.08, 0.2), rng.uniform(0.2, 0.45)))
    pane = soft(0.14, 0.1, np.abs(across)) * soft(0.3, 0.25, np.abs(along)) if rng.random() < 0.5 else 0 * lamp
    band = 1 - 0.1 * bump(y, y * 0, (rng.uniform(0, 1), 0), (rng.uniform(0.05, 0.2), 1))
    glare = (rng.uniform(0.1, 0.35) * lamp + 0.13 * pane)[..., None] * np.array([0.95, 1, 1.05], np.float32)
    seen = fine * band[..., None] * 1.12
    seen = seen + glare * (1 - 0.7 * seen)
    if rng.random() < 0.4:
        edge = (x, 1 - x, y, 1 - y)[int(rng.integers(4))] - rng.uniform(0.02, 0.06)
        seen = mix(seen, np.array([0.03, 0.03, 0.035], np.float32), soft(0.01, -0.01, edge))
    return _closed(seen)


# Attacks on the face


def _face(points: Array | None, side: int) -> tuple[Array, Array]:
    """Coordinates u, v of a portrait at every pixel: eyes at (-0.465, 0) and (0.465, 0), mouth at (0, 1.07)."""
    left, right, _, mouth_left, mouth_right = (CENTRED * side if points is None else np.asarray(points)).astype(
        np.float64
    )
    eyes, across = (left + right) / 2, (right - left) / 0.93
    basis = np.stack([across, ((mouth_left + mouth_right) / 2 - eyes) / 1.07], 1)
    y, x = np.mgrid[:side, :side] + 0.5
    u, v = np.einsum("ij,jhw->ihw", np.linalg.inv(basis), np.stack([x - eyes[0], y - eyes[1]]))
    return u.astype(np.float32), v.astype(np.float32)


_MASKS = (
    (0.88, 0.7, 0.58),
    (0.9, 0.87, 0.82),
    (0.82, 0.66, 0.62),
    (0.72, 0.52, 0.4),
)  # latex, plastic, resin, silicone


def mask_attack(image: Pixels, seed: int, points: Array | None = None) -> Pixels:
    """A rigid mask of the same face: one tint, flattened texture, gloss, holes for eyes and mouth, a rim."""
    picture, rng = _opened(image, seed, 23)
    side = picture.shape[0]
    u, v = _face(points, side)
    a, thin = np.abs(u), 1.5 * 2 / side / 0.5  # width of a drawn edge
    oval = np.hypot(u / 0.92, (v - 0.36) / np.where(v > 0.36, 1.27, 1.3))
    eye = np.hypot((a - 0.465) / 0.3, (v + 0.005) / 0.165)
    mouth = np.hypot(u / 0.42, (v - 1.09) / 0.15)
    hole = np.minimum(eye, mouth)
    inside = soft(1 + thin, 1, oval) * soft(1, 1 + 2 * thin, hole)
    flat = blurred(_luminance(picture), 0.035 * side)
    middle = float(np.median(flat[oval < 0.8]))
    form = 0.58 + 0.6 * np.clip(flat - middle, -0.25, 0.3) + 0.45 * (_luminance(picture) - flat) + 0.08 * (1 - oval**2)
    body = np.array(_MASKS[int(rng.integers(len(_MASKS)))], np.float32) * (form * 1.35)[..., None]
    shine = float(rng.choice([-1, 1])) * 0.14
    gloss = 0.5 * bump(u, v, (shine, -0.62), (0.34, 0.13)) + 0.55 * bump(u, v, (0.25 * shine, 0.42), (0.055, 0.24))
    gloss += 0.35 * bump(a, v, (0.6, 0.33), (0.16, 0.09)) + 0.4 * bump(u, v, (shine, 1.45), (0.16, 0.07))
    body += (rng.uniform(0.35, 0.65) * gloss)[..., None] + 0.012 * noise(rng, side, side // 2)[..., None]
    result = (
        picture * (1 - 0.45 * ridge(oval - 1.05, 0.07) - 0.5 * soft(0.6, 1.0, hole) * (hole < 1.1))[..., None]
    )  # shadows it casts
    result = mix(result, body * (1 - 0.25 * soft(0.8, 1, oval))[..., None], inside)
    rim = ridge(hole - 1.1, 0.09) * soft(1.0, 0.9, oval)
    return _closed(mix(result, body * 1.15 + 0.08, np.asarray(0.7 * rim, np.float32)))


_FRAMES = ((0.08, 0.07, 0.07), (0.75, 0.1, 0.12), (0.93, 0.9, 0.85), (0.12, 0.25, 0.7), (0.9, 0.75, 0.1))


def glasses_attack(image: Pixels, seed: int, points: Array | None = None) -> Pixels:
    """Printed paper glasses: a broad frame with another pair of eyes, drawn wide open, in place of lenses."""
    picture, rng = _opened(image, seed, 24)
    side = picture.shape[0]
    u, v = _face(points, side)
    a, thin = np.abs(u), 1.5 * 2 / side / 0.5
    lens = (np.abs((a - 0.465) / 0.37) ** 4 + np.abs(v / 0.27) ** 4) ** 0.25
    frame = np.maximum(
        soft(1.28 + thin, 1.28 - thin, lens), soft(0.06 + thin, 0.06 - thin, np.abs(v + 0.08)) * soft(1.05, 1.0, a)
    )
    colour = np.array(_FRAMES[int(rng.integers(len(_FRAMES)))], np.float32)
    shadow = blurred(np.roll(frame, max(side // 24, 1), 0), max(side / 20, 2))
    result = picture * (1 - 0.4 * shadow)[..., None]
    result = mix(result, colour * (1 + 0.3 * (0.2 - v))[..., None], frame)
    print_ = mix(
        np.full_like(picture, 0.92),
        np.array([0.85, 0.66, 0.55], np.float32),
        soft(0.75, 0.95, np.hypot((a - 0.465) / 0.32, v / 0.2)),
    )
    iris = np.array([(0.2, 0.35, 0.55), (0.3, 0.45, 0.25), (0.4, 0.25, 0.12)][int(rng.integers(3))], np.float32)
    ball = np.hypot(a - 0.465, v)
    print_ = mix(print_, iris, soft(0.15 + thin, 0.15 - thin, ball))
    print_ = mix(print_, np.float32(0.05) + 0 * iris, soft(0.07 + thin, 0.07 - thin, ball))
    result = mix(result, print_ + 0.02 * noise(rng, side, side // 2)[..., None], soft(1 + thin, 1 - thin, lens))
    return _closed(result + 0.3 * (bump(a, v, (0.6, -0.2), (0.16, 0.05)) * frame)[..., None])


def makeup_attack(image: Pixels, seed: int, points: Array | None = None) -> Pixels:
    """Heavy make-up: foundation over the skin, dark lids, lips, contour and blush."""
    picture, rng = _opened(image, seed, 25)
    u, v = _face(points, picture.shape[0])
    a = np.abs(u)
    oval = soft(1.0, 0.8, np.hypot(u / 0.95, (v - 0.36) / 1.3))
    eyes = bump(a, v, (0.465, 0.0), (0.22, 0.09))
    smooth = _each(lambda field: blurred(field, 0.05 * picture.shape[0]), picture)
    result = mix(picture, smooth * 0.94 + 0.06, 0.6 * oval * (1 - eyes) * (1 - bump(a, v, (0, 1.09), (0.4, 0.16))))
    paint = np.array(
        [(0.3, 0.12, 0.4), (0.1, 0.25, 0.45), (0.35, 0.12, 0.08), (0.05, 0.05, 0.06)][int(rng.integers(4))], np.float32
    )
    lids = bump(a, v, (0.5, -0.13), (0.32, 0.12)) * soft(0.02, -0.04, v) + 0.6 * bump(a, v, (0.5, 0.1), (0.28, 0.04))
    result = mix(result, paint, np.asarray(0.85 * np.clip(1.3 * lids, 0, 1), np.float32))
    lips = soft(1.0, 0.8, np.hypot(u / 0.4, (v - 1.1) / 0.15))
    rouge = np.array([(0.75, 0.05, 0.15), (0.5, 0.05, 0.25), (0.35, 0.03, 0.08)][int(rng.integers(3))], np.float32)
    result = mix(result, rouge * (0.3 + 1.3 * _luminance(picture))[..., None], 0.85 * lips)
    result = mix(result, np.array([0.85, 0.3, 0.35], np.float32), 0.4 * bump(a, v, (0.62, 0.42), (0.22, 0.2)))
    return _closed(mix(result, result * 0.55, 0.7 * bump(a, v, (0.8, 0.75), (0.14, 0.35))))


# To add an attack, add one function and one line here.
ATTACKS: dict[str, Attack] = {
    "print": print_attack,
    "replay": replay_attack,
    "mask": mask_attack,
    "glasses": glasses_attack,
    "makeup": makeup_attack,
}
