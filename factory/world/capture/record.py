"""A camera as a whole: radiance in, the decoded picture of its file out."""

from __future__ import annotations

import numpy as np

from factory.world.capture import compression, processing, sensor
from factory.world.capture.cameras import Device
from factory.world.capture.filters import resized
from factory.world.scene import Floats

PICTURE_WIDTH = 0.27  # metres that a picture's side covers at the face: how far motion goes in pixels
OVERSAMPLING = 1.5  # at most so many pixels of the sensor are computed for one of the picture


def record(camera: Device, radiance: Floats, generator: np.random.Generator) -> compression.Picture:
    """Record a picture.

    Args:
        camera: What records.
        radiance: H, W, 3: linear sRGB; 1 is 100 cd/m².
        generator: Of exposure and white balance errors, motion and noise.

    Returns:
        H, W, 3: uint8 sRGB.
    """
    height, width = radiance.shape[:2]
    side = min(camera.side, round(OVERSAMPLING * width))
    light = resized(np.maximum(radiance, 0), max(round(side * height / width), 4), max(side, 4))
    binning = camera.side / side
    seen = np.asarray(light @ processing.crosstalk(camera.crosstalk).T, np.float32)
    gains = processing.white_balance(camera, seen, generator)
    exposure = sensor.metered(camera, seen * gains, generator)
    across, down = generator.normal(0, camera.shake, 2) * exposure.seconds / PICTURE_WIDTH * side
    arrived = sensor.focused(camera, sensor.moved(seen * np.float32(exposure.scale), across, down), binning)
    raw = sensor.exposed(camera, arrived, exposure.gain, binning**2, generator)
    colours = _cleaned(camera, sensor.demosaiced(raw, camera.edge_aware), exposure.gain, binning**2)
    balanced = np.asarray((colours * gains) @ processing.colour_matrix(camera).T, np.float32)
    picture = processing.toned(balanced, camera.contrast)
    picture = processing.sharpened(picture, camera.sharpening, camera.sharpening_radius / max(binning, 1))
    coded = _coded(camera, _bytes(picture), generator)
    return _bytes(resized(np.asarray(coded / 255, np.float32), height, width))


def _cleaned(camera: Device, colours: Floats, gain: float, pixels: float) -> Floats:
    """Noise reduction on square roots, whose noise is the same in shadows and lights (Anscombe's transform)."""
    brightest = camera.full_well * pixels / gain
    shift = np.float32(0.375 / brightest + camera.read_noise**2 * pixels / brightest**2)
    roots = np.sqrt(np.maximum(colours + shift, 0))
    return processing.smoothed(roots, camera.denoise * 0.5 / brightest**0.5) ** 2 - shift


def _coded(camera: Device, picture: compression.Picture, generator: np.random.Generator) -> compression.Picture:
    quality = generator.uniform(*camera.quality)
    if camera.codec == "jpeg":
        return compression.jpeg(picture, round(quality))
    return compression.video(picture, quality, generator)


def _bytes(image: Floats) -> compression.Picture:
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
