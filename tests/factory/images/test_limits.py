"""Every format's images are refused by their headers where they are too long, too many pixels or too much memory."""

from __future__ import annotations

import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from factory.images import IMAGE_FORMATS, decode
from factory.images import limits as image_limits
from factory.images.limits import MAX_MEMORY, MAX_PIXELS, MAX_SIDE, fits
from tests.odd_images import chunk, png, saved, scene

PICTURE = Image.fromarray(scene(40, 60))
ALPHA = PICTURE.copy()
ALPHA.putalpha(128)
GREY16 = np.full((40, 60), 60000, np.uint16)
FILES: dict[str, bytes] = {
    "JPEG": saved(PICTURE, "JPEG"),
    "JPEG progressive": saved(PICTURE, "JPEG", progressive=True),
    "JPEG cmyk": saved(PICTURE.convert("CMYK"), "JPEG"),
    "JPEG grey": saved(PICTURE.convert("L"), "JPEG"),
    "MPO": saved(PICTURE, "MPO", save_all=True, append_images=[PICTURE]),
    "PNG": saved(PICTURE, "PNG"),
    "PNG palette": saved(PICTURE.quantize(16), "PNG"),
    "PNG 16-bit grey": saved(GREY16, "PNG"),
    "PNG 16-bit alpha": png(60, 40, 16, 6, (b"\0" + bytes(8 * 60)) * 40),
    "PNG animated": saved(PICTURE, "PNG", save_all=True, append_images=[PICTURE] * 5),
    "WEBP": saved(PICTURE, "WEBP"),
    "WEBP animated": saved(PICTURE, "WEBP", save_all=True, append_images=[ALPHA] * 50),
    "BMP": saved(PICTURE, "BMP"),
    "BMP 32-bit": saved(ALPHA, "BMP"),
    "DIB": saved(PICTURE, "DIB"),
    "GIF animated": saved(PICTURE, "GIF", save_all=True, append_images=[PICTURE] * 50),
    "TIFF": saved(PICTURE, "TIFF"),
    "TIFF lzw": saved(PICTURE, "TIFF", compression="tiff_lzw"),
    "TIFF 16-bit": saved(GREY16, "TIFF"),
    "TIFF cmyk": saved(PICTURE.convert("CMYK"), "TIFF"),
    "TIFF pages": saved(PICTURE, "TIFF", save_all=True, append_images=[PICTURE] * 9),
    "PPM": saved(PICTURE, "PPM"),
    "PPM 16-bit": b"P6 60 40 65535\n" + bytes(6 * 60 * 40),
    "JPEG2000": saved(PICTURE, "JPEG2000"),
}
if "AVIF" in IMAGE_FORMATS:
    FILES["AVIF"] = saved(PICTURE, "AVIF")
    FILES["AVIF animated"] = saved(PICTURE, "AVIF", save_all=True, append_images=[PICTURE] * 5)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("limit", "value"), [("MAX_PIXELS", 60 * 40 - 1), ("MAX_SIDE", 59), ("MAX_MEMORY", 9000)])
def test_every_format_keeps_each_limit(name: str, limit: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert decode(FILES[name]).shape == (40, 60, 3)
    monkeypatch.setattr(image_limits, limit, value)
    loaded: list[Any] = []
    monkeypatch.setattr(Image.Image, "load", lambda image: loaded.append(image))
    with pytest.raises(ValueError, match="^image too large$"):
        decode(FILES[name])
    assert not loaded, "the header alone tells"


def test_an_image_turned_by_its_exif_has_the_limits_of_the_stored_one(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Image.Exif()
    block[0x0112] = 6
    data = saved(PICTURE, "JPEG", exif=block.tobytes())
    assert decode(data).shape == (60, 40, 3)
    monkeypatch.setattr(image_limits, "MAX_SIDE", 59)
    with pytest.raises(ValueError, match="^image too large$"):
        decode(data)


def line(width: int, height: int, depth: int, colour: int) -> bytes:
    """A PNG of zeros, made without holding them."""
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    row = -(-width * samples * depth // 8) + 1
    packer, blank = zlib.compressobj(9), bytes(1 << 20)
    left, parts = row * height, []
    while left > 0:
        parts.append(packer.compress(blank[: min(left, len(blank))]))
        left -= len(blank)
    body = chunk(b"IDAT", b"".join(parts) + packer.flush())
    return png(width, height, depth, colour, b"")[:33] + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "depth", "colour"),
    [
        *((MAX_PIXELS, 1, 1, 0), (1, MAX_PIXELS, 1, 0), (MAX_SIDE + 1, 1, 8, 0), (1, MAX_SIDE + 1, 8, 2)),
        *((9459, 9459, 16, 6), (9459, 9459, 16, 4), (MAX_SIDE, 1300, 16, 6)),
    ],
)
def test_small_files_of_large_images_are_one_reject_each(width: int, height: int, depth: int, colour: int) -> None:
    assert not fits(width, height, 15 if depth == 16 and colour == 6 else 13 if colour == 4 else 0)
    with pytest.raises(ValueError, match="^image too large$"):
        decode(png(width, height, depth, colour, b""))  # it ends there: nothing of it is decoded


def test_the_longest_lines_are_decoded() -> None:
    assert decode(line(MAX_SIDE, 2, 8, 2)).shape == (2, MAX_SIDE, 3)
    assert decode(line(2, MAX_SIDE, 16, 6)).shape == (MAX_SIDE, 2, 3)


@pytest.mark.parametrize("size", [(65535 // 16 * 16, 65535 // 16 * 16), (1 << 20, 16), (16, 1 << 20)])
def test_a_small_tiff_with_a_huge_tile_is_a_reject(size: tuple[int, int]) -> None:
    """libtiff would hold a whole tile, whatever the image's size."""
    tags = {322: size[0], 323: size[1], 324: 8, 325: 100}
    entries = {256: 60, 257: 40, 258: 8, 259: 5, 262: 1, 277: 1, **tags}
    body = b"".join(
        tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little") + value.to_bytes(4, "little")
        for tag, value in sorted(entries.items())
    )
    data = b"II*\0" + (108).to_bytes(4, "little") + bytes(100) + len(entries).to_bytes(2, "little") + body + bytes(4)
    with pytest.raises(ValueError, match="^image too large$"):
        decode(data)


PEAK = """
import resource, sys
from factory.images import decode
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode(data)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("side", "depth", "colour"), [(9459, 8, 2), (9459, 8, 6), (8400, 16, 6), (9000, 16, 2)])
def test_the_largest_images_that_are_taken_need_no_more_than_the_bound(side: int, depth: int, colour: int) -> None:
    data = line(side, side, depth, colour)
    made = subprocess.run([sys.executable, "-c", PEAK], input=data, capture_output=True, check=True)
    assert int(made.stdout) < MAX_MEMORY


def test_formats_of_16_bits_come_out_as_before() -> None:
    values = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)
    for form in ("PNG", "TIFF"):
        assert (decode(saved(values, form)) == (values >> 8)[..., None]).all()


def test_strips_are_one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    from factory import images

    kinds = {**FILES, "alpha": saved(ALPHA, "PNG"), "turned": saved(PICTURE, "JPEG", exif=b"Exif\0\0" + _turned())}
    whole = {name: decode(data) for name, data in kinds.items()}
    monkeypatch.setattr(images, "STRIP", 61)
    for name, data in kinds.items():
        assert (decode(data) == whole[name]).all(), name


def _turned() -> bytes:
    block = Image.Exif()
    block[0x0112] = 7
    return block.tobytes().removeprefix(b"Exif\0\0")
