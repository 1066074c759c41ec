"""The playground's page in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.core.config import build
from factory.play import launch
from factory.play.playground import PlayConfig, Playground
from tests.browser import chromium
from tests.factory.play.uploads import file_of, wide


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
            tab.get_by_text("Upload a live face first, or click one of the examples.").wait_for()
            assert not tab.get_by_text("Error", exact=True).count(), "a sentence, and no panel is lost"
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


@pytest.mark.slow
def test_the_first_click_makes_a_spoof_of_large_faces_and_examples_can_be_clicked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    pytest.importorskip("gradio", reason="gradio is not installed")
    from factory.play.page import page

    playground = Playground(build(PlayConfig, {"threads": 1}))
    built = page(playground)
    launch(built, "127.0.0.1", 0, ())
    try:
        with chromium() as browser:
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(built.local_url)
            tab.get_by_role("button", name="Make the spoof").click()
            tab.get_by_text("The encoder sees phone-mask with").wait_for(timeout=60_000)
            faces = tab.locator(".face img")
            assert faces.count() >= 3
            for place in range(3):
                box = faces.nth(place).bounding_box()
                assert box is not None and min(box["width"], box["height"]) > 300
            tab.locator(".gallery-item").nth(len(playground.lives) + 2).click()
            tab.get_by_text("The encoder sees phone-replay with").wait_for(timeout=60_000)
            seed = tab.get_by_label("Seed")
            seed.fill("")
            tab.get_by_role("button", name="Make the spoof").click()
            tab.get_by_text("T₀, w and the seed are numbers: give all three.").wait_for(timeout=60_000)
            assert not tab.get_by_text("Error", exact=True).count()
            tab.set_viewport_size({"width": 390, "height": 844})
            tab.evaluate("window.scrollTo(0, 0)")
            boxes = [faces.nth(place).bounding_box() for place in range(3)]
            live, guide, spoof = (box for box in boxes if box is not None)
            assert spoof["y"] < min(live["y"], guide["y"]) and spoof["y"] + spoof["height"] < 844, (
                "on the first screen"
            )
            assert live["y"] == pytest.approx(guide["y"], abs=5), "side by side"
            tab.screenshot(path=tmp_path / "phone.png", full_page=True)
    finally:
        built.close()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no guide: upload one or choose a style", "No guide: upload one or choose a style."),
        ("style '<b>x</b>' is unknown.", r"Style '\<b\>x\</b\>' is unknown."),
    ],
)
def test_a_mistake_is_a_sentence_and_never_markup(message: str, shown: str) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed")
    from factory.play.page import sentence

    assert sentence(message) == shown
