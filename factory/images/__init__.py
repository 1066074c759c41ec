"""Decodes the bytes of any image file to RGB pixels, or gives one short reason why they cannot be decoded."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image, UnidentifiedImageError

from difffas.errors import UnreadableError
from factory.images.ancillary import bare_files
from factory.images.limits import MAX_PIXELS as MAX_PIXELS
from factory.images.limits import OUT, TOO_LARGE, image_fits

warnings.filterwarnings("ignore", module=r"PIL\.")  # Pillow warns of odd files; decode reports a reason
Image.init()
# Formats that Pillow reads by itself, without running another program (its EPS reader would start Ghostscript). HEIF
# or SVG plugins that other code registered stay unused, so such a file is a reject on every machine.
IMAGE_FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
    if name in Image.OPEN  # Pillow has AVIF from 11.3 on
)
FORMAT, TRUNCATED, BROKEN = "not a supported image format", "truncated image", "broken image"
UNREADABLE = (FORMAT, TRUNCATED, BROKEN)
STRIP = 1 << 20  # pixels converted at a time, so that a large image is not copied whole

# By Exif orientation: the view of the upright image that has the layout of the stored image.
_STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


def decode(data: bytes) -> np.ndarray:
    """Decode the bytes of an image file to upright RGB pixels, uint8 (H, W, 3).

    The Exif orientation is applied; alpha is composited onto white; an animation gives its first frame; a 16-bit
    sample keeps its high byte (as in Pillow for 16-bit colour); colour profiles are not applied. [ours]
    Texts, profiles and similar parts that are broken, cut off or large are skipped (`factory.images.ancillary`).

    Raises:
        UnreadableError: with one of a few fixed reasons: `empty file`, `not a supported image format`, `image too
            large` (by its header, more than `MAX_PIXELS`, `MAX_SIDE` or `MAX_MEMORY` of `factory.images.limits`),
            `truncated image`, `broken image`, `unsupported pixel format <Pillow mode>`. Bad bytes raise nothing else.
        MemoryError: if memory runs out, whatever the bytes are.
    """
    if not data:
        raise UnreadableError("empty file")
    found = _decode(data)
    if isinstance(found, str) and found in UNREADABLE:
        # Perhaps only a text or a profile is broken and the pixels are good: only pixels decide.
        for bare in bare_files(data):
            again = _decode(bare)
            if not (isinstance(again, str) and again in UNREADABLE):
                found = again
                break
    if isinstance(found, str):
        raise UnreadableError(found)
    return found


def _decode(data: bytes) -> np.ndarray | str:
    """Return the upright pixels, or the reason why they cannot be had."""
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            return _pixels(image) if image_fits(image) else TOO_LARGE
    except UnidentifiedImageError:
        return FORMAT
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # a program may raise the warning
        return TOO_LARGE
    except MemoryError:
        raise
    except Exception as error:  # bad bytes may make Pillow's readers raise any kind
        return TRUNCATED if "truncated" in str(error).lower() else BROKEN


def resize(pixels: np.ndarray, side: int) -> np.ndarray:
    """Scale a square image, uint8 (S, S, 3), to (side, side, 3) with Pillow's Lanczos filter.

    The filter is three lobes wide and is stretched by the reduction factor, so reducing does not alias. [ours]
    """
    assert pixels.shape[0] == pixels.shape[1], f"resize keeps proportions: give a square, not {pixels.shape}"
    if pixels.shape[0] == side:
        return pixels
    return np.array(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def _orientation(image: Image.Image) -> int:
    """Return the Exif orientation of a loaded image; 1 (upright) if the Exif block is absent or broken."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:
        return 1


def _pixels(image: Image.Image) -> np.ndarray | str:
    """Return the upright pixels of an opened image, or the reason why they cannot be had."""
    image.load()
    if image.mode in ("F", "LAB", "HSV"):
        return f"unsupported pixel format {image.mode}"
    orientation = _orientation(image)
    width, height = image.size
    upright = np.empty((width, height, OUT) if 5 <= orientation <= 8 else (height, width, OUT), np.uint8)
    stored = _STORED[orientation](upright) if orientation in _STORED else upright
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = image.crop((0, top, width, bottom)) if bottom - top < height else image
        rgb = _to_rgb(strip)
        if rgb is None:
            return "unsupported pixel format I"
        stored[top:bottom] = rgb
    return upright


def _to_rgb(image: Image.Image) -> np.ndarray | None:
    """Return the image as RGB; None if its brightness scale is unknown."""
    if image.mode.startswith("I"):  # 16-bit samples, which Pillow may hold in 32 bits
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            return None
        return np.asarray((values >> 8).astype(np.uint8)[..., None])
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(image.convert("RGB"))
