"""The explorer in a real browser, opened from disk."""

from __future__ import annotations

import dataclasses
import functools
import io
import re
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

from factory.config import build
from factory.corpus import Corpus
from factory.explorer import PAGE, ExplorerConfig, write_explorer
from factory.images import decode
from factory.report import ReportConfig, run
from factory.row import LIVE, SPOOF
from factory.storage import Storage
from tests.browser import chromium, opened
from tests.corpora import small_rows, write_corpus
from tests.pages import folder, scored, spoofs_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SPOOFS, PICTURES = 150, 90


@dataclasses.dataclass(frozen=True)
class Site:
    """A report with an explorer, and what went into it."""

    url: str
    rows: pa.Table  # the index of the spoofs with the columns of the audit
    real: Corpus
    generated: Corpus


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    root = tmp_path_factory.mktemp("site")
    real = scored(small_rows(splits=("train", "test")))
    copies = [dataclasses.replace(r, key=f"copy-{r.key}") for r in real if r.label == LIVE][
        :3
    ]  # as a paired corpus has
    made = [*copies, *spoofs_of(real, SPOOFS)]
    corpora = write_corpus(root / "real", real), write_corpus(root / "generated", made)
    index = corpora[1].index.filter(pc.equal(corpora[1].index["label"], SPOOF))
    audit = audit_of(index["key"].to_pylist()[:-5])  # the last five were not audited
    buffer = io.BytesIO()
    pq.write_table(audit, buffer)
    folder(root / "audit", "audit", {"refused_by_reason": {}}, {"audit.parquet": buffer.getvalue()})
    inputs = {"real": str(root / "real"), "generated": str(root / "generated"), "audit": str(root / "audit")}
    explorer = {"images": PICTURES}
    done = run(build(ReportConfig, {"inputs": inputs, "out": str(root / "report"), "explorer": explorer}))
    assert done["explorer"]["rows"], done["explorer"]["pictured"] == (SPOOFS, PICTURES)
    rows = index.append_column("position_in_index", pa.array(range(len(index)))).join(audit, "key")
    return Site((root / "report" / PAGE).as_uri(), rows.sort_by("position_in_index"), *corpora)


def audit_of(keys: list[str]) -> pa.Table:
    reasons = [("identity", "style", "identity, style", None, None)[n % 5] for n in range(len(keys))]
    return pa.table(
        {
            "key": keys,
            "identity_distance": [0.2 + 0.004 * n for n in range(len(keys))],
            "style_probability": [0.5] * len(keys),
            "accepted": [reason is None for reason in reasons],
            "reason": reasons,
        }
    )


def count(page: Page) -> int:
    found = re.fullmatch(r"([\d,]+) of 150 spoofs", page.inner_text("#count"))
    assert found is not None
    return int(found[1].replace(",", ""))


def type_range(page: Page, name: str, value: str) -> None:
    page.get_by_label(name, exact=True).fill(value)
    page.keyboard.press("Enter")


def wait(page: Page, condition: str) -> None:
    """Until a condition holds; Playwright's own wait would need eval, which the page forbids."""
    page.evaluate(
        f"""new Promise((done, failed) => {{
          const look = left => {condition} ? done() : left ? setTimeout(look, 20, left - 1) : failed(Error("waited"));
          look(250);
        }})"""
    )


def check(page: Page, legend: str, *values: str) -> None:
    for value in values:
        page.locator("fieldset", has=page.get_by_text(legend, exact=True)).get_by_label(value).check()


