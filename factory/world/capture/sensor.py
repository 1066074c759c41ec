"""From radiance to a raw picture and back to colour: exposure, motion, the noisy Bayer mosaic, demosaicing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from factory.world.capture.cameras import Device
from factory.world.capture.filters import blurred, luminance
from factory.world.scene import Floats

GREY = 0.18  # where the metered luminance goes, as a share of the brightest value
FASTEST = 1 / 2000  # seconds
FACE_OVAL = (0.32, 0.22)  # half height and half width of the metered part, of the picture's sides
DARKEST, BRIGHTEST = 0.06, 0.36  # a face's mean luminance: priority of the face over the metering


@dataclass(frozen=True)
class Exposure:
    """How long and how strongly a picture is exposed.

    Args:
        scale: Radiance times this is the share of the brightest value.
        seconds: How long the shutter is open.
        gain: Amplification of the few electrons that came in that time.
    """

    scale: float
    seconds: float
    gain: float


def metered(camera: Device, radiance: Floats, generator: np.random.Generator) -> Exposure:
    """Automatic exposure: the face in the middle counts more; its highlights and its shadows set limits."""
    light = luminance(radiance)
    inside = light[_middle(*light.shape)]
    face = float(inside.mean())
    whole = float(np.exp(np.log(light + 0.02 * face + 1e-9).mean()))
    key = face**camera.face_priority * whole ** (1 - camera.face_priority)
    scale = GREY / max(key, 1e-9) * 2.0 ** generator.normal(0, camera.exposure_error)
    bright = max(float(np.quantile(inside, 0.97)), 1e-9)
    scale = min(max(scale, DARKEST / max(face, 1e-9)), 1.1 / bright, BRIGHTEST / max(face, 1e-9))
    seconds = scale / camera.sensitivity
    return Exposure(scale, min(max(seconds, FASTEST), camera.slowest), max(seconds / camera.slowest, 1.0))


def _middle(height: int, width: int) -> NDArray[np.bool_]:
    """H, W: the oval where a face is."""
    y = (np.arange(height, dtype=np.float32) + 0.5) / height - 0.5
    x = (np.arange(width, dtype=np.float32) + 0.5) / width - 0.5
    return (y[:, None] / FACE_OVAL[0]) ** 2 + (x[None] / FACE_OVAL[1]) ** 2 < 1


def moved(image: Floats, across: float, down: float) -> Floats:
    """Blur by a straight motion during the exposure.

    Args:
        image: H, W, 3.
        across: Length of the path in pixels, to the right.
        down: The same, downwards.
    """
    length = max(abs(across), abs(down))
    if length < 0.3:
        return image
    steps = min(int(np.ceil(length)) + 1, 24)
    total = np.zeros_like(image)
    for place in np.linspace(-0.5, 0.5, steps):
        total += _shifted(_shifted(image, place * down, 0), place * across, 1)
    return total / np.float32(steps)


def _shifted(image: Floats, by: float, axis: int) -> Floats:
    whole = int(np.floor(by))
    part = np.float32(by - whole)
    length = image.shape[axis]
    near, far = (np.clip(np.arange(length) - whole - step, 0, length - 1) for step in (0, 1))
    return (1 - part) * image.take(near, axis) + part * image.take(far, axis)


def exposed(camera: Device, image: Floats, gain: float, pixels: float, generator: np.random.Generator) -> Floats:
    """The raw picture of an exposed one.

    Args:
        camera: What records.
        image: H, W, 3: shares of the brightest value, in the sensor's colours.
        gain: Of the amplifier.
        pixels: How many pixels of the sensor one of the picture's stands for.
        generator: Of the noise.

    Returns:
        H, W: red, green, green, blue in each square of four; shares of the brightest value, noise may be negative.
    """
    raw = mosaic(np.clip(image, 0, 1))
    brightest = np.float32(camera.full_well * pixels / gain)
    noise = np.sqrt(raw * brightest + np.float32(camera.read_noise**2 * pixels))
    electrons = raw * brightest + noise * generator.standard_normal(raw.shape, dtype=np.float32)
    fixed = np.float32(camera.stripes * camera.read_noise * pixels**0.5)
    electrons += fixed * generator.standard_normal((raw.shape[0], 1), dtype=np.float32)
    electrons += fixed * generator.standard_normal((1, raw.shape[1]), dtype=np.float32)
    return np.asarray(np.minimum(electrons / brightest, 1), np.float32)


def mosaic(image: Floats) -> Floats:
    """H, W: what each pixel keeps of H, W, 3 behind its filter."""
    raw = image[..., 1].copy()
    raw[::2, ::2] = image[::2, ::2, 0]
    raw[1::2, 1::2] = image[1::2, 1::2, 2]
    return raw


def demosaiced(raw: Floats, edge_aware: bool) -> Floats:
    """H, W, 3 of a raw picture H, W: bilinear, or green along edges with red and blue as differences from it.

    The second is Hamilton and Adams, US patent 5,629,734 (expired).
    """
    green = _green(raw, edge_aware)
    base = green if edge_aware else np.zeros_like(raw)
    colours = []
    for first in (0, 1):
        sparse = np.zeros_like(raw)
        sparse[first::2, first::2] = (raw - base)[first::2, first::2]
        colours.append(base + _filled(sparse))
    return np.stack([colours[0], green, colours[1]], axis=2)


def _green(raw: Floats, edge_aware: bool) -> Floats:
    padded = np.pad(raw, 2, mode="reflect")  # mirrored at the pixel, the pattern goes on
    height, width = raw.shape

    def at(down: int, right: int) -> Floats:
        return padded[2 + down : 2 + down + height, 2 + right : 2 + right + width]

    across, along = (at(0, -1) + at(0, 1)) / 2, (at(-1, 0) + at(1, 0)) / 2
    if edge_aware:
        bend_across, bend_along = 2 * raw - at(0, -2) - at(0, 2), 2 * raw - at(-2, 0) - at(2, 0)
        change_across = np.abs(at(0, -1) - at(0, 1)) + np.abs(bend_across)
        change_along = np.abs(at(-1, 0) - at(1, 0)) + np.abs(bend_along)
        across, along = across + bend_across / 4, along + bend_along / 4
        share = (change_along + 1e-4) / (change_across + change_along + 2e-4)
        found = along + (across - along) * share**2 * (3 - 2 * share)
    else:
        found = (across + along) / 2
    green = raw.copy()
    green[::2, ::2], green[1::2, 1::2] = found[::2, ::2], found[1::2, 1::2]
    return green


def _filled(sparse: Floats) -> Floats:
    """Bilinear values between samples two pixels apart in both directions; all others are zero."""
    padded = np.pad(sparse, 1, mode="reflect")
    rows = (padded[:-2] + padded[2:]) / 2 + padded[1:-1]
    return np.asarray((rows[:, :-2] + rows[:, 2:]) / 2 + rows[:, 1:-1], np.float32)


def focused(camera: Device, image: Floats, binning: float) -> Floats:
    """Blur by the lens; `binning` is how many pixels of the sensor one of the picture's is wide."""
    return blurred(image, camera.softness / binning)
