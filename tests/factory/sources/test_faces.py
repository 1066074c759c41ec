from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.images.limits import MAX_SIDE
from factory.sources import faces
from factory.sources.faces import Box, centre_square, cut_square, landmark_box, read_boxes

PLACES = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
POINTS = ",".join(f"{place}_{axis}" for place in PLACES for axis in "xy")


def coordinates(height: int, width: int) -> np.ndarray:
    """Each pixel says where it is: (row, column, 0)."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8)


def test_the_square_has_the_centre_of_the_box() -> None:
    square = cut_square(coordinates(100, 200), Box(90, 40, 20, 32), side=64, margin=2.0)
    assert square[0, 0].tolist() == [56 - 32, 100 - 32, 0]
    assert square[-1, -1].tolist() == [56 + 31, 100 + 31, 0]


def test_outside_the_frame_the_edge_repeats() -> None:
    square = cut_square(coordinates(50, 60), Box(0, 0, 32, 32), side=64, margin=2.0)
    assert square[0, 0].tolist() == [0, 0, 0]
    assert (square[:16, :, 0] == 0).all() and (square[:, :16, 1] == 0).all()
    assert square[-1, -1].tolist() == [47, 47, 0]


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    size=st.tuples(st.floats(0.1, 60), st.floats(0.1, 60)),
)
def test_any_box_in_the_frame_gives_a_square(
    height: int, width: int, place: tuple[float, float], size: tuple[float, float]
) -> None:
    box_width, box_height = min(size[0], 2 * max(height, width)), min(size[1], 2 * max(height, width))
    box = Box(place[0] * width - box_width / 2, place[1] * height - box_height / 2, box_width, box_height)
    box = Box(max(box.x, -box_width / 2), max(box.y, -box_height / 2), box_width, box_height)
    assert cut_square(coordinates(height, width), box, 32).shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        *((200, 300, Box(20, 30, 120, 90)), (200, 300, Box(-200, 90, 500, 20)), (1, 300, Box(0, 0, 300, 1))),
        *((300, 1, Box(0, 0, 1, 300)), (90, 70, Box(-10, -10, 140, 140)), (64, 64, Box(0, 0, 64, 64))),
    ],
)
def test_a_large_square_is_cut_in_strips_to_the_same_bytes(
    height: int, width: int, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for margin in (1.0, 1.2, 4.0):
        whole = cut_square(pixels, box, 32, margin)
        with monkeypatch.context() as patch:
            patch.setattr(faces, "WHOLE_SIDE", 24)
            assert (cut_square(pixels, box, 32, margin) == whole).all()


@pytest.mark.timeout(60)
def test_the_square_of_a_long_image_takes_little_memory_and_that_of_the_longest_is_refused() -> None:
    ribbon = np.full((2, 10_000, 3), 7, np.uint8)
    tracemalloc.start()
    assert (cut_square(ribbon, Box(0, 0, 10_000, 2), 256, 2.0) == 7).all()  # 20,000² as a whole: 1.2 GB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 28
    longest = np.broadcast_to(np.uint8(7), (2, MAX_SIDE, 3))
    for pixels, box in (
        (longest, Box(0, 0, 2 * MAX_SIDE, 2)),
        (longest.transpose(1, 0, 2), Box(0, 0, 2, 2 * MAX_SIDE)),
    ):
        with pytest.raises(ValueError, match="^square too large$"):
            cut_square(pixels, box, 256)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["boxes.csv", "boxes.parquet"])
def test_a_table_that_is_no_regular_file_is_told_at_once(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name} is not a regular file: give the path of the table itself"):
        read_boxes(str(tmp_path / name))


def test_boxes_that_cannot_be_meant() -> None:
    with pytest.raises(ValueError, match="^box outside the image$"):
        cut_square(coordinates(50, 50), Box(60, 10, 20, 20), 32)
    with pytest.raises(ValueError, match="^box larger than the image$"):
        cut_square(coordinates(50, 50), Box(-1e6, -1e6, 2e6, 2e6), 32)


def test_the_centre_square() -> None:
    pixels = coordinates(64, 100)
    assert (cut_square(pixels, centre_square(pixels), 64, margin=1.0) == pixels[:, 18:82]).all()
    pixels = coordinates(33, 1)
    assert cut_square(pixels, centre_square(pixels), 32, margin=1.0).shape == (32, 32, 3)


def test_a_table_of_boxes(tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text('path,x,y,width,height,note\n0001,1,2,30,40,a\n"new\nline.jpg",5.5,6,7,8,b\nnone.jpg,,,,,c\n')
    expected = {"0001": Box(1, 2, 30, 40), "new\nline.jpg": Box(5.5, 6, 7, 8), "none.jpg": None}
    assert read_boxes(str(table)) == expected
    rows = [{"path": path, **(box._asdict() if box else {})} for path, box in expected.items()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "boxes.parquet")
    assert read_boxes(str(tmp_path / "boxes.parquet")) == expected


def test_a_table_of_landmarks(tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text(f"path,{POINTS}\na.jpg,40,40,60,40,50,50,42,60,58,60\n")
    box = read_boxes(str(table))["a.jpg"]
    assert box is not None
    assert box.width == box.height == pytest.approx(2.67 * 20)
    assert (box.x + box.width / 2, box.y + box.height / 2) == pytest.approx((50, 50 - 0.2 * 20))


@given(st.floats(0, 360))
def test_the_landmark_box_turns_with_the_face(degrees: float) -> None:
    face = np.array([[-10.0, -10], [10, -10], [-8, 10], [8, 10]])
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    box = landmark_box((face @ turn + 100).ravel())
    centre = np.array([box.x + box.width / 2, box.y + box.height / 2]) - 100
    np.testing.assert_allclose(centre, np.array([0, -4.0]) @ turn, atol=1e-9)
    assert box.width == pytest.approx(2.67 * 20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,x,y,width\na,1,2,3\n", "no column 'left_eye_x'.* needs path and x, y, width, height"),
        ("x,y,width,height\n1,2,3,4\n", "no column 'path'"),
        ("path,x,y,width,height\na,1,2,3,4\na,1,2,3,5\n", "'a' twice"),
        ("path,x,y,width,height\na,1,2,0,4\n", "no area"),
        ("path,x,y,width,height\na,1,2,left,4\n", "must be numbers"),
        ("", "cannot be read"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_boxes(str(tmp_path / "boxes.csv"))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="cannot be read"):
        read_boxes(str(tmp_path / "absent.parquet"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,x,y,width,height,x\na,1,2,3,4,9\n", "there are two columns 'x'"),
        ("path,path,x,y,width,height\na,b,1,2,3,4\n", "there are two columns 'path'"),
        ("path,x,y,width,height\na,1_0,2,3,4\n", "coordinates must be numbers"),
        ("path,x,y,width,height\na,0x10,2,3,4\n", "coordinates must be numbers"),
        ("path,x,y,width,height\na,\u0661,2,3,4\n", "coordinates must be numbers"),
        ("path,x,y,width,height\na,inf,2,3,4\n", "coordinates must be numbers: 'inf' is not a decimal number"),
        ("path,x,y,width,height\na,1e999,2,3,4\n", "the face of 'a' has an infinite coordinate"),
    ],
)
def test_tables_of_boxes_are_read_strictly(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_boxes(str(tmp_path / "boxes.csv"))
    assert "\n" not in str(caught.value)
