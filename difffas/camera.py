"""An image as another camera, crop or encoder may have shown it: augmentation for judges of style [ours].

A style is what a presentation attack leaves in the picture; how the picture was cropped, mirrored, compressed and lit
by a little is not, and a judge that has seen it varied does not hold on to it.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter


def photographed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One image, uint8 (H, W, 3), at random mirrored, moved, blurred, compressed, made noisy and lit; uint8 (H, W, 3).

    Moves are up to a twentieth of the side, blur up to 0.7 pixels, JPEG from quality 60, noise up to 6 grey levels,
    light ± 5 %.
    """
    height, width = image.shape[:2]
    picture = Image.fromarray(image)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    across, down = rng.uniform(-0.05, 0.05, 2) * (width, height)
    moved = (1, 0, round(across), 0, 1, round(down))
    picture = picture.transform((width, height), Image.Transform.AFFINE, moved)
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.7)))
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=int(rng.integers(60, 96)))
        picture = Image.open(buffer)
    pixels = np.asarray(picture).astype(np.float64)
    if rng.random() < 0.4:
        pixels = pixels + rng.normal(0.0, rng.uniform(1.0, 6.0), pixels.shape)
    lit = pixels * rng.uniform(0.95, 1.05) + rng.uniform(-6.0, 6.0)
    found: np.ndarray = lit.round().clip(0, 255).astype(np.uint8)
    return found
