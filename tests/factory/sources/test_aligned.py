"""Aligned crops: landmarks land on the template however the picture is turned and scaled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from difffas.errors import UnreadableError
from factory.sources.aligned import TEMPLATE, Square, aligned_square, cut_aligned
from factory.sources.faces import Box, cut_square

SIDE, MARGIN = 128, 1.2
WANTED = SIDE * (0.5 + TEMPLATE / MARGIN)  # pixels of the crop
DOTS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))


def planted(scale: float, degrees: float, centre: complex = 300 + 260j) -> np.ndarray:
    """The template's points in a picture: scaled, turned clockwise by so many degrees, around a centre; (5, 2)."""
    turn = scale * np.exp(1j * math.radians(degrees))
    places = centre + turn * (TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1])
    return np.stack([places.real, places.imag], axis=1)


def dotted(points: np.ndarray, radius: float) -> np.ndarray:
    """A grey picture with a soft dot of its own colour at each point, uint8 (520, 600, 3)."""
    rows, columns = np.mgrid[:520, :600] + 0.5
    picture = np.full((520, 600, 3), 128.0)
    for (x, y), colour in zip(points, DOTS, strict=True):
        weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))[..., None]
        picture = picture * (1 - weight) + np.array(colour) * weight
    return picture.round().astype(np.uint8)


def found(crop: np.ndarray) -> np.ndarray:
    """Where the dots are in a crop: the centres of mass of what is near each colour; (5, 2)."""
    rows, columns = np.mgrid[: len(crop), : len(crop)] + 0.5
    places = []
    for colour in DOTS:
        away = np.array(colour) - 128.0
        weight = ((crop - 128.0) @ away / (away @ away) - 0.5).clip(0)
        weight *= np.abs(crop - 128.0 - weight[..., None] * away).max(axis=2) < 90
        places.append(((weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()))
    return np.array(places)


@pytest.mark.parametrize("degrees", [0, 17, -60, 135, 180])
@pytest.mark.parametrize("scale", [90, 160, 250])
def test_landmarks_of_a_turned_and_scaled_picture_land_on_the_template(scale: float, degrees: float) -> None:
    points = planted(scale, degrees)
    square = aligned_square(points, MARGIN)
    assert square is not None and abs((square.degrees - degrees + 180) % 360 - 180) < 1e-6
    crop = cut_aligned(dotted(points, scale / 25), square, SIDE, MARGIN)
    assert crop.shape == (SIDE, SIDE, 3)
    assert np.abs(found(crop) - WANTED).max() < 1.0


@given(st.floats(20, 2000), st.floats(-180, 180), st.complex_numbers(max_magnitude=5000), st.floats(1, 4))
def test_the_square_is_the_inverse_of_the_turn_the_scale_and_the_shift(
    scale: float, degrees: float, centre: complex, margin: float
) -> None:
    square = aligned_square(planted(scale, degrees, centre), margin)
    assert square is not None
    assert abs(square.across) == pytest.approx(margin * scale, rel=1e-6)
    assert square.place(0.5 + 0.5j) == pytest.approx(centre, abs=1e-6 * (scale + abs(centre)))


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=5, max_size=5))
def test_no_other_similarity_is_nearer_to_the_template(off: list[tuple[float, float]]) -> None:
    points = planted(100, 30) + np.array(off)
    square = aligned_square(points, MARGIN)
    assert square is not None

    def error(corner: complex, across: complex) -> float:
        shares = (points[:, 0] + 1j * points[:, 1] - corner) / across
        wanted = 0.5 + 0.5j + (TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1]) / MARGIN
        return float(np.sum(np.abs(shares - wanted) ** 2))

    least = error(*square)
    for change in (1.01, 0.99, np.exp(0.01j), np.exp(-0.01j)):
        for shift in (0, 1, -1, 1j, -1j):
            assert least <= error(square.corner + shift, square.across * change) + 1e-9


def test_a_crop_that_turns_nothing_is_the_crop_of_the_box() -> None:
    picture = np.asarray(Image.effect_noise((600, 520), 60).convert("RGB"))
    across = 1.2 * 150
    whole = Square(complex(300 - across / 2, 260 - across / 2), across + 0j)
    plain = cut_square(picture, Box(225, 185, 150, 150), SIDE, MARGIN)
    assert np.array_equal(cut_aligned(picture, whole, SIDE, MARGIN), plain)


def test_outside_the_frame_the_edge_is_repeated() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    square = aligned_square(planted(90, 20, 5 + 5j), MARGIN)
    assert square is not None
    assert (cut_aligned(picture, square, SIDE, MARGIN) == 200).all()


@pytest.mark.parametrize(
    ("square", "reason"),
    [
        (Square(400 + 0j, 50 + 0j), "box outside the image"),
        (Square(-200 - 200j, 500 + 0j), "box larger than the image"),
    ],
)
def test_squares_that_no_image_holds_are_rejected(square: Square, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        cut_aligned(np.zeros((100, 100, 3), np.uint8), square, SIDE, MARGIN)


def test_a_square_larger_than_what_is_kept_whole_is_reduced_first(monkeypatch: pytest.MonkeyPatch) -> None:
    points = planted(250, 17)
    square = aligned_square(points, MARGIN)
    assert square is not None
    monkeypatch.setattr("factory.sources.aligned.WHOLE_SIDE", 160)  # the square has 300 pixels
    assert np.abs(found(cut_aligned(dotted(points, 10), square, SIDE, MARGIN)) - WANTED).max() < 1.0


def test_landmarks_in_one_place_make_no_square() -> None:
    assert aligned_square(np.full((5, 2), 7.0), MARGIN) is None
    assert aligned_square(np.full((5, 2), np.nan), MARGIN) is None
