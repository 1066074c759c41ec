"""Image files as users really have them: odd but good, and bad in every way that came to mind.

`odd_images()` makes each file's bytes with what `factory.images.decode` shall do with it: the (height, width) of the
image, or the reason of its ValueError. `write_odd_images` puts them into a folder under awkward names.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, features

FORMAT, LARGE, CUT, BROKEN, EMPTY = (
    "not a supported image format",
    "image too large",
    "truncated image",
    "broken image",
    "empty file",
)
SIZE = (24, 32)  # height, width of every good file that does not say otherwise


class Odd(NamedTuple):
    """A file: its name's extension, its bytes, and the size it decodes to or the reason it does not."""

    extension: str
    data: bytes
    expected: tuple[int, int] | str


def scene(height: int = SIZE[0], width: int = SIZE[1]) -> np.ndarray:
    """A red upper left quarter on a green-blue ramp, uint8 (H, W, 3): every turn or mirror image of it shows."""
    ramp = np.linspace(40, 215, width).astype(np.uint8)
    pixels = np.stack([np.zeros((height, width), np.uint8)] + [np.broadcast_to(ramp, (height, width))] * 2, axis=2)
    pixels[: height // 2, : width // 2] = (250, 10, 10)
    return pixels


def saved(image: Image.Image | np.ndarray, form: str, **options: object) -> bytes:
    """Bytes of an image in one of Pillow's formats."""
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, form, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, lines: bytes, extra: bytes = b"") -> bytes:
    """A PNG from its fields: bit depth, colour type, unfiltered scan lines, further chunks before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def turned(orientation: int) -> Image.Image:
    """The scene as a camera stores it that says `orientation`."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the inverse, as Image.Transpose values
    image = Image.fromarray(scene())
    return image.transpose(Image.Transpose(back[orientation])) if orientation in back else image


def odd_images() -> dict[str, Odd]:
    """All kinds by name."""
    return {**_colour_kinds(), **_structure_kinds(), **_bad_kinds()}


def _colour_kinds() -> dict[str, Odd]:
    image = Image.fromarray(scene())
    h, w = SIZE
    grey16 = np.linspace(0, 65535, h * w).reshape(h, w).astype(np.uint16)
    lines16 = b"".join(b"\0" + line.astype(">u2").tobytes() for line in scene().astype(np.uint16) * 257)
    alpha = image.copy()
    alpha.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, w).astype(np.uint8), (h, 1))))
    palette = image.quantize(16)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    good = {
        "grey": Odd("png", saved(image.convert("L"), "PNG"), SIZE),
        "one-bit": Odd("png", saved(image.convert("1"), "PNG"), SIZE),
        "palette": Odd("png", saved(palette, "PNG"), SIZE),
        "palette-transparent": Odd("png", saved(palette, "PNG", transparency=bytes(range(16))), SIZE),
        "palette-transparent-index": Odd("gif", saved(palette, "GIF", transparency=1), SIZE),
        "grey-alpha": Odd("png", saved(alpha.convert("LA"), "PNG"), SIZE),
        "alpha": Odd("png", saved(alpha, "PNG"), SIZE),
        "alpha-webp": Odd("webp", saved(alpha, "WEBP"), SIZE),
        "colour-key": Odd("png", saved(image, "PNG", transparency=(250, 10, 10)), SIZE),
        "grey-16": Odd("png", saved(grey16, "PNG"), SIZE),
        "grey-16-tiff": Odd("tif", saved(grey16, "TIFF"), SIZE),
        "grey-16-pgm": Odd("pgm", b"P5 32 24 65535\n" + grey16.astype(">u2").tobytes(), SIZE),
        "colour-16": Odd("png", png(w, h, 16, 2, lines16), SIZE),
        "cmyk": Odd("jpg", saved(image.convert("CMYK"), "JPEG"), SIZE),
        "cmyk-tiff": Odd("tiff", saved(image.convert("CMYK"), "TIFF"), SIZE),
        "lab-tiff": Odd("tif", saved(Image.new("LAB", (w, h)), "TIFF"), "unsupported pixel format LAB"),
        "float-tiff": Odd("tif", saved(Image.new("F", (w, h)), "TIFF"), "unsupported pixel format F"),
        "int32-tiff": Odd("tif", saved(Image.new("I", (w, h), 1 << 20), "TIFF"), "unsupported pixel format I"),
        "profile": Odd("jpg", saved(image, "JPEG", icc_profile=srgb), SIZE),
    }
    if features.check("avif"):
        good["avif"] = Odd("avif", saved(image, "AVIF"), SIZE)
    return good


