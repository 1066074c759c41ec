"""What a user might add to a corpus: the module that tests name by `--with`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def brightness(
    images: np.ndarray, facts: Sequence[Mapping[str, object]], above: float = 0.0
) -> dict[str, list[object]]:
    """Mean pixel, text, a list, and a value that only some rows have."""
    means = [float(image.mean()) for image in images]
    return {
        "mean": list(means),
        "who": [f"{row['subject']} {row['attack']}" for row in facts],
        "channels": [image.mean(axis=(0, 1)).tolist() for image in images],
        "bright": [mean if mean > above else None for mean in means],
    }


class Counter:
    """A class is made once in each worker."""

    def __init__(self, start: int) -> None:
        self.seen = start

    def __call__(self, images: np.ndarray, facts: Sequence[Mapping[str, object]]) -> dict[str, list[int]]:
        self.seen += 1
        return {"seen": [self.seen] * len(images)}


def short(images: np.ndarray, facts: Sequence[Mapping[str, object]]) -> dict[str, list[int]]:
    return {"x": [1]}


def nothing(images: np.ndarray, facts: Sequence[Mapping[str, object]]) -> None:
    return None


def own_key(images: np.ndarray, facts: Sequence[Mapping[str, object]]) -> dict[str, list[int]]:
    return {"key": [1] * len(images)}


def mixed(images: np.ndarray, facts: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    values: list[object] = [1, "a", *[None] * len(images)]
    return {"x": values[: len(images)]}
