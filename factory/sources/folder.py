"""Image files: one source each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from difffas.errors import UnreadableError
from factory.core.regular import NotRegular, TooLarge
from factory.sources.files import File, Files, Source

if TYPE_CHECKING:
    from factory.sources.place import Place, Read

# What counts as an image file; HEIF and SVG count, so that they end as rejects and not in silence.
EXTENSIONS = "avif bmp dib gif heic heif j2k jfif jp2 jpe jpeg jpg jpx mpo pbm pgm png pnm ppm svg tif tiff webp"
# Beside a photograph in a tar these are other views of it, such as a depth map; as files of a folder they count too.
ALONE = "apng cr2 cr3 dng exr hdr ico j2c jpc jpf jxl nef pfm psd qoi tga"
NAME = re.compile(rf"(.*/)?[^/]+\.({f'{EXTENSIONS} {ALONE}'.replace(' ', '|')})", re.IGNORECASE | re.DOTALL)
MAX_BYTES = 1 << 29  # of one image file
WHAT = f"image file ({EXTENSIONS} {ALONE})"


def list_file(files: Files, file: File, columns: Mapping[str, str | None]) -> list[Source]:
    """The image that a file is."""
    return [Source(file.name, file.size, file.reject, file.version)]


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
    """The bytes of every file, in order; a pipe or the like by now, or too large a file, is a ValueError."""
    return files.ahead(lambda place: _bytes(files, place), places)


def _bytes(files: Files, place: Place) -> bytes | UnreadableError:
    if not place.size:  # nothing is asked of a file that says it is empty: what the kernel makes up says so, too
        return b""
    try:
        return files.read(place.path, most=MAX_BYTES)
    except (NotRegular, TooLarge) as error:
        return error
