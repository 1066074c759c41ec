"""Recolouring without a network: the guide's colours to a grey level, and nobody's neighbours matter."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.corpora import face
from difffas.matching import Moments, Statistics
from difffas.routes import Route
from factory.models.generators import Request
from factory.models.recolour_generator import RecolourGenerator
from factory.models.tensors import to_tensor

ROUTE = Route("a-live", "a-live", "b-print")


def statistics() -> dict[str, Statistics]:
    sets = {"a-live": range(10), "b-print": range(20, 30)}
    return {style: Moments.of(to_tensor(np.stack([face(n) for n in set_]))).statistics for style, set_ in sets.items()}


def request(count: int) -> Request:
    live, guides = np.stack([face(40 + n) for n in range(count)]), np.stack([face(60), face(61)])
    numbers = np.arange(count)
    return Request(live, guides, numbers % 2, numbers, numbers.astype(float), numbers, [ROUTE] * count)


def test_a_spoof_has_the_colours_of_its_guide() -> None:
    asked = request(4)
    made = RecolourGenerator(statistics(), threads=1)(asked)
    assert made.broken == [] and made.pixels.shape == asked.live.shape
    for spoof, guide in zip(made.pixels, asked.guides[asked.guide_of], strict=True):
        np.testing.assert_allclose(spoof.mean((0, 1)), guide.mean((0, 1)), atol=1.5)
        np.testing.assert_allclose(spoof.std((0, 1)), guide.std((0, 1)), atol=1.5)


def test_a_spoof_does_not_depend_on_the_others() -> None:
    generate = RecolourGenerator(statistics(), threads=1)
    assert (generate(request(4)).pixels[:1] == generate(request(1)).pixels).all()


def test_every_face_needs_a_route() -> None:
    with pytest.raises(ValueError, match="0 routes for 2 live faces"):
        RecolourGenerator(statistics(), threads=1)(dataclasses.replace(request(2), routes=()))
