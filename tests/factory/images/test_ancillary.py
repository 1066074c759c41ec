"""Pixels decide whether a file is an image: not its texts, profiles, thumbnails, nor what is broken among them."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from factory import images
from factory.images import decode
from tests.odd_images import chunk, exif, saved, scene, turned

PICTURE = Image.fromarray(scene())
NOISE = os.urandom(3_000_000)
LONG = zlib.compress(bytes(3_000_000))
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def wrong(data: bytes) -> bytes:
    """A chunk whose checksum is not its own."""
    return data[:-1] + bytes([data[-1] ^ 1])


CHUNKS = {
    "long text": chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
    "longest text": chunk(b"tEXt", b"Comment\0" + bytes(70_000_000)),
    "long packed text": chunk(b"zTXt", b"Comment\0\0" + LONG),
    "long international text": chunk(b"iTXt", b"Comment\0\0\0\0\0" + b"x" * 3_000_000),
    "long packed international text": chunk(b"iTXt", b"Comment\0\1\0\0\0" + LONG),
    "many texts": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1_000_000))) * 80,
    "long profile": chunk(b"iCCP", b"icc\0\0" + zlib.compress(NOISE)),
    "long flat profile": chunk(b"iCCP", b"icc\0\0" + LONG),
    "text bomb": chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200 << 20), 9)),
    "profile bomb": chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(200 << 20), 9)),
    "text whose checksum is wrong": wrong(chunk(b"tEXt", b"Comment\0hello")),
    "text that cannot be unpacked": chunk(b"zTXt", b"Comment\0\0hello"),
    "text packed in another way": chunk(b"zTXt", b"Comment\0\7hello"),
    "text without an end of its name": chunk(b"zTXt", b"Comment"),
    "profile cut off": chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE)[:-40]),
    "profile packed in another way": chunk(b"iCCP", b"icc\0\7" + PROFILE),
    "profile of nothing": chunk(b"iCCP", b""),
    "profile whose checksum is wrong": wrong(chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE))),
    "short resolution": chunk(b"pHYs", b"\0"),
    "short gamma": chunk(b"gAMA", b"\0"),
    "short chromaticities": chunk(b"cHRM", b"\0" * 5),
    "short rendering": chunk(b"sRGB", b""),
    "short transparency": chunk(b"tRNS", b"\0" * 5),
    "transparency of nothing": chunk(b"tRNS", b""),
    "transparency whose checksum is wrong": wrong(chunk(b"tRNS", bytes(6))),
    "short animation": chunk(b"acTL", b"\0"),
    "animation of no frames": chunk(b"acTL", bytes(8)),
    "frame before all": chunk(b"fcTL", bytes(26)),
    "huge exif": chunk(b"eXIf", NOISE),
    "broken exif": chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff"),
    "unknown chunk": chunk(b"prVt", NOISE),
    "unknown chunk whose checksum is wrong": wrong(chunk(b"prVt", b"x" * 100)),
}


def png_with(extra: bytes, place: str, picture: Image.Image = PICTURE) -> bytes:
    data = saved(picture, "PNG")
    at = {"before the pixels": 33, "after them": data.rindex(b"IEND") - 4}[place]
    return data[:at] + extra + data[at:]


@pytest.mark.parametrize("place", ["before the pixels", "after them"])
@pytest.mark.parametrize("name", CHUNKS)
def test_a_png_is_its_pixels_whatever_its_other_chunks_hold(name: str, place: str) -> None:
    assert (decode(png_with(CHUNKS[name], place)) == scene()).all()


@pytest.mark.parametrize("tail", [b"", b"\0\0", b"\0\0\0\x09tEXt", b"\0\0\xff\xfftEXtComment\0cut", b"rubbish" * 9])
def test_a_png_whose_end_is_cut_after_its_pixels(tail: bytes) -> None:
    data = saved(PICTURE, "PNG")
    assert (decode(data[: data.rindex(b"IEND") - 4] + tail) == scene()).all()


def test_bombs_are_not_unpacked() -> None:
    data = png_with(CHUNKS["text bomb"] + CHUNKS["profile bomb"], "before the pixels")
    tracemalloc.start()
    decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def xmp(orientation: int) -> bytes:
    return b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation


def raw_profile(orientation: int) -> bytes:
    """As ImageMagick writes it."""
    block = b"Exif\0\0" + exif(orientation).removeprefix(b"Exif\0\0")
    return b"\nexif\n%8d\n" % len(block) + block.hex().encode() + b"\n"


TURNS: dict[str, Callable[[int], bytes]] = {
    "exif": lambda o: chunk(b"eXIf", exif(o).removeprefix(b"Exif\0\0")),
    "xmp": lambda o: chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(o)),
    "packed xmp": lambda o: chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp(o))),
    "raw profile": lambda o: chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(o))),
}


@pytest.mark.parametrize("extra", ["text bomb", "short gamma", "unknown chunk"])
@pytest.mark.parametrize("name", TURNS)
def test_the_orientation_stays_when_other_chunks_are_passed_over(name: str, extra: str) -> None:
    data = png_with(CHUNKS[extra] + TURNS[name](6), "before the pixels", turned(6))
    assert (decode(data) == scene()).all()


def test_an_orientation_that_cannot_be_read_is_passed_over() -> None:
    for broken in (
        wrong(TURNS["exif"](6)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(200 << 20))),
        chunk(b"zTXt", b"Raw profile type exif\0\0nothing"),
        chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 9\nno numbers\n"),
    ):
        assert (decode(png_with(broken, "before the pixels")) == scene()).all()


def test_transparency_stays() -> None:
    clear = saved(PICTURE, "PNG", transparency=(250, 10, 10))
    data = clear[:33] + CHUNKS["text that cannot be unpacked"] + clear[33:]
    assert (decode(data)[:12, :16] == 255).all()
    grey = saved(PICTURE.convert("P"), "PNG", transparency=bytes(256))
    assert (decode(grey[:33] + CHUNKS["short gamma"] + grey[33:]) == 255).all()


def test_what_is_critical_stays_critical() -> None:
    data = saved(PICTURE, "PNG")
    at = data.index(b"IDAT") + 12
    for broken, reason in (
        (data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :], "broken image"),
        (data[: len(data) // 2], "truncated image"),
        (
            data[:33] + chunk(b"CRIT", b"x") + CHUNKS["text bomb"] + data[40:],
            "not a supported image format|broken image",
        ),
    ):
        with pytest.raises(ValueError, match=f"^({reason})$"):
            decode(broken)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


SEGMENTS = {
    "many comments": segment(0xFE, b"x" * 65_000) * 50,
    "many applications": b"".join(segment(marker, b"x" * 65_000) for marker in range(0xE2, 0xED)) * 5,
    "empty segments": b"".join(segment(marker, b"") for marker in (*range(0xE0, 0xF0), 0xFE)),
    "short segments": b"".join(segment(marker, b"\0") for marker in (*range(0xE0, 0xEE), 0xFE)),
    "profile without its second half": segment(0xE2, b"ICC_PROFILE\0\x01\x02" + PROFILE[:200]),
    "profile without numbers": segment(0xE2, b"ICC_PROFILE\0"),
    "broken photoshop": segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10\0"),
    "photoshop cut off": segment(0xED, b"Photoshop 3.0\x008BI"),
    "short jfif": segment(0xE0, b"JFIF\0"),
    "broken exif": segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"),
    "empty exif": segment(0xE1, b"Exif\0\0"),
    "exif of noise": segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + NOISE[:60_000]),
    "broken multi-picture": segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "multi-picture of nothing": segment(0xE2, b"MPF\0"),
    "multi-picture that lies": segment(0xE2, b"MPF\0MM\0*\0\0\0\x08\0\x01\xb0\x01\0\4\0\0\0\1\0\0\0\2\0\0\0\0"),
    "short adobe": segment(0xEE, b"Adobe"),
    "flashpix": segment(0xE2, b"FPXR\0" + b"x" * 100),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_jpeg_is_its_pixels_whatever_its_other_segments_hold(name: str) -> None:
    data = saved(PICTURE, "JPEG")
    for at in (2, data.index(b"\xff\xdb")):
        assert (decode(data[:at] + SEGMENTS[name] + data[at:]) == decode(data)).all()


def test_a_cmyk_jpeg_keeps_what_says_its_colours() -> None:
    data = saved(PICTURE.convert("CMYK"), "JPEG")
    for name in ("broken photoshop", "broken multi-picture", "short jfif"):
        assert (decode(data[:2] + SEGMENTS[name] + data[2:]) == decode(data)).all()


def webp_chunk(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    return kind + struct.pack("<I", len(body) if size is None else size) + body + bytes(len(body) % 2)


@pytest.mark.parametrize(
    "extra",
    [
        webp_chunk(b"EXIF", NOISE),
        webp_chunk(b"EXIF", b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        webp_chunk(b"XMP ", NOISE),
        webp_chunk(b"ICCP", PROFILE[:50]),
        webp_chunk(b"XMP ", b"cut off", 5000),
        webp_chunk(b"EXIF", b"cut off", 0xFFFFFFFF),
        webp_chunk(b"ICCP", b"") * 3,
        b"XMP ",
    ],
    ids=range(8),  # a profile holds the second of its making, and two test processes must name a test alike
)
def test_a_webp_is_its_pixels_whatever_its_other_chunks_hold(extra: bytes) -> None:
    data = saved(PICTURE, "WEBP", lossless=True, exif=exif(1), xmp=b"<x/>", icc_profile=PROFILE)
    for size in (len(data) + len(extra) - 8, len(data) - 8):
        odd = data[:4] + struct.pack("<I", size) + data[8:] + extra
        assert (decode(odd) == scene()).all()
    first = data[:30] + extra + data[30:] if extra[:4] == b"ICCP" else data
    assert (decode(first) == scene()).all()


def test_flags_that_a_webp_must_not_have_are_passed_over() -> None:
    data = saved(PICTURE, "WEBP", lossless=True, exif=exif(1))
    for flags in (0x01, 0x40, 0x80, 0xC1):
        assert (decode(data[:20] + bytes([data[20] | flags]) + data[21:]) == scene()).all()


def test_a_turned_webp_stays_turned_when_its_end_is_cut() -> None:
    data = saved(turned(6), "WEBP", lossless=True, exif=exif(6), xmp=b"<x>" + b"x" * 1000 + b"</x>")
    assert (decode(data[:-500]) == scene()).all()
    with pytest.raises(ValueError, match="broken image|not a supported image format"):
        decode(saved(PICTURE, "WEBP", lossless=True)[:-40])


def tiff_with(tag: int, kind: int, count: int, value: int, compression: str | None = None, big: bool = False) -> bytes:
    """A TIFF with one more tag, in its place among the others."""
    options = {"compression": compression} if compression else {}
    data = saved(turned(6), "TIFF", exif=exif(6), big_tiff=big, **options)
    (start,) = struct.unpack_from("<I", data, 4)
    (number,) = struct.unpack_from("<H", data, start)
    entries = [data[at : at + 12] for at in range(start + 2, start + 2 + 12 * number, 12)]
    entries = [entry for entry in entries if struct.unpack("<H", entry[:2])[0] != tag]
    entries.append(struct.pack("<HHII", tag, kind, count, value))
    entries.sort(key=lambda entry: struct.unpack("<H", entry[:2])[0])
    place = len(data) + len(data) % 2
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return data[:4] + struct.pack("<I", place) + data[8:] + bytes(len(data) % 2) + directory


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate"])
@pytest.mark.parametrize(
    ("tag", "kind", "count", "value"),
    [
        *((270, 2, 1 << 30, 9), (270, 2, 50, 1 << 30), (305, 2, 3_000_000, 9), (34675, 7, 1 << 20, 1 << 29)),
        *((700, 1, 1 << 31, 8), (33723, 4, 1 << 29, 8), (282, 5, 1, 1 << 30), (306, 99, 4, 0), (271, 2, 0, 0)),
        *((34665, 4, 1, 1 << 30), (330, 4, 1, 1 << 30), (50341, 7, 1 << 25, 1 << 30)),
    ],
)
def test_a_tiff_is_its_pixels_whatever_its_other_tags_hold(
    tag: int, kind: int, count: int, value: int, compression: str | None
) -> None:
    assert (decode(tiff_with(tag, kind, count, value, compression)) == scene()).all()


def test_what_is_no_image_stays_none(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bytes] = []
    real = images._decode
    monkeypatch.setattr(images, "_decode", lambda data: tried.append(data) or real(data))
    for data in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"II*\0\xff\xff\xff\xff", b"RIFF\0\0\0\0WEBP", b"x"):
        with pytest.raises(ValueError, match="not a supported image format|broken image|truncated image"):
            decode(data)
    assert len(tried) <= 14


def test_good_files_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "bare_files", lambda data: pytest.fail("not needed"))
    for form in ("PNG", "JPEG", "WEBP", "TIFF"):
        assert decode(saved(np.asarray(PICTURE), form)).shape == scene().shape
