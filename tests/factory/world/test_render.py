"""Equal scenes give equal bytes, however many lamps and threads there are; what is missing is said in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from factory.world.render import normals, render, renderer, use_threads, without_fireflies
from factory.world.scene import Camera, Material, Mesh, Panel, Scene, Strands

SQUARE = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
UV = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
HALVES = np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
CAMERA = Camera((0, 0, 4), (0, 0, 0), 28)


def square(material: Material, size: float = 1.0) -> Mesh:
    return Mesh(size * SQUARE, HALVES, UV, material)


def lamps() -> tuple[Panel, ...]:
    """A ring of equal lamps: by default Mitsuba brings equal ones into an order that differs from run to run."""
    turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return tuple(
        Panel((2 * float(np.cos(t)), 2 * float(np.sin(t)), 3), (0, 0, 0), 0.3, 0.3, (n + 1, 5, 5))
        for n, t in enumerate(turns)
    )


def test_a_seam_of_the_texture_is_no_crease() -> None:
    roof = np.array([[0, -1, 1], [0, 1, 1], [-1, 0, 0], [0, -1, 1], [0, 1, 1], [1, 0, 0]], np.float32)
    sides = np.array([[0, 1, 2], [3, 5, 4]], np.uint32)  # the ridge is in the mesh twice
    found = normals(Mesh(roof, sides, np.zeros((6, 2), np.float32), Material()))
    assert np.allclose(found[[0, 1, 3, 4]], (0, 0, 1))
    assert np.allclose(found[[2, 5]], np.array([[-1, 0, 1], [1, 0, 1]]) / np.sqrt(2))


def test_equal_scenes_give_equal_bytes() -> None:
    scene = Scene(CAMERA, (square(Material()), square(Material(), 0.5)), lamps(), (0.1, 0.1, 0.1))
    made = []
    for threads in (1, 2, 1, 2):
        use_threads(threads)
        made.append(render(scene, 48, 4, 7).tobytes())
    assert len(set(made)) == 1
    assert render(scene, 48, 4, 8).tobytes() != made[0]


def test_an_image_s_first_row_is_at_the_top_and_the_persons_left_at_the_right() -> None:
    image = np.zeros((2, 2, 3), np.float32)
    image[0, 0], image[0, 1] = (1, 0, 0), (0, 1, 0)
    seen = render(Scene(CAMERA, (square(Material(colour=image, specular=0.0, roughness=1.0)),)), 32, 16, 0)
    assert seen[8, 8, 0] > 3 * seen[8, 8, 1] and seen[8, 24, 1] > 3 * seen[8, 24, 0]
    assert seen[24].max() < 0.1


def test_what_glows_is_seen_as_bright_as_it_is_and_holes_show_what_is_behind() -> None:
    glowing = square(Material(glow=(2.0, 1.0, 0.5), colour=(0, 0, 0), specular=0.0))
    seen = render(Scene(CAMERA, (glowing,), (), (0, 0, 0)), 32, 8, 0)
    assert np.allclose(seen[16, 16], (2, 1, 0.5), atol=0.1)
    seen = render(
        Scene(CAMERA, (square(Material(opacity=np.zeros((2, 2), np.float32))),), (), (0.3, 0.6, 0.9)), 32, 8, 0
    )
    assert np.allclose(seen[16, 16], (0.3, 0.6, 0.9), atol=0.05)


def test_strands_are_seen() -> None:
    heights = np.linspace(-1.5, 1.5, 5)
    strand = np.stack([np.zeros(5), heights, np.zeros(5)], 1).astype(np.float32)[None]
    body = Strands(strand, np.full((1, 5), 0.2, np.float32), Material(colour=(0, 0, 0), specular=0.0))
    seen = render(Scene(CAMERA, (body,), (), (1, 1, 1)), 32, 16, 0)
    assert seen[16, 16].max() < 0.2 and seen[16, 2].min() > 0.9


def test_it_names_itself_or_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert renderer().startswith("mitsuba 3.")
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    with pytest.raises(ValueError, match=r"pip install 'difffas-factory\[world\]'"):
        renderer()


def test_a_mitsuba_that_does_not_load_says_why_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mitsuba.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file\\nat all')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mitsuba")
    with pytest.raises(ValueError, match=r"^Mitsuba is installed and does not load: libGL[^\n]*file$"):
        renderer()


def test_a_firefly_is_bounded_and_a_highlight_stays() -> None:
    radiance = np.full((16, 16, 3), 0.3, np.float32)
    radiance[4, 4] = (90, 30, 0)
    radiance[9:12, 9:12] = 9
    bounded = without_fireflies(radiance)
    assert bounded[4, 4].max() < 5 and bounded[4, 4, 0] == pytest.approx(3 * bounded[4, 4, 1])
    rest = np.ones((16, 16), bool)
    rest[4, 4] = False
    assert np.array_equal(bounded[rest], radiance[rest])
