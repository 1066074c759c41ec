"""Liveness and features are the classifier's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from difffas.classifier import SpoofClassifier
from factory.benchmark.seen import BATCH, features, liveness
from factory.models.tensors import to_tensor
from factory.storage import Storage


def test_they_are_the_classifiers_whatever_the_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    classifier = SpoofClassifier(["a-live", "a-print"], ["a-live"], backbone="test_resnet").eval()
    classifier.save(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 255, (BATCH + 3, 32, 32, 3), np.uint8)
    with torch.no_grad():
        wanted = classifier.liveness(classifier(to_tensor(pixels[-3:]))).numpy()
    found = liveness(Storage(str(tmp_path)), pixels, 1)
    assert found.shape == (BATCH + 3,)
    assert found[-3:] == pytest.approx(wanted, abs=1e-5)
    assert np.linalg.norm(features(Storage(str(tmp_path)), pixels, 1), axis=1) == pytest.approx(1.0)
