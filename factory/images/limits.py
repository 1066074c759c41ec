"""Limits on the size of an image: pixels, length of a side, and memory that decoding takes."""

from __future__ import annotations

from PIL import Image

MAX_PIXELS = 89_478_485  # Pillow's decompression-bomb limit (above it Pillow only warns, above twice it refuses)
MAX_SIDE = 65_535  # pixels, the largest that a JPEG can have; decoders fail on far longer lines as if out of memory
MAX_MEMORY = 1 << 30  # bytes that decoding one image may take
OUT = 3  # bytes per pixel of the decoded array

TOO_LARGE = "image too large"

_HELD = {"1": 1, "L": 1, "P": 1}  # bytes per pixel of Pillow's image; other modes take 4, 16-bit modes 2
# Bytes per pixel and channel that a format's decoder holds in addition, for the whole image: coefficients of a
# progressive JPEG, OpenJPEG's 32-bit samples and their copy, libwebp's two canvases and their copy, libavif's planes.
_BUFFERS = {"JPEG": 2, "MPO": 2, "JPEG2000": 6, "WEBP": 4, "AVIF": 6}
_BITS, _TILE_WIDTH, _TILE_HEIGHT = 258, 322, 323  # TIFF tags


def fits(width: int, height: int, bytes_per_pixel: float) -> bool:
    """Return whether an image of this size may be decoded when decoding takes this many bytes per pixel."""
    pixels = width * height
    return max(width, height) <= MAX_SIDE and pixels <= MAX_PIXELS and pixels * bytes_per_pixel <= MAX_MEMORY


def image_fits(image: Image.Image) -> bool:
    """Return whether an opened, not yet loaded image may be decoded, judged by its header."""
    width, height = image.size
    channels = len(image.getbands())
    if image.format in ("JPEG", "MPO"):  # baseline JPEGs are decoded line by line
        buffers = 2 * channels if image.info.get("progressive") else 0
    else:
        buffers = channels * _BUFFERS.get(image.format or "", _sample_bytes(image))
    held = _HELD.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    if image.format == "TIFF" and not _tile_fits(image, channels):
        return False
    return fits(width, height, held + buffers + OUT)


def _sample_bytes(image: Image.Image) -> int:
    """Return the bytes of one sample in the file: Pillow keeps one of two bytes, and some decoders hold both."""
    if image.format == "TIFF":
        return max(1, -(-max(_numbers(image, _BITS), default=8) // 8))
    if image.mode[0] in "IF":
        return 4
    return 2 if ";16" in str(getattr(image, "tile", "")) else 1


def _tile_fits(image: Image.Image, channels: int) -> bool:
    """Return whether one tile fits: a TIFF of any size may declare huge tiles, and libtiff holds a tile whole."""
    width, height = (max(_numbers(image, tag), default=1) for tag in (_TILE_WIDTH, _TILE_HEIGHT))
    return fits(width, height, channels * _sample_bytes(image))


def _numbers(image: Image.Image, tag: int) -> list[int]:
    """Return the values of a TIFF tag; empty if the tag is absent or holds anything but numbers."""
    try:
        values = image.tag_v2.get(tag, ())  # type: ignore[attr-defined]
        return [int(value) for value in (values if isinstance(values, tuple) else (values,))]
    except (AttributeError, TypeError, ValueError, OverflowError):
        return []
