from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.corpora import png, row, write_corpus
from factory.corpus import Corpus
from factory.report.triplets import EMBEDDED_BYTES, picture
from tests.pages import Page, report


def test_triplets_show_the_rows_of_their_keys(page: Page, inputs: dict[str, Any]) -> None:
    real, generated = Corpus(inputs["real"]), Corpus(inputs["generated"])
    bytes_of = {r.key: r.image for corpus in (real, generated) for r in corpus.rows(range(len(corpus)))}
    spoofs = {r.key: r for r in generated.rows(range(len(generated)))}
    pictures = [image for image in page.of("img") if "src" in image and "class" not in image]
    captions = [button["data-caption"] for button in page.of("button") if "data-caption" in button]
    shown = [
        (caption, base64.b64decode(image["src"].partition("base64,")[2]))
        for caption, image in zip(captions, pictures, strict=True)
    ]
    styles = sorted({r.style for r in spoofs.values()})
    assert len(shown) == 3 * 3 * len(styles)
    words = [image["alt"] for image in pictures]
    assert words[:2] == ["live face", f"guide, {styles[0]}"] and words[2].startswith(f"spoof, {styles[0]}, T₀ ")
    order = []
    for live, guide, spoof in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        key = spoof[0].removeprefix("spoof ")
        assert live[0] == f"live {spoofs[key].live_key}"
        assert guide[0] == f"guide {spoofs[key].guide_key}"
        for name, data in (live, guide, spoof):
            assert data == bytes_of[name.split()[1]]
        text, row = page.text["faces"], spoofs[key]
        score = "—" if row.brisque is None else f"{row.brisque:.1f}"
        facts = f"BRISQUE {score} seed {row.seed} key {key} live {row.live_key} guide {row.guide_key}"
        assert f"T₀ {row.t0}, w 1.50 {facts}" in text
        order.append(spoofs[key].style)
    assert order == sorted(order)
    assert set(order) == set(styles)


def test_seeds_and_keys_are_behind_a_click(page: Page) -> None:
    outside, depth = "", 0
    for part in re.split(r"(<details|</details>)", page.raw[page.raw.index('id="faces"') :]):
        depth += {"<details": 1, "</details>": -1}.get(part, 0)
        outside += part if depth == 0 else ""
    words = re.sub(r"<[^>]*>", " ", outside)
    assert "spoof" in words and "abcd1234-train" not in words and not re.search(r"\d{10}", words)


def test_what_exceeds_a_line_is_behind_a_click(inputs: dict[str, Any], tmp_path: Path) -> None:
    page = report(tmp_path, {"generated": inputs["generated"]}, triplets_per_style=5)
    assert page.text["faces"].count("2 more of cam-print") == 1
    before, _, _ = page.raw.partition("<summary>2 more of cam-print</summary>")
    assert before.count('class="trio"') == 3


def test_sample_follows_the_key_not_the_neighbours(inputs: dict[str, Any], tmp_path: Path) -> None:
    """Rows of other styles in the corpus do not change which rows of a style are shown."""
    generated = Corpus(inputs["generated"])
    rows = generated.rows(range(len(generated)))
    style = rows[0].style
    write_corpus(tmp_path / "one", [r for r in rows if r.style == style][::-1])
    both = [
        report(tmp_path / f"{n}", {"generated": url}, triplets_per_style=2)
        for n, url in enumerate((inputs["generated"], str(tmp_path / "one")))
    ]
    alone = [button["data-caption"] for button in both[1].of("button") if "data-caption" in button]
    mixed = [button["data-caption"] for button in both[0].of("button") if "data-caption" in button]
    assert len(alone) == 2
    assert [caption for caption in mixed if caption in alone] == alone


def test_faces_that_are_not_at_hand_are_named_absent(inputs: dict[str, Any], tmp_path: Path) -> None:
    page = report(tmp_path / "alone", {"generated": inputs["generated"]})
    assert page.text["faces"].count("not in the corpora given") == 2 * len(
        [b for b in page.of("button") if "data-caption" in b]
    )
    # A corpus that uses the same keys for other pictures is not believed.
    real = Corpus(inputs["real"])
    rows = [dataclasses.replace(r, domain="other", style=f"other-{r.attack}") for r in real.rows(range(len(real)))]
    write_corpus(tmp_path / "other", rows)
    page = report(tmp_path / "wrong", {"generated": inputs["generated"], "live": str(tmp_path / "other")})
    assert all(b["data-caption"].startswith("spoof ") for b in page.of("button") if "data-caption" in b)


def test_large_images_are_shown_smaller_in_bytes_not_in_pixels() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (192, 160, 3), dtype=np.uint8)
    shown = picture(row(image=png(noise)))
    data = base64.b64decode(shown.uri.partition("base64,")[2])
    assert len(png(noise)) > EMBEDDED_BYTES > len(data)
    assert shown.uri.startswith("data:image/webp;")
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (shown.width, shown.height) == (160, 192)
    assert picture(row()).uri.startswith("data:image/png;")
