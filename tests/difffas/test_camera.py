"""Augmentation keeps size and type, follows from its generator alone, and leaves an image recognisable."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpora import face
from difffas.camera import filmed, photographed

seeds = st.integers(0, 2**32)


@given(seeds, st.integers(16, 48), st.integers(16, 48))
def test_size_and_type_stay(seed: int, height: int, width: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    before = image.copy()
    found = photographed(image, np.random.default_rng(seed))
    assert found.shape == image.shape and found.dtype == np.uint8
    assert (image == before).all(), "the given image is not written to"


@given(seeds)
def test_the_same_generator_makes_the_same_image(seed: int) -> None:
    first, second = (photographed(face(3), np.random.default_rng(seed)) for _ in range(2))
    assert (first == second).all()


def test_images_differ_but_keep_their_colours() -> None:
    found = [photographed(face(3, 64), np.random.default_rng(seed)) for seed in range(40)]
    assert len({each.tobytes() for each in found}) == 40
    means = np.array([each.mean((0, 1)) for each in found])
    assert np.abs(means - face(3, 64).mean((0, 1))).max() < 25, "light, noise and a black edge change it by little"
    assert means.std(axis=0).min() > 1


@given(seeds)
def test_a_filmed_image_keeps_its_layout_and_follows_from_its_generator(seed: int) -> None:
    image = torch.from_numpy(face(3, 64)).permute(2, 0, 1).float() / 127.5 - 1
    first, second = (filmed(image, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == image.shape and float(first.abs().max()) <= 1
    flat = [torch.nn.functional.avg_pool2d(each.mean(0, keepdim=True)[None], 8).flatten() for each in (first, image)]
    assert float(torch.corrcoef(torch.stack(flat))[0, 1]) > 0.9, "nothing moves"


def test_a_filmed_image_of_sixteen_pixels_keeps_its_size() -> None:
    image = torch.zeros(3, 16, 24)
    assert filmed(image, torch.Generator().manual_seed(1)).shape == image.shape
