"""Converts pixels of a shard to tensors of a network, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def to_tensor(pixels: np.ndarray, device: torch.device | str = "cpu") -> Any:
    """Convert uint8 (N, H, W, 3) to float32 (N, 3, H, W) in [-1, 1] on `device`, channels last in memory, for GPUs.

    The bytes are copied to the device before conversion: a quarter of the floats' size.
    """
    import torch

    return torch.from_numpy(np.array(pixels)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def to_pixels(images: Any) -> np.ndarray:
    """Convert float (N, 3, H, W) in [-1, 1] to uint8 (N, H, W, 3), rounded to nearest.

    Raises:
        FloatingPointError: on NaN or infinity, which a cast would hide.
    """
    if not bool(images.isfinite().all()):
        raise FloatingPointError(
            "the generator produced non-finite pixels: train it longer or lower its learning rate"
        )
    scaled = (images.float().clamp(-1, 1) + 1.0) * 127.5
    return np.asarray(scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy())
