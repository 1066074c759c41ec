"""Judge images by the style encoder: the probability of their style, and features in which copies are close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from factory.models.tensors import to_tensor

if TYPE_CHECKING:
    from torch import Tensor


class StyleJudge:
    """The style encoder in a folder of fit-style or fit-generator, local or `s3://`; uses a GPU if there is one."""

    def __init__(self, url: str, batch_size: int, threads: int) -> None:
        import torch

        from factory.models.load import load_style_encoder

        torch.set_num_threads(threads)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._encoder: Any = load_style_encoder(url).to(self._device)
        self._batch_size = batch_size
        self.styles: tuple[str, ...] = tuple(self._encoder.styles)

    def __call__(self, images: np.ndarray, styles: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of each image's own style, float64 (N,), and features.

        Images are uint8 (N, H, W, 3); the features are of unit length, float32 (N, C): the maps of the last stage
        (stride 32), averaged over the image.
        """
        features, logits = self._encode(images)
        return own_style(self.styles, logits.softmax(dim=1).numpy(), styles), features

    def judged(self, images: np.ndarray, styles: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of each image's own style, and whether it is the likeliest of all styles, bool (N,)."""
        probabilities = self._probabilities(images)
        likeliest = np.array(self.styles)[probabilities.argmax(axis=1)]
        return own_style(self.styles, probabilities, styles), likeliest == np.array(styles)

    def features(self, images: np.ndarray) -> np.ndarray:
        """The features alone; the encoder need not know the images' style."""
        return self._encode(images)[0]

    def _probabilities(self, images: np.ndarray) -> np.ndarray:
        """Probabilities of all styles, float64 (N, K)."""
        return np.asarray(self._encode(images)[1].softmax(dim=1).numpy())

    def _encode(self, images: np.ndarray) -> tuple[np.ndarray, Tensor]:
        import torch

        found: list[tuple[Tensor, Tensor]] = []
        with torch.no_grad():
            for first in range(0, len(images), self._batch_size):
                maps, logits = self._encoder(to_tensor(images[first : first + self._batch_size]).to(self._device))
                features = torch.nn.functional.normalize(maps[2].float().mean(dim=(2, 3)), dim=1)
                found.append((features.cpu(), logits.double().cpu()))
        features, logits = (torch.cat(parts) for parts in zip(*found, strict=True))
        return features.numpy(), logits


def own_style(known: Sequence[str], probabilities: np.ndarray, styles: list[str]) -> np.ndarray:
    """The probability of each image's own style, float64 (N,), from those of all known styles, (N, K)."""
    place = {style: number for number, style in enumerate(known)}
    return np.asarray(probabilities[np.arange(len(styles)), [place[style] for style in styles]])
