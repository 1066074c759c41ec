"""Bytes of any image file to RGB pixels, or one short reason why not."""

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

warnings.filterwarnings("ignore", module=r"PIL\.")  # Pillow warns of odd files; here they end as pixels or a reason
Image.init()
# What Pillow reads by itself and without running another program (its EPS reader would start Ghostscript); a HEIF or
# SVG plugin that something else registered stays unused, so the same file is a reject on every machine.
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
    if name in Image.OPEN  # AVIF is in Pillow from 11.3 on
)
FORMAT, TRUNCATED, BROKEN = "not a supported image format", "truncated image", "broken image"
UNREADABLE = (FORMAT, TRUNCATED, BROKEN)
STRIP = 1 << 20  # pixels that are converted at a time: one copy of a large image is enough

# Exif orientation: the view of the upright image in which the stored one stands as it is stored.
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

    The Exif orientation is applied; alpha is composited onto white; of an animation the first frame is taken; of 16
    bits the high byte is kept (as Pillow does for 16-bit colour); colour profiles are not applied. [ours]
    Texts, profiles and the like that are broken, cut off or large are passed over (`factory.images.ancillary`).

    Raises:
        ValueError: with one of a few fixed reasons: `empty file`, `not a supported image format`, `image too large`
            (more than `MAX_PIXELS`, `MAX_SIDE` or `MAX_MEMORY` of `factory.images.limits`, by its header),
            `truncated image`, `broken image`, `unsupported pixel format <Pillow mode>`.
            Nothing else is raised for bad bytes; MemoryError is, because it says nothing of them.
    """
    if not data:
        raise UnreadableError("empty file")
    found = _decode(data)
    if isinstance(found, str) and found in UNREADABLE:
        # Perhaps its pixels are good, and a text or a profile is not: only pixels decide.
        for bare in bare_files(data):
            again = _decode(bare)
            if not (isinstance(again, str) and again in UNREADABLE):
                found = again
                break
    if isinstance(found, str):
        raise UnreadableError(found)
    return found


def _decode(data: bytes) -> np.ndarray | str:
    """The upright pixels, or the reason why there are none."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _pixels(image) if image_fits(image) else TOO_LARGE
    except UnidentifiedImageError:
        return FORMAT
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # a warning where a program makes it one
        return TOO_LARGE
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise whatever the bytes lead them to
        return TRUNCATED if "truncated" in str(error).lower() else BROKEN


def resize(pixels: np.ndarray, side: int) -> np.ndarray:
    """Scale a square image, uint8 (S, S, 3), to (side, side, 3) with Pillow's Lanczos filter.

    The filter is three lobes wide and is stretched by the factor of reduction, so reducing does not alias. [ours]
    """
    assert pixels.shape[0] == pixels.shape[1], f"resize keeps proportions: give a square, not {pixels.shape}"
    if pixels.shape[0] == side:
        return pixels
    return np.array(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def _orientation(image: Image.Image) -> int:
    """Exif orientation of a loaded image; 1 (upright) where the Exif block is absent or broken."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:
        return 1


def _pixels(image: Image.Image) -> np.ndarray | str:
    """The upright pixels of an opened image, or the reason why it has none."""
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
    """The image as RGB; None if its brightness scale is not known."""
    if image.mode.startswith("I"):  # 16 bits, also where Pillow holds them in 32
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            return None
        return np.asarray((values >> 8).astype(np.uint8)[..., None])
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(image.convert("RGB"))
