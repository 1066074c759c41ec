from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from factory.images import decode, resize
from tests.odd_images import SIZE, odd_images, scene

ODD = odd_images()
REASONS = {odd.expected for odd in ODD.values() if isinstance(odd.expected, str)}
SMALL = [name for name, odd in ODD.items() if 8 < len(odd.data) < 10_000]


@pytest.mark.parametrize("name", ODD)
def test_every_odd_image_is_pixels_or_a_reason(name: str) -> None:
    odd = ODD[name]
    if isinstance(odd.expected, str):
        with pytest.raises(ValueError, match=f"^{odd.expected}$"):
            decode(odd.data)
    else:
        pixels = decode(odd.data)
        assert pixels.shape == (*odd.expected, 3)
        assert pixels.dtype == np.uint8
        assert pixels.flags.writeable and pixels.flags.c_contiguous


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(SMALL),
    hits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
    keep=st.floats(0.3, 1),
)
def test_damage_never_raises_anything_else(name: str, hits: list[tuple[float, int]], keep: float) -> None:
    data = bytearray(ODD[name].data)
    for place, value in hits:
        data[int(place * len(data))] = value
    try:
        result: object = decode(bytes(data[: int(keep * len(data))])).ndim
    except ValueError as error:
        result = str(error)
    assert result in {3, *REASONS} or str(result).startswith("unsupported pixel format ")


@pytest.mark.parametrize("name", [f"exif-{n}" for n in range(1, 10)] + ["exif-png", "exif-webp", "exif-tiff"])
def test_pictures_stand_upright(name: str) -> None:
    assert np.abs(decode(ODD[name].data).astype(int) - scene()).mean() < 8


@pytest.mark.parametrize(
    "name", ["animated-gif", "animated-webp", "animated-png", "pages", "multi-picture", "colour-16", "palette"]
)
def test_the_first_frame_and_the_colours(name: str) -> None:
    assert np.abs(decode(ODD[name].data).astype(int) - scene()).mean() < 12


@pytest.mark.parametrize("name", ["cmyk", "cmyk-tiff"])
def test_cmyk_is_not_inverted(name: str) -> None:
    pixels = decode(ODD[name].data)
    assert pixels[4, 4, 0] > 200 > 60 > pixels[4, 4, 1]


def test_alpha_lies_on_white() -> None:
    pixels = decode(ODD["alpha"].data)
    assert (pixels[:, 0] == 255).all()
    assert (pixels[:, -1] == scene()[:, -1]).all()
    assert (decode(ODD["colour-key"].data)[:12, :16] == 255).all()
    assert (decode(ODD["grey-alpha"].data)[:, 0] == 255).all()


@pytest.mark.parametrize("name", ["grey-16", "grey-16-tiff", "grey-16-pgm"])
def test_of_16_bits_the_high_byte(name: str) -> None:
    values = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.uint16)
    assert (decode(ODD[name].data) == (values >> 8)[..., None]).all()


def test_the_bomb_limit_is_pillows() -> None:
    from factory.images import MAX_PIXELS

    assert Image.MAX_IMAGE_PIXELS == MAX_PIXELS


def test_a_bomb_is_one_where_warnings_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="^image too large$"):
            decode(ODD["bomb"].data)


def test_formats_that_others_register_stay_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    heic = ODD["heic"].data
    monkeypatch.setitem(Image.OPEN, "HEIF", (lambda *_: pytest.fail("opened"), lambda prefix: b"ftyp" in prefix))
    monkeypatch.setattr(Image, "ID", [*Image.ID, "HEIF"])
    with pytest.raises(ValueError, match="not a supported image format"):
        decode(heic)


def test_lack_of_memory_is_no_fault_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", full)
    with pytest.raises(MemoryError):
        decode(ODD["bmp"].data)


@pytest.mark.parametrize("codec", ["PNG", "WEBP"])
def test_lossless_files_come_back_exactly(codec: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, codec, lossless=True)
    assert (decode(buffer.getvalue()) == scene()).all()


def test_resize_does_not_alias() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 254  # at a sixth of the size, plain sampling would pick stripes out
    small = resize(stripes, 43)
    assert small.shape == (43, 43, 3)
    assert np.abs(small.astype(int) - 127).max() <= 10


def test_resize_leaves_the_right_size_alone() -> None:
    pixels = scene(32, 32)
    assert (resize(pixels, 32) == pixels).all()
    with pytest.raises(AssertionError, match="square"):
        resize(scene(), 32)
