"""The embedded people, by style, at the size of the shipped generator."""

from __future__ import annotations

import numpy as np

from factory.corpus import Corpus
from factory.embedded.fit import SIZE
from factory.images import resize
from factory.storage.embedded import PEOPLE

Faces = dict[str, list[tuple[str, np.ndarray]]]  # by style: person and pixels, the same people in the same order


def faces_of(split: str) -> Faces:
    """All pictures of a split, by style: person and pixels."""
    people = Corpus(PEOPLE)
    subject = people.column("subject")
    found: Faces = {}
    for style in sorted(set(people.column("style"))):
        at = people.where(split=split, style=style)
        at = at[np.argsort(subject[at])]
        pixels = people.pixels(at)
        found[style] = [(subject[n], resize(image, SIZE)) for n, image in zip(at, pixels, strict=True)]
    return found
