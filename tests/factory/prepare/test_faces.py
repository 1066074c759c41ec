"""A planted set of drawn frames: faces too small, too many, turned, too dark and covered, and what is told of each."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from factory.corpus.detected import FACES
from factory.drawn.portrait import Capture, Subject, render
from factory.prepare import PrepareConfig, plan, read_shard
from factory.prepare.faces import Choice, choose, covered
from factory.simulate.attacks import print_attack
from factory.sources.aligned import TEMPLATE, cut_aligned
from factory.sources.faces import Box, cut_square
from factory.sources.retinaface import Detector, Face, retinaface
from factory.storage import Storage

WALL = (120, 122, 118)


def frame(side: int = 300, at: tuple[int, int] = (170, 90), seed: int = 3) -> np.ndarray:
    """A drawn person, whose eyes are level, in front of a wall: uint8 480,640,3."""
    picture = np.full((480, 640, 3), WALL, np.uint8)
    face = render(Subject.from_seed(seed), Capture.from_seed(seed), side)
    picture[at[1] : at[1] + side, at[0] : at[0] + side] = face
    return picture


def with_held_print() -> np.ndarray:
    """A live person who holds a print of another person, larger than the own face, into the camera."""
    picture = frame(240, (20, 40))
    held = print_attack(render(Subject.from_seed(8), Capture.from_seed(8), 340), 1)
    picture[100:440, 290:630] = held
    return picture


def turned(degrees: float) -> np.ndarray:
    """The frame turned counter-clockwise."""
    return np.asarray(Image.fromarray(frame()).rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=WALL))


def hidden(detect: Detector, part: str) -> np.ndarray:
    """The frame with a cloth, plain but for noise and shading, over the mouth or the eyes."""
    picture = frame().astype(float)
    face = detect(frame())[0]
    eyes, mouth = face.points[:2].mean(0)[1], face.points[3:].mean(0)[1]
    reach = 0.4 * (mouth - eyes)
    top, bottom = (eyes - reach, eyes + reach) if part == "eyes" else (mouth - 1.5 * reach, mouth + 2 * reach)
    rows, columns = slice(int(top), int(bottom)), slice(int(face.box.x), int(face.box.x + face.box.width))
    cloth = picture[rows, columns]
    noise = np.random.default_rng(0).normal(0, 3, cloth.shape[:2])[..., None]
    picture[rows, columns] = np.array([90, 140, 190]) * np.linspace(1.1, 0.8, len(cloth))[:, None, None] + noise
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def weights(shared_data: Path) -> str:
    pytest.importorskip("batch_face")
    return str(shared_data / "weights" / "retinaface_mobilenet0.25.pth")


@pytest.fixture(scope="module")
def chosen(weights: str) -> Callable[..., Choice]:
    detect = retinaface(weights)

    def look(picture: np.ndarray, **given: Any) -> Choice:
        return choose(picture, detect, config(weights, **given))

    return look


def config(weights: str, **given: Any) -> PrepareConfig:
    values = {"source": "in", "out": "out", "license": "cc0-1.0", "weights": weights, "size": 64}
    return PrepareConfig.model_validate({**values, "defaults": {"domain": "cam"}, **given})


def test_what_is_known_of_a_face(chosen: Callable[..., Choice]) -> None:
    found = chosen(frame()).detected
    assert found["faces"] == 1 and 0.8 <= found["score"] <= 1
    assert 220 < found["x"] < found["x"] + found["width"] < 420
    assert 120 < found["width"] < 160 < found["height"] < 230
    assert abs(found["roll"]) < 8 and found["turned"] == 0
    assert 80 < found["brightness"] <= 255 and found["contrast"] > 0.1
    assert not covered(found)


def test_a_small_face(chosen: Callable[..., Choice]) -> None:
    near, far = frame(), frame(100, (200, 200))
    assert [chosen(picture, min_face=80).reject for picture in (near, far)] == [None, "face too small"]
    assert chosen(far).reject is None


def test_a_held_print_makes_two_faces(chosen: Callable[..., Choice]) -> None:
    both = chosen(with_held_print(), reject_several=True)
    assert both.reject == "several faces" and both.detected["faces"] == 2
    assert both.detected["x"] > 290  # without the setting the print would be the live face
    assert chosen(with_held_print()).reject is None
    assert chosen(frame(), reject_several=True).reject is None


@pytest.mark.parametrize(
    "degrees", [0, 20, 90, 135, *(pytest.param(each, marks=pytest.mark.slow) for each in (45, 180, 250, 270, 300))]
)
def test_turned_frames_become_upright(chosen: Callable[..., Choice], weights: str, degrees: float) -> None:
    straight, found = chosen(frame()), chosen(turned(degrees), upright=True)
    assert found.reject is None
    off = found.detected["turned"] + degrees - straight.detected["roll"]
    assert abs((off + 180) % 360 - 180) < 6
    assert abs((found.detected["roll"] + degrees + 180) % 360 - 180) < 20  # told before it was turned: less exact
    crops = [cut_square(choice.pixels, choice.box, 64).astype(float) for choice in (straight, found)]
    assert np.corrcoef(crops[0].ravel(), crops[1].ravel())[0, 1] > 0.85
    image, box = turned(degrees), found.detected
    assert box["x"] > -20 and box["x"] + box["width"] < image.shape[1] + 20
    face = cut_square(image, Box(box["x"], box["y"], box["width"], box["height"]), 64)
    assert (abs(face.astype(int) - WALL).max(axis=2) > 20).mean() > 0.6  # the box is that in the source image


def test_an_upright_face_is_left_alone(chosen: Callable[..., Choice]) -> None:
    def level(pixels: np.ndarray) -> list[Face]:
        turned_by = 0 if pixels.shape == (480, 640, 3) else 90
        points = np.array([[280, 200], [340, 200], [310, 230], [285, 260], [335, 260]], float)
        return [Face(Box(250, 150, 120, 150), 0.99 - turned_by / 1000, points)]

    choice = choose(frame(), level, config("w", upright=True))
    assert (choice.pixels == frame()).all() and choice.box == (250, 150, 120, 150)
    assert choice.detected["turned"] == 0


@pytest.mark.parametrize("light", [0.08, 0.04, 0.0])
def test_a_near_black_frame(chosen: Callable[..., Choice], light: float) -> None:
    assert chosen((frame() * light).astype(np.uint8)).reject == "face too dark"


def test_deep_skin_in_dim_light_is_not_too_dark(chosen: Callable[..., Choice]) -> None:
    picture = frame()
    dim = dataclasses.replace(Capture.from_seed(1), key=0.6, ambient=0.15)
    picture[90:390, 170:470] = render(dataclasses.replace(Subject.from_seed(1), skin=1.0), dim, 300)
    found = chosen(picture)
    assert found.reject is None and found.detected["brightness"] > 64


def test_a_wall_has_no_face(chosen: Callable[..., Choice]) -> None:
    found = chosen(np.full((480, 640, 3), WALL, np.uint8), upright=True)
    assert (found.reject, found.detected) == ("no face", {"faces": 0})


@pytest.mark.parametrize("part", ["eyes", "mouth"])
def test_a_covered_face(chosen: Callable[..., Choice], weights: str, part: str) -> None:
    found = chosen(hidden(retinaface(weights), part))
    assert found.reject is None  # an attack may be a cover
    assert covered(found.detected)


@pytest.mark.slow
def test_the_planted_set_becomes_rows_rejects_and_facts(tmp_path: Path, weights: str) -> None:
    planted = {
        "live/s1/plain": (frame(), None),
        "live/s1/held": (with_held_print(), "several faces"),
        "live/s1/far": (frame(100, (200, 200)), "face too small"),
        "live/s2/sideways": (turned(90), None),
        "live/s2/black": ((frame() * 0.05).astype(np.uint8), "face too dark"),
        "live/s2/hidden": (hidden(retinaface(weights), "mouth"), "face covered"),
        "live/s2/wall": (np.full((480, 640, 3), WALL, np.uint8), "no face"),
        "print/s2/hidden": (hidden(retinaface(weights), "mouth"), None),
    }
    for name, (picture, _) in planted.items():
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    given = config(weights, source=str(tmp_path / "in"), min_face=80, reject_several=True, upright=True)
    shards = plan(given).shards
    storage = Storage(str(tmp_path / "out"))
    rejects: dict[str, str | None] = {}
    for name, entries in shards.items():
        shard = read_shard(given, entries)
        rejects |= {str(each["row"]["source"])[:-4]: each["reject"] for each in shard["records"]}
        FACES.write_part(storage.url, name, [each["detected"] for each in shard["records"] if "detected" in each])
    assert rejects == {name: reject for name, (_, reject) in planted.items()}
    FACES.join_parts(storage, sorted(shards))
    keys = {entry.key: entry.path[:-4] for entries in shards.values() for entry in entries}
    table = {keys[line["key"]]: line for line in pq.read_table(io.BytesIO(storage.read("faces.parquet"))).to_pylist()}
    assert {name: line["reject"] for name, line in table.items()} == rejects
    assert table["live/s1/held"]["faces"] == 2 and table["live/s2/wall"]["score"] is None
    assert abs(table["live/s2/sideways"]["roll"] + 90) < 10 and abs(table["live/s2/sideways"]["turned"] + 90) < 10


def test_the_settings_are_part_of_the_identity_once_they_are_set(tmp_path: Path, weights: str) -> None:
    path = tmp_path / "in" / "live" / "s1" / "1.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(frame()).save(path)
    plain = plan(config(weights, source=str(tmp_path / "in"))).identity
    assert not {"min_face", "reject_several", "upright", "align", "domain"} & plain.keys()
    assert "align" not in config(weights).model_dump()
    for given in ({"min_face": 64}, {"reject_several": True}, {"upright": True}, {"align": True}):
        assert plan(config(weights, source=str(tmp_path / "in"), **given)).identity == {**plain, **given}
        needed = "(is what the face detector tells|needs the landmarks of a face), and crop=none has none"
        with pytest.raises(ValueError, match=f"{next(iter(given))} {needed}"):
            config(weights, source="in", crop="none", **given)


@pytest.mark.parametrize("degrees", [0, 20, 315])
def test_aligned_faces_have_their_landmarks_on_the_template(
    chosen: Callable[..., Choice], weights: str, degrees: float
) -> None:
    choice = chosen(turned(degrees), align=True)
    assert choice.reject is None and choice.square is not None
    assert choice.detected["turned"] == pytest.approx(choice.square.degrees)
    crop = cut_aligned(choice.pixels, choice.square, 256, 1.2)
    off = retinaface(weights)(crop)[0].points - 256 * (0.5 + TEMPLATE / 1.2)
    assert np.abs(off).mean() < 12, "the detector sees the turned face anew, and a face is not the template"


def test_a_face_without_landmarks_is_a_face_that_was_not_found(tmp_path: Path) -> None:
    def pointless(pixels: np.ndarray) -> list[Face]:
        return [Face(Box(250, 150, 120, 150), 0.99, np.full((5, 2), 300.0))]

    assert choose(frame(), pointless, config("w", align=True)).reject == "no face"
    assert choose(frame(), pointless, config("w")).reject is None


def test_a_corpus_may_be_aligned(tmp_path: Path, weights: str) -> None:
    path = tmp_path / "in" / "live" / "s1" / "1.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(turned(20)).save(path)
    crops = []
    for given in ({}, {"align": True}):
        chosen_config = config(weights, source=str(tmp_path / "in"), **given)
        ((_, entries),) = plan(chosen_config).shards.items()
        crops.append(read_shard(chosen_config, entries)["pixels"][0])
    straight = cut_square(frame(), retinaface(weights)(frame())[0].box, 64)
    plain, aligned = (np.corrcoef(straight.ravel(), crop.ravel())[0, 1] for crop in crops)
    assert aligned > max(plain, 0.8)
