"""A classifier of fit-judge or fit-classifier as a judge of style."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from factory.core.config import fingerprint
from factory.models.load import CLASSIFIER, load_classifier
from factory.models.tensors import to_tensor
from factory.storage import Storage

if TYPE_CHECKING:
    from torch import Tensor


class ClassifierOfStyle:
    """The classifier in a folder, or in its part; uses a GPU if there is one.

    Attributes:
        styles: the styles that it knows, in the order of the probabilities.
    """

    def __init__(self, url: str, batch_size: int) -> None:
        import torch

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._classifier = load_classifier(Storage(url)).to(self._device)
        self._batch_size = batch_size
        self.styles: tuple[str, ...] = tuple(self._classifier.styles)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Probabilities of all styles, float64 (N, K), of images, uint8 (N, H, W, 3)."""
        import torch

        found: list[Tensor] = []
        with torch.no_grad():
            for first in range(0, len(images), self._batch_size):
                cosines = self._classifier(to_tensor(images[first : first + self._batch_size]).to(self._device))
                found.append(self._classifier.probabilities(cosines.double()).cpu())
        return np.asarray(torch.cat(found).numpy())


def judge_styles(storage: Storage) -> list[str]:
    """The styles that a classifier knows, checked as a whole.

    Raises:
        UserError: if the classifier is missing or incomplete.
    """
    return list(load_classifier(storage).styles)


def judge_digest(storage: Storage) -> str:
    """Digest of a classifier's configuration and weights."""
    part = f"{CLASSIFIER}/" if storage.names(CLASSIFIER) else ""
    names = [name for name in storage.names(part.rstrip("/")) if name == "config.json" or name.startswith("model")]
    return fingerprint({name: hashlib.sha256(storage.read(f"{part}{name}")).hexdigest() for name in names})
