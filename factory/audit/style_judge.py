"""Judge styles by an independent classifier; the features for memorisation stay those of the style encoder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from factory.audit.style import StyleJudge, own_style
from factory.core.config import fingerprint
from factory.models.load import CLASSIFIER, load_classifier
from factory.models.tensors import to_tensor
from factory.storage import Storage

if TYPE_CHECKING:
    from torch import Tensor


def style_judge(style_encoder: str, judge: str | None, batch_size: int, threads: int) -> StyleJudge:
    """The judge in the folder of a classifier; without a classifier, the style encoder itself."""
    if judge is None:
        return StyleJudge(style_encoder, batch_size, threads)
    return ClassifierJudge(style_encoder, judge, batch_size, threads)


class ClassifierJudge(StyleJudge):
    """The classifier in a folder of fit-classifier, or in its part, judges; see `StyleJudge`.

    The probabilities are softmax(scale · cosines) over all its styles.
    """

    def __init__(self, style_encoder: str, judge: str, batch_size: int, threads: int) -> None:
        super().__init__(style_encoder, batch_size, threads)
        self._classifier = load_classifier(Storage(judge)).to(self._device)
        self.styles = self._classifier.styles

    def __call__(self, images: np.ndarray, styles: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `StyleJudge`; the style encoder need not know the styles."""
        return own_style(self.styles, self._probabilities(images), styles), self.features(images)

    def _probabilities(self, images: np.ndarray) -> np.ndarray:
        import torch

        found: list[Tensor] = []
        with torch.no_grad():
            for first in range(0, len(images), self._batch_size):
                cosines = self._classifier(to_tensor(images[first : first + self._batch_size]).to(self._device))
                found.append((self._classifier.scale * cosines.double()).softmax(dim=1).cpu())
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
