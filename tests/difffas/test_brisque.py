"""BRISQUE against piq in float64, against golden numbers, and row by row when images are bad."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import piq
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from difffas import brisque as module
from difffas.brisque import IMPLEMENTATION, MINIMUM_SIDE, brisque
from difffas.brisque_svm import support_vectors

Pixels = npt.NDArray[np.uint8]
piq_module = sys.modules["piq.brisque"]  # piq.brisque is its function
piq_resize = piq_module.imresize
TOLERANCE = 1e-3  # of piq in float64, as promised


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


def ruled_statistics(luma: torch.Tensor, kernel_size: int = 7, sigma: float = 7 / 6) -> torch.Tensor:
    """piq's features, by its own functions, but without the rounding error that it takes for contrast."""
    weights = torch.exp(-((torch.arange(kernel_size).double() - kernel_size // 2) ** 2) / (2 * sigma**2))
    kernel = (weights[:, None] * weights / weights.sum() ** 2)[None, None]
    mean, square = (F.conv2d(plane, kernel, padding=kernel_size // 2) for plane in (luma, luma**2))
    contrast = torch.where((luma - mean).abs() < 2.0**-31, 0.0, luma - mean)
    coefficients = contrast / ((square - mean**2).abs().sqrt() + 1)
    shape, deviation = piq_module._ggd_parameters(coefficients)
    features = [shape, deviation**2]
    for shift in module.SHIFTS:
        product = coefficients * torch.roll(coefficients, shift, (-2, -1))
        alpha, left, right = piq_module._aggd_parameters(product)
        gammas = torch.lgamma(2 / alpha) - (torch.lgamma(1 / alpha) + torch.lgamma(3 / alpha)) / 2
        features += [alpha, (right - left) * gammas.exp(), left**2, right**2]
    return torch.stack(features, dim=-1)


def halved(luma: torch.Tensor, sizes: tuple[int, int]) -> torch.Tensor:
    """piq's shrunk image; for odd sides, where it makes slight waves of one grey level, by our own matrices."""
    if not any(side % 2 for side in luma.shape[2:]):
        return piq_resize(luma, sizes=sizes)
    rows, columns = (torch.from_numpy(halving_matrix(side)) for side in luma.shape[2:])
    return (rows @ luma @ columns.T).float().double()


def halving_matrix(side: int) -> npt.NDArray[np.float64]:
    """MATLAB's cubic convolution, stretched by the factor that the image shrinks by; the image is mirrored."""
    scale = (side // 2) / side
    matrix = np.zeros((side // 2, side))
    for row in range(side // 2):
        centre = (row + 0.5) / scale - 0.5
        for source in range(math.floor(centre - 3 / scale), math.ceil(centre + 3 / scale) + 1):
            x = abs(centre - source) * scale
            near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
            mirrored = -1 - source if source < 0 else 2 * side - 1 - source if source >= side else source
            matrix[row, mirrored] += near if x <= 1 else far if x <= 2 else 0
    return matrix / matrix.sum(axis=1, keepdims=True)


def ruled_piq_score(image: Pixels, monkeypatch: pytest.MonkeyPatch) -> float:
    """piq with our two rules: whole grey levels half way upwards, and no contrast where the window is constant."""
    levels = (image.astype(np.int64) @ np.array([299, 587, 114]) + 500) // 1000
    with monkeypatch.context() as patch:
        patch.setattr(piq_module, "_natural_scene_statistics", ruled_statistics)
        patch.setattr(piq_module, "imresize", halved)
        return piq_score(levels[..., None].repeat(3, axis=2).astype(np.uint8))  # of equal channels piq makes no ties


def without_ties(image: Pixels) -> Pixels:
    """The same with one level more blue wherever the grey level lies half way between two whole ones."""
    tie = image.astype(np.int64) @ np.array([299, 587, 114]) % 1000 == 500
    image[tie, 2] ^= 1
    return image


@pytest.mark.usefixtures("piq_offline")
@pytest.mark.parametrize("grain", [2.0, 4.0, 9.0])
@pytest.mark.parametrize("size", [(64, 64), (128, 96), (97, 131), (33, 47)])
def test_equals_piq_without_ties_and_clipping(size: tuple[int, int], grain: float) -> None:
    images = np.stack([without_ties(picture(seed, *size, grain=grain)) for seed in range(4)])
    assert 0 < images.min() <= images.max() < 255
    scores, reasons = brisque(images)
    assert reasons == [None] * 4
    np.testing.assert_allclose(scores, [piq_score(image) for image in images], rtol=0, atol=TOLERANCE)


@pytest.mark.usefixtures("piq_offline")
@pytest.mark.parametrize("gain", [1.0, 1.6, 4.0])
@pytest.mark.parametrize("size", [(64, 64), (128, 96), (97, 131), (33, 47)])
def test_equals_piq_with_the_two_rules(size: tuple[int, int], gain: float, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.stack([picture(seed, *size, gain) for seed in range(4)])
    scores, reasons = brisque(images)
    assert [reason is not None for reason in reasons] == np.isnan(scores).tolist()
    assert np.isfinite(scores).sum() >= 2
    judged = [ruled_piq_score(image, monkeypatch) for image in images]
    # Nine tenths clipped: a few products of tiny and large coefficients make a feature, and their rounding shows.
    np.testing.assert_allclose(scores, judged, rtol=0, atol=TOLERANCE if gain < 4 else 5e-3)


@pytest.mark.usefixtures("piq_offline")
def test_equals_piq_with_the_two_rules_on_faces(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    judged = [ruled_piq_score(image, monkeypatch) for image in images]
    np.testing.assert_allclose(scores, judged, rtol=0, atol=TOLERANCE)


GOLDEN = {  # (height, width, gain): scores of two pictures each, to 1e-6 on every instruction set
    (64, 64, 1.0): [36.799999193, 24.738984534],
    (97, 131, 1.6): [27.801576515, 19.014978301],
    (128, 96, 4.0): [93.862594961, 84.595662661],
}


@pytest.mark.parametrize(("height", "width", "gain"), GOLDEN)
def test_golden_scores(height: int, width: int, gain: float) -> None:
    images = np.stack([picture(seed, height, width, gain) for seed in range(2)])
    np.testing.assert_allclose(brisque(images)[0], GOLDEN[height, width, gain], rtol=0, atol=1e-6)
    assert IMPLEMENTATION == "difffas-live-exact-3"  # whoever changes the golden scores changes this name


def test_golden_scores_without_numpy_s_wider_instructions() -> None:
    """In a process of its own: NumPy chooses its loops when it is imported."""
    from numpy._core._multiarray_umath import __cpu_dispatch__

    code = "from tests.difffas import test_brisque as t; any(map(lambda case: t.test_golden_scores(*case), t.GOLDEN))"
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]


def test_a_score_does_not_depend_on_where_its_image_lies() -> None:
    pixels = picture(3, 64, 80, gain=1.6)
    expected = brisque(pixels[None])[0].tobytes()
    for offset in (1, 3, 8, 17, 33):
        memory = np.zeros(pixels.size + offset, dtype=np.uint8)
        memory[offset:] = pixels.ravel()
        assert brisque(torch.from_numpy(memory[offset:].reshape(1, 64, 80, 3)))[0].tobytes() == expected


@settings(max_examples=25, deadline=None)
@given(height=st.integers(7, 40), width=st.integers(7, 40), seed=st.integers(0, 999))
def test_sums_over_neighbours_are_exact(height: int, width: int, seed: int) -> None:
    bound = int(module.LARGEST * module._exact_scale(height * width, module.LARGEST))
    plane = np.random.default_rng(seed).integers(-bound, bound + 1, (height, width))
    whole = plane.astype(object)  # Python's integers
    expected = [int((whole * np.roll(whole, shift, (0, 1))).sum()) for shift in module.SHIFTS]
    assert [int(total) for total in module._pair_sums(plane[None].astype(np.float64))[:, 0]] == expected
    assert bound**2 * height * width < 2**53


@pytest.mark.parametrize("side", [32, 37])
def test_constant_windows_have_exactly_no_contrast(side: int) -> None:
    for grey in range(256):
        luma = np.full((1, side, side), grey, dtype=np.float32)
        for plane in (luma, module._halve(luma)):
            magnitude, sign = np.zeros(plane.shape), np.zeros(plane.shape, dtype=np.int8)
            module._coefficients(plane, 2.0**17, magnitude, sign)
            inside = (slice(None), *[slice(module.REACH, -module.REACH)] * 2)
            assert not magnitude[inside].any()
            assert not sign[inside].any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), share=st.floats(0, 1))
def test_no_coefficient_is_above_the_bound_of_the_exact_sums(seed: int, share: float) -> None:
    luma = ((np.random.default_rng(seed).random((1, 24, 24)) < share) * 255).astype(np.float32)
    for plane in (luma, module._halve(luma)):
        magnitude, sign = np.zeros(plane.shape), np.zeros(plane.shape, dtype=np.int8)
        module._coefficients(plane, 2.0**17, magnitude, sign)
        assert magnitude.max() <= module.LARGEST * 2.0**17


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


def test_every_tie_of_the_grey_conversion_rounds_upwards_and_all_else_to_the_nearest() -> None:
    red, green, blue = (axis.ravel() for axis in np.meshgrid(*[np.arange(256)] * 3, indexing="ij"))
    thousandths = 299 * red + 587 * green + 114 * blue
    assert (thousandths % 1000 == 500).sum() == 16782
    rgb = torch.from_numpy(np.stack((red, green, blue)))[None, :, None]  # 1, 3, 1, N
    for images, scale in ((rgb.to(torch.uint8), 1), (rgb.double() / 255, 255), (rgb.float() / 255, 255)):
        assert np.array_equal(module._luma(images, scale).ravel(), (thousandths + 500) // 1000)


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
    smallest = without_ties(picture(0, MINIMUM_SIDE, MINIMUM_SIDE + 1, grain=20))
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


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 3, 32, 32), object),
        np.full((1, 32, 32, 3), "x"),
        np.zeros((1, 3, 32, 32), np.longdouble),
        np.zeros((1, 3, 32, 32), complex),
        torch.zeros(1, 3, 32, 32).to_sparse(),
        torch.zeros(1, 3, 32, 32, device="meta"),
    ],
    ids=["objects", "text", "long double", "complex", "sparse", "meta"],
)
def test_what_holds_no_images_is_refused(images: np.ndarray | torch.Tensor) -> None:
    with pytest.raises(ValueError, match="^images are .*: give "):
        brisque(images)


def test_any_floating_point_is_scored_as_its_numbers() -> None:
    wide = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for kind in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float16, torch.bfloat16):
        narrow = wide.to(kind)
        assert brisque(narrow)[0].tobytes() == brisque(narrow.double())[0].tobytes()
    swapped = wide.numpy().astype(">f4")
    assert brisque(swapped)[0].tobytes() == brisque(wide)[0].tobytes()
