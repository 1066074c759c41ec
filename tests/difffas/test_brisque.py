"""BRISQUE against piq in float64, against golden numbers, and row by row when images are bad."""

from __future__ import annotations

import math
import socket
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import piq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from difffas import brisque as module
from difffas.brisque import IMPLEMENTATION, MINIMUM_SIDE, brisque
from difffas.brisque_svm import support_vectors

Pixels = npt.NDArray[np.uint8]
TOLERANCE = 1e-3  # of piq in float64, as promised; only heavily clipped pictures come near it


def picture(seed: int, height: int, width: int, gain: float = 1.0, grain: float = 4.0) -> Pixels:
    """A smooth scene with grain, H,W,3; a gain above 1 clips the highlights to flat white."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 32.0
    waves = [np.sin(x * rng.uniform(0.2, 2) + y * rng.uniform(0.2, 2) + rng.uniform(0, 6)) for _ in range(6)]
    scene = 128 + 30 * (np.stack(waves[:3], -1) + np.stack(waves[3:], -1)) + rng.normal(0, grain, (height, width, 3))
    pixels: Pixels = np.clip(scene * gain, 0, 255).astype(np.uint8)
    return pixels


@pytest.fixture
def piq_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand piq the support vectors that it would otherwise download."""
    svm = support_vectors()

    def load(url: str, map_location: object = None) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor(svm.coefficients)[:, None], torch.tensor(svm.vectors)

    monkeypatch.setattr(sys.modules["piq.brisque"], "load_url", load)


def piq_score(image: Pixels) -> float:
    batch = torch.from_numpy(image[None]).permute(0, 3, 1, 2).double() / 255
    try:
        return float(piq.brisque(batch))
    except AssertionError:  # it has no score for this image
        return math.nan


@pytest.mark.usefixtures("piq_offline")
@pytest.mark.parametrize("gain", [1.0, 1.6, 4.0])
@pytest.mark.parametrize("size", [(64, 64), (128, 96), (97, 131), (33, 47)])
def test_equals_piq_in_float64(size: tuple[int, int], gain: float) -> None:
    images = np.stack([picture(seed, *size, gain) for seed in range(4)])
    scores, reasons = brisque(images)
    assert [reason is not None for reason in reasons] == np.isnan(scores).tolist()
    assert np.isfinite(scores).sum() >= 2
    np.testing.assert_allclose(scores, [piq_score(image) for image in images], rtol=0, atol=TOLERANCE)


@pytest.mark.usefixtures("piq_offline")
def test_equals_piq_on_faces(shared_data: Path) -> None:
    """Real pictures have clipped highlights, black borders and JPEG blocks, where rounding alone decides."""
    faces = [Image.open(path).convert("RGB") for path in sorted((shared_data / "avatars").glob("*.png"))[:8]]
    frames = [Image.open(path).convert("RGB") for path in sorted((shared_data / "nuaa").rglob("*.jpg"))[::60]]
    assert faces
    assert frames
    crops = [np.asarray(face) for face in faces] + [np.asarray(frame.crop((200, 80, 456, 336))) for frame in frames]
    images = np.stack(crops)
    images[0, :90] = 0
    images[1] = images[1] // 64 * 64
    scores, _ = brisque(images)
    np.testing.assert_allclose(scores, [piq_score(image) for image in images], rtol=0, atol=TOLERANCE)


def test_golden_scores() -> None:
    images = np.stack([picture(seed, 64, 64) for seed in range(3)])
    golden = [37.189354053865486, 24.73841270750347, 25.740555336905004]
    np.testing.assert_allclose(brisque(images)[0], golden, rtol=0, atol=1e-6)
    assert IMPLEMENTATION == "difffas-live-mixed-2"  # whoever changes the golden scores changes this name


def test_lower_is_better(shared_data: Path) -> None:
    paths = sorted((shared_data / "avatars").glob("*.png"))[:8]
    clean = [Image.open(path).convert("RGB").resize((128, 128)) for path in paths]
    blurred = [face.resize((32, 32)).resize((128, 128)) for face in clean]
    scores = [brisque(np.stack([np.asarray(face) for face in faces]))[0] for faces in (clean, blurred)]
    assert (scores[1] > scores[0] + 10).all()


