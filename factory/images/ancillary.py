"""Strips an image file of the parts that do not make pixels: texts, colour profiles, thumbnails, camera notes.

Pillow reads these parts before the pixels, and refuses the file if one is broken, cut off or large. Here they decide
no pixel, except through the orientation. So a file that cannot be read is tried again without them: chunks are left
out by their headers, and at most `SMALL` bytes are unpacked, from a packet that may hold the orientation.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

SMALL = 1 << 20  # bytes of a packet that may hold the orientation; Pillow refuses larger texts

_PNG, _JPEG, _WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"WEBP"
_TURNING = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")  # PNG texts in which Pillow seeks the orientation
# TIFF tags that the pixels need: sizes, samples, compression, strips, tiles, palette, and those of JPEG and YCbCr.
_TIFF_TAGS = frozenset(
    {
        *(254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325),
        *(332, 338, 339, 340, 341, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532),
    }
)
_CLEAR_BYTES = {0: 2, 2: 6}  # least bytes of a PNG's transparency by colour type: a shorter chunk has no effect
_ORIENTATION = 274
_EXIF_FLAG, _PICTURE_FLAGS = 0x08, 0x12  # in a WebP's VP8X chunk: Exif; transparency and animation


def bare_files(data: bytes) -> Iterator[bytes]:
    """Yield the stripped file at most twice: first with parts that may hold the orientation, then without them, too.

    Yields nothing if the format or the file has no such parts.
    """
    strip = _strip_of(data)
    last = data
    for turning in (True, False):
        try:
            bare = strip(data, turning) if strip else data
        except (struct.error, ValueError, IndexError):  # not even the file's parts can be told apart
            return
        if bare != last:
            yield bare
        last = bare


def _strip_of(data: bytes) -> Callable[[bytes, bool], bytes] | None:
    if data.startswith(_PNG):
        return _png
    if data.startswith(_JPEG):
        return _jpeg
    if data[8:12] == _WEBP:
        return _webp
    return _tiff if data[:4] in (b"II*\0", b"MM\0*") else None


def _png(data: bytes, turning: bool) -> bytes:
    """Keep critical chunks, as their names mark them, and transparency; a critical chunk cut off stays cut off."""
    view, kept, at = memoryview(data), [memoryview(data)[:8]], 8
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        critical = not kind[0] & 0x20
        if critical or (
            end <= len(data) and _is_whole(view[at:end]) and _is_kept(kind, view[at + 8 : end - 4], data[25], turning)
        ):
            kept.append(view[at:end])
        at = end
        if kind == b"IEND":
            break
    return b"".join(kept)


def _is_whole(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _is_kept(kind: bytes, body: memoryview, colour: int, turning: bool) -> bool:
    if kind == b"tRNS":
        return len(body) >= _CLEAR_BYTES.get(colour, 1)
    if not turning:
        return False
    if kind == b"eXIf":
        return True
    text = bytes(body[:SMALL])
    return (
        len(body) < SMALL
        and text.startswith(_TURNING)
        and kind in (b"tEXt", b"zTXt", b"iTXt")
        and _unpacks(kind, text)
    )


def _unpacks(kind: bytes, body: bytes) -> bool:
    """Return whether a text chunk unpacks, to at most `SMALL` bytes."""
    _, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        return True
    packed = kind == b"zTXt" or rest[:1] == b"\1"
    if not packed:
        return rest.count(b"\0") >= 2
    stream = rest[1:] if kind == b"zTXt" else rest[2:].split(b"\0", 2)[-1]
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(stream, SMALL)
    except zlib.error:
        return False
    return not unpacking.unconsumed_tail


def _jpeg(data: bytes, turning: bool) -> bytes:
    """Keep all segments but comments and applications' segments (JFIF's and Adobe's say how colours are stored)."""
    view, kept, at = memoryview(data), [memoryview(data)[:2]], 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:  # to the start of the scan
        marker = data[at + 1]
        if marker == 0xFF or marker in (0x01, *range(0xD0, 0xD9)):  # padding, or a marker without a length
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        turns = turning and marker == 0xE1 and data[at + 4 : at + 8] in (b"Exif", b"http")
        adobe = marker == 0xEE and end - at >= 16  # a shorter segment says nothing about colours
        if turns or adobe or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(view[at:end])
        at = end
    return b"".join([*kept, view[at:]])


def _webp(data: bytes, turning: bool) -> bytes:
    """Keep the picture's chunks, and clear the flags of the others."""
    kept: list[bytes] = []
    at, end = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    whole = True
    while at + 8 <= end:
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        after = at + 8 + size + size % 2
        inside = at + 8 + size <= len(data)
        if kind == b"VP8X" and inside and size:
            flags = data[at + 8] & (_PICTURE_FLAGS | (_EXIF_FLAG if turning else 0))
            kept.append(data[at : at + 8] + bytes([flags]) + data[at + 9 : after])
        elif kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF") or (kind == b"EXIF" and turning and inside):
            kept.append(data[at:after])
            whole = whole and inside
        at = after
    body = b"".join(kept)
    size = len(body) + 4 if whole else int.from_bytes(data[4:8], "little")
    return b"RIFF" + size.to_bytes(4, "little") + _WEBP + body


def _tiff(data: bytes, turning: bool) -> bytes:
    """Write the first page's directory anew at the end, with the tags that pixels need; the values stay in place."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    entries = [data[at : at + 12] for at in range(start + 2, start + 2 + 12 * count, 12)]
    wanted = _TIFF_TAGS | ({_ORIENTATION} if turning else set())
    kept = [entry for entry in entries if len(entry) == 12 and struct.unpack(f"{order}H", entry[:2])[0] in wanted]
    place = len(data) + len(data) % 2
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return data[:4] + struct.pack(f"{order}I", place) + data[8:] + bytes(len(data) % 2) + directory
