from __future__ import annotations

import base64
import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.corpora import write_corpus
from factory.corpus import Corpus
from factory.corpus.row import Row
from factory.images import decode
from factory.report.explorer.listing import Listing
from factory.report.explorer.pictures import ABSENT, Layout, Pictures, by_turns, chosen, picture_files
from factory.storage import Storage
from factory.tables.columns import TextColumn
from tests.pages import one_of_everything


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return one_of_everything(tmp_path_factory.mktemp("inputs"))


def sheets(out: Path, kind: str, layout: Layout, count: int) -> list[list[np.ndarray]]:
    """Live, guide and spoof of every picture, cut from the sheets."""
    found = []
    for picture in range(count):
        with Image.open(out / f"{layout['prefix']}-{picture // layout['per'] + 1:04d}.webp") as image:
            sheet = np.array(image.convert("RGB"))
        at, side = picture % layout["per"], layout["side"]
        top, left = at // layout["columns"] * side, at % layout["columns"] * 3 * side
        found.append([sheet[top : top + side, left + n * side : left + (n + 1) * side] for n in range(3)])
    return found


def written(inputs: dict[str, Any], out: Path, images: int, names: list[str]) -> tuple[Listing, Pictures, int]:
    listing = Listing.of(Corpus(inputs["generated"]))
    assert listing is not None
    corpora = [Corpus(inputs[name]) for name in names]
    lookup = {"lives": corpora, "guides": corpora}
    styles = TextColumn(listing.index, "style")
    return listing, *picture_files(listing, styles, lookup, images, Storage(str(out)), "explorer")


def test_faces_on_the_sheets_are_those_of_the_keys(inputs: dict[str, Any], tmp_path: Path) -> None:
    listing, about, files = written(inputs, tmp_path, 100, ["real"])
    rows = np.frombuffer(base64.b64decode(about["rows"]), "<u4")
    assert sorted(rows) == list(range(40)), "fewer than asked for: all"
    assert files == len(list((tmp_path / "explorer").iterdir())) == 5 + 1
    real = Corpus(inputs["real"])
    pixels: dict[str | None, Any] = {r.key: decode(r.image) for r in real.rows(range(len(real)))}
    spoofs = listing.corpus.rows(listing.places[rows])
    people = [(r.live_domain, r.subject) for r in spoofs]
    assert len(set(people[: len(set(people))])) == len(set(people)), "in the page's first order"
    assert about["seeds"] == [str(r.seed) for r in spoofs]
    for row, (live, guide, spoof) in zip(spoofs, sheets(tmp_path, "faces", about["faces"], 40), strict=True):
        assert (live == pixels[row.live_key]).all()
        assert (guide == pixels[row.guide_key]).all()
        assert (spoof == decode(row.image)).all()
    thumbs = sheets(tmp_path, "thumbs", about["thumbs"], 40)
    assert np.abs(thumbs[7][2].astype(int) - decode(spoofs[7].image)).mean() < 8


def test_faces_not_at_hand_are_grey_and_said_to_be_absent(inputs: dict[str, Any], tmp_path: Path) -> None:
    _, about, _ = written(inputs, tmp_path, 8, [])
    assert set(base64.b64decode(about["present"])) == {4}
    assert (sheets(tmp_path, "faces", about["faces"], 8)[0][0] == ABSENT).all()


def test_no_pictures_are_no_sheets(inputs: dict[str, Any], tmp_path: Path) -> None:
    _, about, files = written(inputs, tmp_path, 0, ["real"])
    assert (about["count"], files, (tmp_path / "explorer").exists()) == (0, 0, False)


def test_large_faces_are_lossy_and_their_thumbnails_small(inputs: dict[str, Any], tmp_path: Path) -> None:
    import dataclasses

    generated = Corpus(inputs["generated"])
    rows = []
    for row in generated.rows(range(4)):
        buffer = io.BytesIO()
        Image.fromarray(decode(row.image)).resize((256, 256)).save(buffer, "PNG")
        rows.append(dataclasses.replace(row, image=buffer.getvalue()))
    write_corpus(tmp_path / "large", rows)
    _, about, _ = written({"generated": str(tmp_path / "large")}, tmp_path / "out", 4, [])
    assert (about["faces"]["side"], about["thumbs"]["side"], about["exact"]) == (256, 96, False)
    with Image.open(tmp_path / "out" / "explorer" / "thumbs-0001.webp") as sheet:
        assert sheet.size == (96 * 3 * 5, 96 * 20)


def test_shares_are_even_and_from_few_row_groups() -> None:
    rng = np.random.default_rng(0)
    names = rng.choice(["a", "b", "c"], 60_000, p=[0.6, 0.39, 0.01])
    styles = TextColumn(pa.table({"style": names}), "style")
    blocks = rng.permutation(600)[np.arange(60_000) // 100]
    rows = chosen(styles, blocks, 1000)
    assert Counter(names[rows]) == {"a": 334, "b": 333, "c": 333}
    common = rows[names[rows] != "c"]
    assert len(set(blocks[common])) < 12
    assert list(names[rows]) == sorted(names[rows])
    few = chosen(styles, blocks, 3_000)
    rare = int((names == "c").sum())
    assert Counter(names[few])["c"] == rare, "all of a rare style, and the others share the rest"
    assert len(few) == 3_000
    assert len(set(few.tolist())) == 3_000


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 2)), max_size=40))
def test_law_everybody_comes_once_before_anyone_comes_again(rows: list[tuple[str, int]]) -> None:
    people, styles = [person for person, _ in rows], [style for _, style in rows]
    order = by_turns(people, styles, 3)
    assert sorted(order) == list(range(len(rows)))
    shown = [people[place] for place in order]
    rounds = [shown[:place].count(person) for place, person in enumerate(shown)]
    assert rounds == sorted(rounds)
    for person in set(people):
        mine = [styles[place] for place in order if people[place] == person]
        assert len(set(mine[: len(set(mine))])) == len(set(mine)), "each style once before one comes again"
    again = by_turns([people[place] for place in order], [styles[place] for place in order], 3)
    assert again == sorted(again), "the page sorts what is in this order, and it stays"


def test_styles_take_turns_also_where_each_person_has_one() -> None:
    styles = [0] * 10 + [1] * 10 + [2] * 10
    order = by_turns([f"p{number}" for number in range(30)], styles, 3)
    assert [styles[place] for place in order[:6]] == [0, 1, 2, 0, 1, 2]


def test_no_more_rows_are_read_than_are_shown_and_few_at_once(
    inputs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[list[int]] = []
    rows = Corpus.rows

    def spy(corpus: Corpus, positions: np.ndarray) -> list[Row]:
        reads.append(positions.tolist())
        return rows(corpus, positions)

    monkeypatch.setattr(Corpus, "rows", spy)
    monkeypatch.setattr("factory.report.explorer.pictures.READ_AT_ONCE", 5)
    written(inputs, tmp_path, 12, ["real"])
    assert max(map(len, reads)) == 5
    assert all(positions == sorted(positions) for positions in reads), "in the order of the shards"
    assert sum(map(len, reads)) <= 3 * 12
    monkeypatch.undo()
    again = tmp_path / "again"
    written(inputs, again, 12, ["real"])
    names = [path.name for path in (again / "explorer").iterdir()]
    assert len(names) == 2 + 1
    assert all((again / "explorer" / n).read_bytes() == (tmp_path / "explorer" / n).read_bytes() for n in names)