def test_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("BRISQUE opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    support_vectors.cache_clear()
    assert np.isfinite(brisque(picture(0, 32, 32)[None])[0]).all()


def test_every_tie_of_the_grey_conversion_rounds_as_a_fused_multiply_add() -> None:
    red, green, blue = np.meshgrid(*[np.arange(256)] * 3, indexing="ij")
    tie = (299 * red + 587 * green + 114 * blue) % 1000 == 500
    rgb = np.stack((red[tie], green[tie], blue[tie]), axis=-1)
    weights = [Fraction(weight) for weight in (0.299, 0.587, 0.114)]
    expected = []
    for r, g, b in rgb.tolist():
        once = Fraction(float(weights[0] * r))
        twice = Fraction(float(weights[1] * g + once))
        expected.append(round(float(weights[2] * b + twice)))
    assert len(expected) == 16782
    planes = torch.from_numpy(rgb).T[None, :, None]  # 1, 3, 1, N
    for images, scale in ((planes.to(torch.uint8), 1.0), (planes.double() / 255, 255.0), (planes.double(), 1.0)):
        assert module._luma(images, scale).flatten().tolist() == expected


def test_bad_images_are_named_and_leave_the_others_alone() -> None:
    good = np.stack([picture(seed, 40, 48) for seed in range(2)]).astype(np.float64).transpose(0, 3, 1, 2) / 255
    alone, _ = brisque(good)
    flat, unfinished, bright, negative = (good[0].copy() for _ in range(4))
    flat[:] = 0.25
    unfinished[1, 3, 3] = np.nan
    bright[0, 0, 0] = 1.01
    negative[2, 5, 5] = -0.01
    scores, reasons = brisque(np.stack((good[0], flat, unfinished, bright, negative, good[1])))
    outside = "pixels outside [0, 1]"
    assert reasons == [None, "flat image", "non-finite pixels", outside, outside, None]
    assert np.isnan(scores[1:5]).all()
    assert scores[[0, 5]].tobytes() == alone.tobytes()


@pytest.mark.parametrize("grey", [0, 1, 128, 255])
def test_flat_images_have_no_score(grey: int) -> None:
    scores, reasons = brisque(np.full((2, 32, 32, 3), grey, dtype=np.uint8))
    assert np.isnan(scores).all()
    assert reasons == ["flat image"] * 2


@pytest.mark.usefixtures("piq_offline")
def test_an_image_without_negative_products_has_no_score() -> None:
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    image[:, 16:] = 255  # a coefficient and the one above it always have the same sign
    scores, reasons = brisque(image[None])
    assert math.isnan(scores[0])
    assert reasons == ["no contrast"]
    assert math.isnan(piq_score(image))


@pytest.mark.usefixtures("piq_offline")
def test_smallest_side() -> None:
    smallest = picture(0, MINIMUM_SIDE, MINIMUM_SIDE + 1, grain=40)
    scores, reasons = brisque(smallest[None])
    assert reasons == [None]
    assert scores[0] == pytest.approx(piq_score(smallest), rel=0, abs=TOLERANCE)
    for height, width in [(MINIMUM_SIDE - 1, 64), (64, MINIMUM_SIDE - 1), (1, 1)]:
        scores, reasons = brisque(picture(0, height, width)[None])
        assert math.isnan(scores[0])
        assert reasons == ["side below 14"]


@settings(max_examples=15, deadline=None)
@given(images=st.lists(st.integers(0, 999), min_size=1, max_size=4, unique=True), side=st.integers(MINIMUM_SIDE, 40))
def test_a_score_depends_on_its_image_alone(images: list[int], side: int) -> None:
    batch = np.stack([picture(seed, side, side + 3, gain=1 + seed % 3) for seed in images])
    scores, _ = brisque(batch)
    assert scores[::-1].tobytes() == brisque(batch[::-1])[0].tobytes()
    assert scores[:1].tobytes() == brisque(batch[:1])[0].tobytes()


def test_neither_neighbours_nor_threads_change_a_score_at_full_size() -> None:
    batch = np.stack([picture(seed, 256, 256, gain) for seed, gain in ((0, 1.0), (1, 1.6))])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = [brisque(image[None])[0].tobytes() for image in batch]
        torch.set_num_threads(3)
        assert [score.tobytes() for score in brisque(batch)[0]] == alone
    finally:
        torch.set_num_threads(threads)


def test_kinds_of_input_agree() -> None:
    pixels = np.stack([picture(seed, 32, 36, gain=2) for seed in range(2)])
    channels_first = pixels.transpose(0, 3, 1, 2) / 255
    expected, _ = brisque(pixels)
    assert expected.dtype == np.float64
    assert expected.shape == (2,)
    for images in (torch.from_numpy(pixels), channels_first, torch.from_numpy(channels_first).requires_grad_()):
        assert brisque(images)[0].tobytes() == expected.tobytes()
    single = torch.from_numpy(channels_first).float()
    before = single.clone()
    np.testing.assert_allclose(brisque(single)[0], expected, rtol=0, atol=1e-9)
    assert torch.equal(single, before), "the caller's images stay as they are"
    read_only = pixels.copy()
    read_only.flags.writeable = False
    assert brisque(read_only)[0].tobytes() == expected.tobytes()
    scores, reasons = brisque(pixels[:0])
    assert scores.shape == (0,)
    assert reasons == []


@pytest.mark.parametrize("shape", [(32, 32, 3), (1, 3, 32, 32), (1, 32, 32, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="give uint8 B,H,W,3 or float B,3,H,W"):
        brisque(np.zeros(shape, dtype=np.uint8))
