"""The explorer in a real browser, opened from disk: keyboard, zoom and difference, the grid, many rows."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from PIL import Image

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import build
from factory.images import decode
from factory.report import ReportConfig, run
from factory.report.explorer import PAGE, Explored, ExplorerConfig, write_explorer
from factory.storage import Storage
from tests.browser import opened
from tests.factory.report.explorer.site import PICTURES, SPOOFS, Site, check, type_range, wait
from tests.pages import scored, spoofs_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_keyboard_goes_through_the_spoofs(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        focused = "document.activeElement.dataset.row"
        cells = page.locator("#faces .cell")
        order = [cells.nth(n).get_attribute("data-row") for n in range(60)]
        page.keyboard.press("ArrowRight")
        assert page.evaluate(focused) == order[0]
        page.keyboard.press("ArrowRight")
        assert page.evaluate(focused) == order[1]
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        page.keyboard.press("ArrowDown")
        across = page.evaluate(
            "getComputedStyle(document.getElementById('faces')).gridTemplateColumns.split(' ').length"
        )
        assert page.evaluate(focused) == order[1 + across]
        page.keyboard.press("Enter")
        viewer = page.locator("#viewer")
        assert viewer.is_visible()
        assert page.inner_text("#viewer-place") == f"{2 + across} of {PICTURES}"
        page.keyboard.press("ArrowLeft")
        assert page.inner_text("#viewer-place") == f"{1 + across} of {PICTURES}"
        page.keyboard.press("+")
        assert page.inner_text("#zoom") == "2×"
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        assert viewer.is_visible()
        page.keyboard.press("Escape")
        assert not viewer.is_visible()
        wait(page, f"{focused} === '{order[across]}'")  # the focus is where the reader has come to
        page.keyboard.press("End")
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#page") == f"61–{PICTURES} of {PICTURES}"
        page.keyboard.press("p")
        assert page.inner_text("#page") == f"1–60 of {PICTURES}"
        page.keyboard.press("v")
        assert page.locator("#grid td").count() == 25
        page.keyboard.press("v")
        assert page.inner_text("#page") == f"1–50 of {SPOOFS}"
        page.keyboard.press("f")
        assert page.evaluate("document.activeElement.id") == "search"
        page.keyboard.type("?tv")
        assert page.input_value("#search") == "?tv"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == "results"


# Canvases of 256 pixels at whole places of the screen.
WHOLE_PIXELS = """#viewer { margin: 0; inset: 0 auto auto 0; } .viewer-bar { height: 40px; margin: 0; padding: 0; }
.panels { grid-template-columns: repeat(4, 256px) !important; } .panels figcaption { height: 20px; margin: 0; }"""


def pixels_of(page: Page, role: str) -> np.ndarray:
    """The pixels of a canvas as they are on the screen: those of a page from disk cannot be read by a script."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    with Image.open(io.BytesIO(page.locator(f"#canvas-{role}").screenshot())) as image:
        return np.array(image.convert("RGB"))


