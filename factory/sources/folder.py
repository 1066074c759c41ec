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

# Extensions of image files; HEIF and SVG are included so that such files become rejects instead of being ignored.
EXTENSIONS = "avif bmp dib gif heic heif j2k jfif jp2 jpe jpeg jpg jpx mpo pbm pgm png pnm ppm svg tif tiff webp"
# In a tar these are other views of the photograph next to them, such as depth maps; in a folder they count as images.
ALONE = "apng cr2 cr3 dng exr hdr ico j2c jpc jpf jxl nef pfm psd qoi tga"
NAME = re.compile(rf"(.*/)?[^/]+\.({f'{EXTENSIONS} {ALONE}'.replace(' ', '|')})", re.IGNORECASE | re.DOTALL)
MAX_BYTES = 1 << 29  # largest image file in bytes
WHAT = f"image file ({EXTENSIONS} {ALONE})"


def list_file(files: Files, file: File, columns: Mapping[str, str | None]) -> list[Source]:
    """Return the file as one image."""
    return [Source(file.name, file.size, file.reject, file.version)]


def read(files: Files, places: Sequence[Place], columns: Mapping[str, str | None]) -> Iterator[Read]:
    """Yield the bytes of every file, in order; an UnreadableError for a file that is too large or now a pipe."""
    return files.ahead(lambda place: _bytes(files, place), places)


def _bytes(files: Files, place: Place) -> bytes | UnreadableError:
    if not place.size:  # an empty file is not opened: files of pseudo file systems also report size 0
        return b""
    try:
        return files.read(place.path, most=MAX_BYTES)
    except (NotRegular, TooLarge) as error:
        return error
