"""Bytes of any image file to RGB pixels, or one short reason why not."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

warnings.filterwarnings("ignore", module=r"PIL\.")  # Pillow warns of odd files; here they end as pixels or a reason
Image.init()
# What Pillow reads by itself and without running another program (its EPS reader would start Ghostscript); a HEIF or
# SVG plugin that something else registered stays unused, so the same file is a reject on every machine.
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
    if name in Image.OPEN  # AVIF is in Pillow from 11.3 on
)
MAX_PIXELS = 89_478_485  # Pillow's decompression-bomb limit (above it Pillow only warns, above twice it refuses)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # Exif orientation: what turns the stored image upright


def decode(data: bytes) -> np.ndarray:
    """Decode the bytes of an image file to upright RGB pixels, uint8 (H, W, 3).

    The Exif orientation is applied; alpha is composited onto white; of an animation the first frame is taken; of 16
    bits the high byte is kept (as Pillow does for 16-bit colour); colour profiles are not applied. [ours]

    Raises:
        ValueError: with one of a few fixed reasons: `empty file`, `not a supported image format`, `image too large`
            (more than `MAX_PIXELS`), `truncated image`, `broken image`, `unsupported pixel format <Pillow mode>`.
            Nothing else is raised for bad bytes; MemoryError is, because it says nothing of them.
    """
    if not data:
        raise ValueError("empty file")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            fits = image.width * image.height <= MAX_PIXELS
            if fits:
                image.load()
                orientation = _orientation(image)
                rgb = _to_rgb(image)
    except UnidentifiedImageError:
        raise ValueError("not a supported image format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # a warning where a program makes it one
        raise ValueError("image too large") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise whatever the bytes lead them to
        raise ValueError("truncated image" if "truncated" in str(error).lower() else "broken image") from None
    if not fits:
        raise ValueError("image too large")
    if isinstance(rgb, str):
        raise ValueError(f"unsupported pixel format {rgb}")
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    return np.array(rgb)


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


def _to_rgb(image: Image.Image) -> Image.Image | str:
    """The image as RGB, or the name of a mode whose brightness scale is unknown."""
    if image.mode.startswith("I"):  # 16 bits, also where Pillow holds them in 32
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            return "I"
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("F", "LAB", "HSV"):
        return image.mode
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")
