"""What classifiers make of faces, in batches on this machine: liveness and embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from factory.benchmark.differences import Floats
from factory.models.load import load_classifier
from factory.storage import Storage

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 64


def liveness(folder: Storage, pixels: np.ndarray, threads: int) -> Floats:
    """Probability of being live, of faces uint8 (N, H, W, 3) by the classifier in a folder of fit-classifier."""
    import torch

    torch.set_num_threads(threads)
    classifier = load_classifier(folder)
    with torch.no_grad():
        return np.concatenate([classifier.liveness(classifier(batch)).double().numpy() for batch in _batches(pixels)])


def features(folder: Storage, pixels: np.ndarray, threads: int) -> Floats:
    """Embeddings of unit length (N, D), whose directions the classifier's head compares."""
    import torch

    torch.set_num_threads(threads)
    classifier = load_classifier(folder)
    with torch.no_grad():
        found = np.concatenate([classifier.features(batch).double().numpy() for batch in _batches(pixels)])
    unit: Floats = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    return unit


def _batches(pixels: np.ndarray) -> Iterator[Tensor]:
    from factory.models.tensors import to_tensor

    for first in range(0, len(pixels), BATCH):
        yield to_tensor(pixels[first : first + BATCH])