def test_filters_leave_what_pyarrow_says(browser: Browser, site: Site) -> None:
    rows = site.rows
    with opened(browser, site.url) as page:
        assert count(page) == SPOOFS
        check(page, "Style", "cam-print", "phone-replay")
        mask = pc.is_in(rows["style"].cast(pa.string()), value_set=pa.array(["cam-print", "phone-replay"]))
        assert count(page) == pc.sum(mask).as_py()
        type_range(page, "T₀ from", "180")
        type_range(page, "T₀ to", "260")
        mask = pc.and_(mask, pc.and_(pc.greater_equal(rows["t0"], 180), pc.less_equal(rows["t0"], 260)))
        assert count(page) == pc.sum(mask).as_py() > 0
        type_range(page, "BRISQUE to", "120")
        mask = pc.and_(mask, pc.fill_null(pc.less_equal(rows["brisque"], 120.0), False))
        assert count(page) == pc.sum(mask).as_py() > 0
        type_range(page, "Identity distance from", "0.3")
        mask = pc.and_(mask, pc.fill_null(pc.greater_equal(rows["identity_distance"], 0.3), False))
        assert count(page) == pc.sum(mask).as_py() > 0
        check(page, "Refused for", "style")
        styled = pc.sum(pc.and_(mask, pc.fill_null(pc.match_substring(rows["reason"], "style"), False))).as_py()
        assert count(page) == styled > 0, "also where there is another reason"
        page.locator("fieldset", has=page.get_by_text("Refused for", exact=True)).get_by_label("style").uncheck()
        check(page, "Verdict", "accepted")
        mask = pc.and_(mask, pc.fill_null(rows["accepted"], False))
        left = pc.sum(mask).as_py()
        assert count(page) == left > 0
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Table").click()
        shown = page.locator("#table tbody th code").all_inner_texts()
        assert sorted(shown) == sorted(rows["key"].filter(mask).to_pylist())
        address = page.evaluate("new Promise(done => setTimeout(() => done(location.href), 400))")
        page.get_by_role("button", name="Clear all filters").click()
        assert count(page) == SPOOFS
    with opened(browser, address) as page:
        assert count(page) == left, "the address holds the filters"


def test_choices_are_counted_given_all_other_filters(browser: Browser, site: Site) -> None:
    rows = site.rows
    with opened(browser, site.url) as page:
        check(page, "Attack", "print")
        facets = page.locator("fieldset", has=page.get_by_text(re.compile("^(Verdict|Refused for)$")))
        counts = [text.split("\n") for text in facets.locator("label").all_inner_texts()]
        printed = rows.filter(pc.equal(rows["attack"].cast(pa.string()), "print"))
        wanted = {
            "accepted": pc.sum(printed["accepted"]).as_py(),
            "refused": pc.sum(pc.invert(printed["accepted"])).as_py(),
            "not audited": printed["accepted"].null_count,
            **{why: pc.sum(pc.match_substring(printed["reason"], why)).as_py() for why in ("identity", "style")},
        }
        assert {name: int(number) for name, number in counts} == wanted
        other = page.locator("fieldset", has=page.get_by_text("Attack", exact=True)).get_by_label("replay")
        assert other.evaluate("box => box.parentElement.innerText").endswith(f"{SPOOFS - len(printed)}")


def test_histograms_are_of_the_selection_and_of_the_real_faces_beside_it(browser: Browser, site: Site) -> None:
    rows = site.rows
    with opened(browser, site.url) as page:
        check(page, "Style", "phone-print")
        mine = rows.filter(pc.equal(rows["style"].cast(pa.string()), "phone-print"))["brisque"].drop_null().to_numpy()
        real = site.real.index
        spoof = real["brisque"].to_numpy()[site.real.where(style="phone-print")]
        live = real["brisque"].to_numpy()[site.real.where(style="phone-live")]
        table = page.locator("#charts figure").first.locator("tbody tr").all_inner_texts()
        assert [line.split("\t")[1:] for line in table] == [
            [f"{len(scores)}", f"{scores.mean():.1f}", f"{scores.std():.1f}"] for scores in (mine, spoof, live)
        ]
        second = page.locator("#charts figure").nth(1)
        assert "Identity distance" in second.inner_text()
        assert second.locator("svg[role=img]").get_attribute("aria-label").endswith("mean 0.488")


def test_dragging_over_the_bars_sets_a_range_and_a_click_lifts_it(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        box = page.locator("fieldset", has=page.get_by_text("T₀", exact=True)).locator(".brush").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] + 30, box["y"] + 20)
        page.mouse.up()
        middle = float(page.get_by_label("T₀ from").input_value())
        assert middle == pytest.approx(150 + 149 / 2, abs=1.5)
        assert page.get_by_label("T₀ to").input_value() == ""
        assert count(page) == pc.sum(pc.greater_equal(site.rows["t0"], middle)).as_py()
        page.mouse.click(box["x"] + 50, box["y"] + 20)
        assert count(page) == SPOOFS


