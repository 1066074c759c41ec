"""What an image file holds besides its pixels: all that a classifier could cheat with."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import numpy as np

from factory.corpus.provenance import VOCABULARY

PIXELS = {b"IDAT", b"VP8L", b"VP8 ", b"SOS"}
_VALUE = re.compile(re.escape(VOCABULARY.encode()) + rb"[A-Za-z]+(\"/></rdf:RDF></x:xmpmeta>) *")


def skeleton(data: bytes) -> bytes:
    """The file without its compressed pixels: names, lengths and contents of its parts, in order.

    Masked are the value of the mark itself with the padding that evens it out (its length is not), checksums, and
    what only says how long the pixels are.
    """
    parts = []
    for name, content in _parts(data):
        if name not in PIXELS:
            masked = _VALUE.sub(rb"MARK\1", content)
            parts.append(name + struct.pack(">I", len(content)) + masked)
        elif not parts or parts[-1] != name:  # PNG: how many IDAT chunks there are depends on the size alone
            parts.append(name)
    return b"".join(parts)


def features(files: list[bytes]) -> np.ndarray:
    """Numbers of the skeletons: length, counts of byte values, and the bytes by place, cut at 2,048."""
    bare = [skeleton(data) for data in files]
    rows = np.zeros((len(bare), 1 + 256 + 2048))
    for row, text in zip(rows, bare, strict=True):
        values = np.frombuffer(text, np.uint8)
        row[0], row[1:257] = len(text), np.bincount(values, minlength=256)
        row[257 : 257 + min(len(text), 2048)] = values[:2048]
    return rows


def _parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if data[:4] == b"\x89PNG":
        place = 8
        while place < len(data):
            (length,) = struct.unpack_from(">I", data, place)
            yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
            place += length + 12
        yield b"end", data[place:]
    elif data[:4] == b"RIFF":
        place = 12
        while place < len(data):
            (length,) = struct.unpack_from("<I", data, place + 4)
            yield data[place : place + 4], data[place + 8 : place + 8 + length]
            place += 8 + length + length % 2
        yield b"end", data[place:]
    else:
        assert data[:2] == b"\xff\xd8", "neither PNG nor WebP nor JPEG"
        place = 2
        while data[place + 1] != 0xDA:
            (length,) = struct.unpack_from(">H", data, place + 2)
            yield data[place : place + 2], data[place + 4 : place + 2 + length]
            place += 2 + length
        yield b"SOS", b""
        yield b"end", data[data.rindex(b"\xff\xd9") :]
