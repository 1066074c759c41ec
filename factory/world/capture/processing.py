"""What a camera makes of colour values: white balance, colour matrix, noise reduction, sharpening, tone curve."""

from __future__ import annotations

import numpy as np

from factory.world.capture.cameras import Device
from factory.world.capture.filters import blurred
from factory.world.scene import Floats

FACE_COLOUR = (1.22, 1.0, 0.84)  # mean of a picture half of skin, half of a grey room, in white light
HALO = 0.12  # of white: the most that sharpening adds
TOWARDS_GREEN = 0.35  # of an estimate off the line from lamps to sky is believed; lights are mostly on it


def crosstalk(share: float) -> Floats:
    """3, 3: linear sRGB to the colours of a sensor whose filters let through `share` of each neighbour."""
    return np.asarray((1 - 3 * share) * np.eye(3) + share, np.float32)


def colour_matrix(camera: Device) -> Floats:
    """3, 3: balanced colours of the sensor to linear sRGB, in the maker's taste."""
    grey = np.tile(np.array([0.2126, 0.7152, 0.0722], np.float32), (3, 1))
    taste = camera.saturation * np.eye(3, dtype=np.float32) + (1 - camera.saturation) * grey
    back = np.linalg.inv(crosstalk(camera.crosstalk).astype(np.float64))
    return np.asarray(np.diag(camera.tint) @ taste @ back, np.float32)


def white_balance(camera: Device, image: Floats, generator: np.random.Generator) -> Floats:
    """3: gains of red, green and blue, none below 1, by the grey-world assumption, as far as the camera goes.

    Args:
        camera: What records.
        image: H, W, 3: what its sensor saw.
        generator: Of the error.
    """
    expected = crosstalk(camera.crosstalk) @ np.array(FACE_COLOUR, np.float32)
    lights_apart = np.minimum(image, 3 * image.mean())  # a lamp in the picture must not decide
    wanted = np.log(expected / np.maximum(lights_apart.mean(axis=(0, 1)), 1e-6))
    wanted -= wanted.mean()
    warm = (wanted[0] - wanted[2]) / 2
    green = wanted[1]
    warm, green = camera.balance * warm, camera.balance * TOWARDS_GREEN * green
    error = generator.normal(0, camera.balance_error, 2)
    gains = np.exp(np.array([warm - green / 2 + error[0], green, -warm - green / 2 + error[1]]))
    return np.asarray(gains / gains.min(), np.float32)


def smoothed(image: Floats, noise: float) -> Floats:
    """Noise reduction: what is fainter than the noise goes, in two bands; colour loses more than brightness.

    Args:
        image: H, W, 3: values whose noise is the same everywhere.
        noise: Differences up to about this are taken for noise.
    """
    if noise <= 0:
        return image
    light = image.mean(axis=2)
    fine = blurred(light, 0.8)
    coarse = blurred(fine, 1.6)
    clean = coarse + _shrunk(fine - coarse, 0.5 * noise) + _shrunk(light - fine, noise)
    colour = image - light[..., None]
    faint = blurred(colour, 0.8 + 20 * min(noise, 0.08))
    return clean[..., None] + faint + _shrunk(colour - faint, 3 * noise)


def _shrunk(detail: Floats, noise: float) -> Floats:
    return np.asarray(detail * (1 - np.exp(-0.5 * (detail / noise) ** 2)), np.float32)


def sharpened(image: Floats, amount: float, radius: float) -> Floats:
    """Unsharp mask of the brightness; its halos are bounded, as cameras bound them."""
    light = image.mean(axis=2)
    detail = light - blurred(light, radius)
    return np.asarray(image + (amount * HALO * np.tanh(detail / HALO))[..., None], np.float32)


def toned(image: Floats, contrast: float) -> Floats:
    """Linear values to those of the file, 0 to 1: highlights roll off, sRGB's curve, an S for contrast."""
    image = np.maximum(image, 0)
    knee = np.float32(0.6)
    above = np.maximum(image - knee, 0)
    image = np.minimum(image, knee) + (1 - knee) * above / (above + (1 - knee))
    image = image * np.float32(1 / (knee + (1 - knee) * 0.6))
    coded = np.where(image < 0.0031308, 12.92 * image, 1.055 * np.maximum(image, 1e-6) ** (1 / 2.4) - 0.055)
    coded = np.clip(coded, 0, 1)
    return np.asarray(coded + contrast * (coded * coded * (3 - 2 * coded) - coded), np.float32)