def test_search_finds_by_key_and_by_live_face(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        page.keyboard.press("/")
        page.keyboard.type("row-0000")
        wait(page, "document.getElementById('count').textContent.split(' ')[0] < 150")
        both = [
            pc.match_substring(site.rows[name].cast(pa.string()), "row-0000") for name in ("live_key", "guide_key")
        ]
        assert count(page) == pc.sum(pc.or_(*both)).as_py() > 0


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
            for name in (row.live_key, row.guide_key)
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


def test_dark_by_preference_and_by_the_button(browser: Browser, site: Site) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, site.url) as page:
        light = page.evaluate(paper)
        page.keyboard.press("t")
        dark = page.evaluate(paper)
        assert dark != light
        page.goto(site.url.replace(PAGE, "index.html"))
        assert page.evaluate(paper) == dark, "the report keeps what was chosen"
        page.get_by_role("button", name="Switch to light colours").click()
        assert page.evaluate(paper) == light
    with opened(browser, site.url, color_scheme="dark") as page:
        assert page.evaluate(paper) == dark
        page.get_by_role("button", name="Switch to light colours").click()
        assert page.evaluate(paper) == light


@pytest.mark.parametrize("width", [360, 1280, pytest.param(768, marks=pytest.mark.slow)])
def test_nothing_is_wider_than_the_window(browser: Browser, site: Site, width: int) -> None:
    beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with opened(browser, site.url, viewport={"width": width, "height": 740}) as page:
        assert page.evaluate(beyond) == 0
        for name in ("T₀ × w", "Table", "Faces"):
            page.get_by_role("button", name=name, exact=True).click()
            assert page.evaluate(beyond) == 0, name
        if width == 360:
            assert not page.locator("#search").is_visible()
            page.get_by_role("button", name="Filters").click()
            assert page.locator("#search").is_visible()
            assert page.evaluate(beyond) == 0
        page.locator("#faces .cell").first.click()
        assert page.locator("#viewer").evaluate("one => one.scrollWidth - one.clientWidth") == 0
        page.goto(site.url.replace(PAGE, "index.html"))
        assert page.evaluate(beyond) == 0


def test_every_control_has_a_name(browser: Browser, site: Site) -> None:
    with opened(browser, site.url) as page:
        tree = page.locator("body").aria_snapshot()
        assert not re.search(r"^\s*- (button|checkbox|spinbutton|searchbox|combobox|img)(:|$| \[)", tree, re.MULTILINE)
        assert re.search(r'button "cam-print, T₀ \d+, w 1.50, BRISQUE [\d.]+, (accepted|refused)', tree)
        assert page.locator("#count").get_attribute("role") == "status"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_it_opens_from_a_server_as_from_disk(browser: Browser, site: Site) -> None:
    root = Path(unquote(urlparse(site.url).path)).parent
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with opened(browser, f"http://127.0.0.1:{server.server_port}/{PAGE}#attack=replay") as page:
            assert count(page) == pc.sum(pc.equal(site.rows["attack"].cast(pa.string()), "replay")).as_py()
            page.locator("#faces .cell").first.click()
            wait(page, "crops.difference.held")
        server.shutdown()


def test_what_is_missing_is_said(browser: Browser, site: Site, tmp_path: Path) -> None:
    (tmp_path / PAGE).write_bytes(Path(unquote(urlparse(site.url).path)).read_bytes())
    context = browser.new_context()
    page = context.new_page()
    page.goto((tmp_path / PAGE).as_uri())
    page.wait_for_selector("#trouble:visible")
    assert "rows-0001.js could not be loaded: the folder explorer/ must lie beside this page" in page.inner_text(
        "#trouble"
    )
    context.close()


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
        check(page, "Style", "cam-print")
        type_range(page, "T₀ from", "300")
        wanted = pc.and_(pc.equal(many["style"].cast(pa.string()), "cam-print"), pc.greater_equal(many["t0"], 300))
        assert page.inner_text("#count") == f"{pc.sum(wanted).as_py():,} of 100,000 spoofs"
        spent = page.evaluate(
            "(() => { const at = performance.now(); refilter(RANGES); showAll(); return performance.now() - at; })()"
        )
        assert spent < 1000
        page.get_by_role("button", name="Table").click()
        assert page.locator("#table tbody tr").count() == 50
        assert len({url for url in asked if url.endswith(".webp")}) <= 2


def many_rows(out: Path, count: int) -> tuple[dict[str, Any], pa.Table]:
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