def _structure_kinds() -> dict[str, Odd]:
    image = Image.fromarray(scene())
    frames = [image.transpose(Image.Transpose.ROTATE_180) for _ in range(2)]
    jpeg = saved(image, "JPEG")
    broken_exif = b"Exif\0\0MM\0*\xff\xff\xff\xff"
    good = {
        f"exif-{n}": Odd("jpg", saved(turned(n), "JPEG", exif=exif(n), quality=95, subsampling=0), SIZE)
        for n in range(1, 9)
    }
    return good | {
        "exif-png": Odd("png", saved(turned(6), "PNG", exif=exif(6)), SIZE),
        "exif-webp": Odd("webp", saved(turned(8), "WEBP", exif=exif(8), lossless=True), SIZE),
        "exif-tiff": Odd("tif", saved(turned(6), "TIFF", exif=exif(6)), SIZE),
        "exif-9": Odd("jpg", saved(image, "JPEG", exif=exif(9)), SIZE),
        "exif-broken": Odd("jpg", saved(image, "JPEG", exif=broken_exif), SIZE),
        "animated-gif": Odd("gif", saved(image, "GIF", save_all=True, append_images=frames), SIZE),
        "animated-webp": Odd("webp", saved(image, "WEBP", save_all=True, append_images=frames, lossless=True), SIZE),
        "animated-png": Odd("png", saved(image, "PNG", save_all=True, append_images=frames), SIZE),
        "pages": Odd("tiff", saved(image, "TIFF", save_all=True, append_images=frames), SIZE),
        "multi-picture": Odd("jpg", saved(image, "MPO", save_all=True, append_images=frames), SIZE),
        "progressive": Odd("jpg", saved(image, "JPEG", progressive=True), SIZE),
        "bmp": Odd("bmp", saved(image, "BMP"), SIZE),
        "ppm": Odd("ppm", saved(image, "PPM"), SIZE),
        "jpeg-2000": Odd("jp2", saved(image, "JPEG2000"), SIZE),
        "trailing-rubbish": Odd("jpg", jpeg + b"rubbish" * 100, SIZE),
        "wrong-extension": Odd("png", jpeg, SIZE),
        "one-pixel": Odd("png", saved(scene(1, 1), "PNG"), (1, 1)),
        "ribbon": Odd("png", saved(scene(1, 3000), "PNG"), (1, 3000)),
    }


def _bad_kinds() -> dict[str, Odd]:
    grain = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    jpeg, plain = saved(grain, "JPEG"), saved(grain, "PNG")
    webp, gif, jp2 = saved(grain, "WEBP"), saved(Image.fromarray(grain).quantize(64), "GIF"), saved(grain, "JPEG2000")
    frame = jpeg.index(b"\xff\xc0") + 5  # height and width in the start-of-frame segment
    flipped = bytearray(plain)
    flipped[len(plain) // 2] ^= 0xFF
    text = chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(80 << 20), 9))
    return {
        "empty": Odd("jpg", b"", EMPTY),
        "zeros": Odd("jpg", bytes(1000), FORMAT),
        "noise": Odd("jpg", grain.tobytes(), FORMAT),
        "text": Odd("jpg", b"404 not found\n", FORMAT),
        "html": Odd("png", b"<!DOCTYPE html><html><body>Sign in</body></html>", FORMAT),
        "svg": Odd("svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', FORMAT),
        "heic": Odd("heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), FORMAT),
        "eps": Odd("jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", FORMAT),
        "icon": Odd("ico", saved(Image.fromarray(grain), "ICO"), FORMAT),
        "qoi": Odd("qoi", b"qoif" + struct.pack(">IIBB", 2, 2, 3, 0) + bytes(20), FORMAT),
        "jpeg-xl": Odd("jxl", b"\xff\x0a" + bytes(90), FORMAT),
        "resource-fork": Odd("jpg", b"\0\x05\x16\x07\0\x02\0\0Mac OS X" + bytes(100), FORMAT),
        "signature-only": Odd("png", plain[:8], FORMAT),
        "jpeg-start-only": Odd("jpg", jpeg[:2], FORMAT),
        "cut-jpeg": Odd("jpg", jpeg[: len(jpeg) // 2], CUT),
        "cut-png": Odd("png", plain[: len(plain) // 2], CUT),
        "cut-bmp": Odd("bmp", saved(grain, "BMP")[:500], CUT),
        "cut-gif": Odd("gif", gif[: len(gif) // 2], CUT),
        "cut-webp": Odd("webp", webp[: len(webp) // 2], BROKEN),
        "cut-jpeg-2000": Odd("jp2", jp2[: len(jp2) // 2], BROKEN),
        "flipped-byte": Odd("png", bytes(flipped), BROKEN),
        "no-width": Odd("png", png(0, 9, 8, 2, b""), FORMAT),
        "lying-png": Odd("png", png(500, 500, 8, 2, bytes(100)), CUT),
        "lying-jpeg": Odd("jpg", jpeg[:frame] + b"\xff\xdc\xff\xdc" + jpeg[frame + 4 :], LARGE),
        "bomb": Odd("png", png(12000, 12000, 1, 0, bytes(1501 * 12000)), LARGE),
        "huge-bomb": Odd("png", png(60000, 60000, 1, 0, b""), LARGE),
        "text-bomb": Odd("png", png(1, 1, 8, 2, bytes(4), text), (1, 1)),
        "tiff-loop": Odd("tif", b"II*\0\x08\0\0\0\0\0\x08\0\0\0", FORMAT),
    }


def write_odd_images(folder: Path) -> dict[str, Odd]:
    """Write every kind below `folder`, some under awkward names; returns them by path relative to it."""
    written = {}
    for number, (name, odd) in enumerate(odd_images().items()):
        prefix = ("", "with space ", "übergröße-", "line\nbreak-", "quote'\"", "-dash", "ends in dot. ", "%41{x}")
        path = f"{prefix[number % 8]}{name}.{odd.extension}"
        (folder / path).write_bytes(odd.data)
        written[path] = odd
    return written


def write_traps(folder: Path) -> None:
    """Links in loops, links to nothing, a pipe, a name that is no UTF-8 and hidden files, below `folder`."""
    (folder / "down").mkdir()
    (folder / "down" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "down" / "self").symlink_to("self")
    (folder / "down" / "lost.jpg").symlink_to("nowhere.jpg")
    (folder / "down" / "circle.jpg").symlink_to("circle.jpg")
    (folder / ".hidden.jpg").write_bytes(b"")
    os.mkfifo(folder / "down" / "pipe.jpg")
    with open(os.fsencode(folder) + b"/down/latin-\xe9.png", "wb") as file:
        file.write(saved(scene(), "PNG"))
