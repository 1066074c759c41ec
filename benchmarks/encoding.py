"""Codecs for generated faces: time, bytes and what they do to quality, as Markdown tables.

    python -m benchmarks.encoding PHOTOGRAPHS     # a folder, searched for png and jpg; without it drawn faces alone

Milliseconds are processor time of one thread, medians over the images. The texture statistic is the variance of the
Laplacian (4 neighbours) of the grey image after the codec over that before: 1 is untouched, below 1 is smoothed.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image

from benchmarks.machine import describe
from difffas.brisque import brisque
from factory.drawn.pictures import draw

SIDE, IMAGES = 256, 24
CODECS: dict[str, dict[str, Any]] = {
    **{f"PNG level {level}": {"format": "PNG", "compress_level": level} for level in (1, 3, 6, 9)},
    **{
        f"lossless WebP method {method}": {"format": "WEBP", "lossless": True, "quality": 75, "method": method}
        for method in range(7)
    },
    "lossless WebP method 0, quality 0": {"format": "WEBP", "lossless": True, "quality": 0, "method": 0},
    "lossless WebP method 1, quality 20": {"format": "WEBP", "lossless": True, "quality": 20, "method": 1},
    "WebP 95": {"format": "WEBP", "quality": 95, "method": 4},
    "JPEG 95": {"format": "JPEG", "quality": 95, "subsampling": 0},
}


def photographs(folder: Path, side: int, count: int) -> np.ndarray:
    """Evenly chosen pictures under `folder`, the middle square of each as it is: no scaling; N, side, side, 3."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not paths:
        sys.exit(f"{folder}: no png or jpg lies below it")
    chosen = [paths[place] for place in np.unique(np.linspace(0, len(paths) - 1, count).astype(int))]
    crops = []
    for path in chosen:
        with Image.open(path) as image:
            if min(image.size) < side:
                sys.exit(f"{path} is {image.width}×{image.height}: give photographs of {side}² or more")
            left, top = (image.width - side) // 2, (image.height - side) // 2
            crops.append(np.asarray(image.convert("RGB").crop((left, top, left + side, top + side))))
    return np.stack(crops)


def spoofs(side: int, count: int) -> np.ndarray:
    """Simulated attacks on drawn faces, N, side, side, 3."""
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), subjects=count // 2, captures=1, size=side)
        paths = sorted(path for path in Path(folder).rglob("*.png") if "live" not in path.parts)
        chosen = np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)
        return np.stack([np.asarray(Image.open(paths[place]).convert("RGB")) for place in chosen])


def laplacian_variance(pixels: np.ndarray) -> float:
    grey = pixels.astype(np.float64) @ (0.299, 0.587, 0.114)
    centre = grey[1:-1, 1:-1]
    return float((4 * centre - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]).var())


def measure(images: np.ndarray, options: dict[str, Any]) -> tuple[float, float, float, float, float]:
    """Milliseconds to encode and to decode, bytes, mean |Δ BRISQUE| and mean ratio of texture."""
    encoding, decoding, sizes, decoded = [], [], [], []
    for pixels in images:
        buffer = io.BytesIO()
        start = time.process_time()
        Image.fromarray(pixels).save(buffer, **options)
        encoding.append(time.process_time() - start)
        start = time.process_time()
        decoded.append(np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")))
        decoding.append(time.process_time() - start)
        sizes.append(len(buffer.getvalue()))
    change = np.abs(brisque(np.stack(decoded))[0] - brisque(images)[0])
    texture = [
        laplacian_variance(after) / laplacian_variance(before) for after, before in zip(decoded, images, strict=True)
    ]
    to_bytes, to_pixels = (float(np.median(times)) * 1e3 for times in (encoding, decoding))
    return to_bytes, to_pixels, float(np.mean(sizes)), float(np.nanmean(change)), float(np.mean(texture))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photographs", type=Path, nargs="?", help="folder of real photographs")
    folder = parser.parse_args().photographs
    torch.set_num_threads(1)
    sets = {"drawn faces, simulated spoofs": spoofs(SIDE, IMAGES)}
    if folder:
        sets["photographs"] = photographs(folder, SIDE, IMAGES)
    print(f"{describe()}; one thread; Pillow {PIL.__version__}; {SIDE}²")
    for name, images in sets.items():
        print(f"\n## {name[0].upper()}{name[1:]} ({len(images)})\n")
        print("| codec | encode ms | decode ms | bytes | mean \\|Δ BRISQUE\\| | texture kept |\n" + "|---" * 6 + "|")
        for codec, options in CODECS.items():
            encode, decode, size, change, texture = measure(images, options)
            row = f"| {codec} | {encode:.1f} | {decode:.1f} | {size:,.0f} | {change:.2f} | {texture:.3f} |"
            print(row, flush=True)


if __name__ == "__main__":
    main()
