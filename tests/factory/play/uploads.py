"""Images as a browser uploads them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from benchmarks.corpora import face


def file_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def wide(seed: int) -> np.ndarray:
    """64 × 96; the middle square is what counts."""
    square = np.asarray(Image.fromarray(face(seed)).resize((64, 64)))
    return np.pad(square, ((0, 0), (16, 16), (0, 0)), mode="edge")