def enlarged(pixels: np.ndarray, size: int) -> np.ndarray:
    """The picture at a multiple of its side, with square pixels."""
    assert size % len(pixels) == 0
    return pixels.repeat(size // len(pixels), axis=0).repeat(size // len(pixels), axis=1)


def test_zoom_and_difference_draw_the_right_pixels(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        page.add_style_tag(content=WHOLE_PIXELS)
        page.locator("#faces .cell").nth(20).click()
        wait(page, "crops.live.held && crops.spoof.held")
        key = page.locator("#facts dd").nth(-3).inner_text()
        row = site.generated.rows(site.generated.where(key=key))[0]
        (live,), (guide,) = (
            [decode(r.image) for r in site.real.rows(site.real.where(key=name))]
            for name in (row.live_key or "", row.guide_key or "")
        )
        spoof = decode(row.image)
        for role, wanted in (("live", live), ("guide", guide), ("spoof", spoof)):
            assert (pixels_of(page, role) == enlarged(wanted, 256)).all(), role
        difference = np.abs(spoof.astype(int) - live)
        assert difference.max() > 16
        page.get_by_role("button", name="×1", exact=True).click()
        assert (pixels_of(page, "difference") == enlarged(difference, 256)).all()
        page.keyboard.press("d")
        page.keyboard.press("d")
        page.keyboard.press("d")
        assert (pixels_of(page, "difference") == enlarged((difference * 8).clip(0, 255), 256)).all()
        page.keyboard.press("+")
        assert (pixels_of(page, "spoof") == enlarged(spoof[8:24, 8:24], 256)).all(), "the middle, twice as large"
        for _ in range(9):
            page.keyboard.press("Shift+ArrowRight")
        assert (pixels_of(page, "live") == enlarged(live[8:24, 16:], 256)).all(), "moved as far as it goes"
        page.keyboard.press("0")
        assert (pixels_of(page, "live") == enlarged(live, 256)).all()


def test_the_grid_has_means_over_t0_and_w(browser: Browser, site: Site) -> None:
    with opened(browser, f"{site.url}#view=grid") as page:
        rows = site.rows.filter(pc.less(site.rows["t0"], 150 + 149 / 5))
        cells = page.locator("#grid tbody tr").first.locator("td").all_inner_texts()
        held = next(text for text in cells if "n " in text)  # w is the same everywhere
        assert f"n {len(rows)}" in held
        assert f"B {pc.mean(rows['brisque']).as_py():.1f}" in held


@pytest.mark.slow
def test_a_hundred_thousand_rows(browser: Browser, tmp_path: Path) -> None:
    """They load in seconds, a filter answers at once, and the page loads no sheet that it does not show."""
    rows = 100_000
    _, many = many_rows(tmp_path, rows)
    assert sum(file.stat().st_size for file in (tmp_path / "explorer").glob("*.js")) < 8_000_000
    asked: list[str] = []
    with opened(browser, (tmp_path / PAGE).as_uri(), on_request=asked.append) as page:
        timing = page.evaluate("performance.getEntriesByName('ready')[0].startTime")
        assert page.inner_text("#count") == "100,000 of 100,000 spoofs"
        assert timing < 8000
        assert len({url for url in asked if url.endswith(".webp")}) == 1, "the first page lies on the first sheet"
        check(page, "Style", "cam-print")
        type_range(page, "T₀ from", "300")
        wanted = pc.and_(pc.equal(many["style"].cast(pa.string()), "cam-print"), pc.greater_equal(many["t0"], 300))
        assert page.inner_text("#count") == f"{pc.sum(wanted).as_py():,} of 100,000 spoofs"
        spent = page.evaluate(
            "(() => { const at = performance.now(); refilter(RANGES); showAll(); return performance.now() - at; })()"
        )
        assert spent < 1000
        shown = page.evaluate("seen().slice(0, onAPage()).map(row => place('thumbs', pictureOf[row]).source)")
        page.get_by_role("button", name="Table").click()
        assert page.locator("#table tbody tr").count() == 50
        loaded = {url.rpartition("/")[2] for url in asked if url.endswith(".webp")}
        assert loaded <= {"thumbs-0001.webp", *(source.rpartition("/")[2] for source in shown)}


def many_rows(out: Path, count: int) -> tuple[Explored, pa.Table]:
    """An explorer of so many rows that differ in facts but share a few pixels, and their index."""
    made = spoofs_of(scored(small_rows()), 40)
    corpus = write_corpus(out / "few", made)
    rng = np.random.default_rng(0)
    index = corpus.index.take(pa.array(np.arange(count) % len(made)))
    for name, values in (
        ("key", pa.array([f"abcd1234-train-{n:010d}" for n in range(count)])),
        ("t0", pa.array(rng.integers(100, 450, count))),
        ("cfg_scale", pa.array(rng.uniform(1, 4, count))),
        ("brisque", pa.array(rng.normal(40, 12, count))),
        ("live_key", pa.array([f"cam-live-{value:016x}" for value in rng.integers(2**63, size=count)])),
    ):
        index = index.set_column(index.schema.get_field_index(name), name, values)
    corpus.index = index
    about = write_explorer(Storage(str(out)), "Many", {"generated": corpus}, None, ExplorerConfig(images=400))
    assert about is not None and about["rows"] == count
    return about, index


def test_names_are_text_and_never_part_of_the_page(browser: Browser, tmp_path: Path) -> None:
    evil = '<img src=x onerror=alert(1)></script><b>"&amp;'
    rows = [
        dataclasses.replace(r, domain=evil, style=f"{evil}-{r.attack}", subject=evil)
        for r in spoofs_of(scored(small_rows()), 8)
    ]
    write_corpus(tmp_path / "generated", rows)
    inputs = {"generated": str(tmp_path / "generated")}
    run(build(ReportConfig, {"inputs": inputs, "out": str(tmp_path / "report"), "title": evil}))
    with opened(browser, (tmp_path / "report" / PAGE).as_uri()) as page:
        assert page.inner_text("h1") == page.title().removesuffix(" · explorer") == evil
        for name in ("T₀ × w", "Table", "Faces"):
            page.get_by_role("button", name=name, exact=True).click()
            assert evil in page.locator("main").aria_snapshot().replace('\\"', '"')
        page.locator("#faces .cell").first.click()
        assert evil in page.inner_text("#facts")
        assert page.locator("img[src=x], h1 b, main b b").count() == 0
