"""Measures of a strength study for each spoof: log-odds of the guide's style, and distances to the live face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from factory.models.tensors import to_tensor

if TYPE_CHECKING:
    from torch import Tensor


def log_odds(logits: Tensor, chosen: Tensor) -> Tensor:
    """Return log p − log(1 − p) of one class per row: its logit minus the log-sum-exp of the others; float64 (B,).

    logits are (B, classes) with at least two classes; chosen is (B,), int64. Stable where p rounds to 0 or 1.
    """
    wide, index = logits.double(), chosen[:, None]
    others = wide.scatter(1, index, -float("inf")).logsumexp(dim=1)
    return wide.gather(1, index)[:, 0] - others


def structure_change(live: np.ndarray, spoofs: np.ndarray) -> np.ndarray:
    """Return 1 − SSIM of the luminances (Wang et al. 2004; BT.601 weights), 0 for equal images; float64 (N,).

    The measure responds to moved and blurred structure much more than to changed colour, and stands in for a distance
    of identities [ours]; the audit has a distance of face embeddings. Images are uint8 (N, H, W, 3).
    """
    import piq
    import torch

    gray = [
        torch.from_numpy((images @ np.array([0.299, 0.587, 0.114]) / 255).clip(0, 1)[:, None])
        for images in (live, spoofs)
    ]
    similarity: Tensor = piq.ssim(*gray, data_range=1.0, reduction="none")
    return np.asarray(1.0 - similarity.numpy())


def rms_change(live: np.ndarray, spoofs: np.ndarray) -> np.ndarray:
    """Return the root mean square difference of pixels, in grey levels of 255; uint8 (N, H, W, 3) to float64 (N,)."""
    squares = (live.astype(np.float64) - spoofs) ** 2
    return np.asarray(np.sqrt(squares.mean(axis=(1, 2, 3))))


class StyleScorer:
    """Log-odds of styles under the style encoder of a model folder; larger is a stronger spoof."""

    def __init__(self, url: str, styles: list[str]) -> None:
        import torch

        from factory.models.load import load_style_encoder

        encoder = load_style_encoder(url)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._encoder = encoder.to(self._device)
        self._chosen = torch.tensor([encoder.styles.index(style) for style in styles], device=self._device)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return the log-odds of each face's style, natural logarithm; uint8 (N, H, W, 3) to float64 (N,)."""
        import torch

        with torch.no_grad():
            _, logits = self._encoder(to_tensor(pixels).to(self._device))
        return np.asarray(log_odds(logits, self._chosen).cpu().numpy())
