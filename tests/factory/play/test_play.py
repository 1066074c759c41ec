"""The playground: what it makes is what the line makes, and the page shows it in a real browser."""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.corpora import face, small_rows, write_corpus
from factory import play
from factory.core.config import build
from factory.drawn import pretrained
from factory.images import decode
from factory.models.diffusion_generator import DiffusionGenerator
from factory.models.generators import Request
from factory.models.settings import SamplerConfig
from factory.play.playground import PlayConfig, Playground
from tests.browser import chromium


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Playground:
    folder = tmp_path_factory.mktemp("play") / "guides"
    write_corpus(folder, small_rows())
    return Playground(build(PlayConfig, {"guides": str(folder), "threads": 1}))


def file_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def wide(seed: int) -> np.ndarray:
    """64 × 96; the middle square is what counts."""
    square = np.asarray(Image.fromarray(face(seed)).resize((64, 64)))
    return np.pad(square, ((0, 0), (16, 16), (0, 0)), mode="edge")


def test_a_spoof_is_that_of_the_line_with_its_recipe(playground: Playground) -> None:
    made, shown, facts = playground.spoof(file_of(wide(1)), file_of(wide(2)), None, 250, 2.0, 7)
    live, guide = (wide(seed)[:, 16:80] for seed in (1, 2))
    generator = DiffusionGenerator(str(pretrained.FOLDER), SamplerConfig(preset="balanced", batch_size=1), 1)
    one = np.zeros(1, dtype=np.int64)
    expected = generator(Request(live[None], guide[None], one, one + 250, np.array([2.0]), one + 7)).pixels[0]
    assert np.array_equal(made, expected)
    assert np.array_equal(shown, guide)
    recipe, scores = facts["recipe"], facts["scores"]
    assert (recipe["t0"], recipe["cfg_scale"], recipe["seed"], recipe["preset"]) == (250, 2.0, 7, "balanced")
    assert sum(scores["styles seen by the encoder"].values()) <= 1.001
    assert 0 < scores["structure changed (1 - SSIM)"] < 1


def test_a_style_stands_for_a_guide(playground: Playground) -> None:
    style = playground.styles[0]
    _, shown, facts = playground.spoof(file_of(wide(1)), None, style, 100, 2.0, 0)
    assert facts["recipe"]["guide"] != "uploaded"
    assert shown.shape == (64, 64, 3)


def test_a_guide_of_the_corpus_is_cut_to_its_middle_square(tmp_path: Path) -> None:
    rows = [dataclasses.replace(each, image=file_of(wide(number))) for number, each in enumerate(small_rows())]
    write_corpus(tmp_path / "guides", rows)
    playground = Playground(build(PlayConfig, {"guides": str(tmp_path / "guides"), "threads": 1}))
    _, shown, facts = playground.spoof(file_of(wide(1)), None, playground.styles[0], 100, 2.0, 0)
    stored = next(each for each in rows if each.key == facts["recipe"]["guide"])
    assert np.array_equal(shown, decode(stored.image)[:, 16:80])


def test_mistakes_are_told_in_one_line(playground: Playground) -> None:
    good = file_of(wide(1))
    mistakes: list[tuple[Any, str]] = [
        ((b"no image", good, None, 250), "live face: not a supported image format"),
        ((good, b"", None, 250), "guide: empty file"),
        ((good, None, None, 250), "no guide: upload one or choose a style"),
        ((good, None, "nowhere-print", 250), "style 'nowhere-print' is not among the guides"),
        ((good, good, None, 1000), "was trained for T₀ up to"),
    ]
    for (live, guide, style, t0), message in mistakes:
        with pytest.raises(ValueError, match=message):
            playground.spoof(live, guide, style, t0, 2.0, 0)


def test_uploads_go_when_the_playground_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio alone would leave every face in a folder that all users of the machine may read."""
    folders: list[Path] = []

    def serve(config: PlayConfig) -> dict[str, Any]:
        folders.append(Path(os.environ["GRADIO_TEMP_DIR"]))
        (folders[0] / "face.png").write_bytes(b"a face")
        assert folders[0].stat().st_mode & 0o077 == 0
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        return {}

    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(play, "_serve", serve)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(KeyboardInterrupt):
            play.run(PlayConfig())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert folders and not folders[0].exists()


@pytest.mark.slow
def test_the_page_in_a_browser(playground: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    pytest.importorskip("gradio", reason="gradio is not installed")
    from factory.play.page import page

    for name, seed in (("live", 1), ("guide", 2)):
        (tmp_path / f"{name}.png").write_bytes(file_of(wide(seed)))
    built = page(playground)
    built.launch(server_name="127.0.0.1", server_port=None, prevent_thread_lock=True, quiet=True, share=False)
    asked: list[str] = []
    try:
        with chromium() as browser:
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.on("request", lambda request: asked.append(request.url))
            tab.goto(built.local_url)
            tab.get_by_text("Make the spoof").wait_for()
            tab.get_by_role("button", name="Make the spoof").click()
            tab.get_by_text("upload a live face first").wait_for()
            for place, name in enumerate(("live", "guide")):
                before = tab.locator("img").count()
                tab.locator("input[type=file]").nth(place).set_input_files(tmp_path / f"{name}.png")
                tab.locator("img").nth(before).wait_for()  # its preview
            tab.get_by_role("button", name="Make the spoof").click()
            tab.get_by_text("brisque of the spoof").wait_for(timeout=60_000)
            assert tab.get_by_text("balanced").count() >= 2, "the choice, and the recipe that says it"
            tab.get_by_label("range slider for T₀: strength").click()  # in its middle, which is as far as it goes then
            t0 = tab.get_by_label("number input for T₀: strength").input_value()
            tab.get_by_text(t0, exact=True).wait_for(timeout=60_000)  # in the recipe
            tab.screenshot(path=tmp_path / "page.png")
    finally:
        built.close()
    elsewhere = [url for url in asked if not url.startswith((built.local_url, "data:", "blob:"))]
    assert not elsewhere, "the page asks no other host"
