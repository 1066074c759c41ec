"""Random reads of shards: the right images, each by its own bytes; in old shards each row group once."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.corpora import face, png, row, write_corpus
from difffas.errors import UserError
from factory.corpus import Corpus, shard_file
from factory.corpus.formats import parquet, webdataset
from factory.corpus.row import Row
from factory.corpus.shards import FORMATS
from factory.storage import Storage
from factory.train.random_reads import GAP, Decoded, Encoded

SIDE = 32
SHARD = "train-000000"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    images = [png(face(number, SIDE)) for number in range(230)]
    images[205] = images[17]  # a file that repeats, in another row group
    images[40] = images[39]
    return [row(number, image=image) for number, image in enumerate(images)]


@pytest.fixture(scope="module", params=list(FORMATS))
def corpus(request: Any, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("reads") / "corpus", rows, formats=(request.param,), per_shard=230)


@pytest.fixture
def old(corpus: Corpus, tmp_path: Path) -> Corpus:
    """The corpus as an older version wrote it, which kept no places in the ledger."""
    shutil.copytree(corpus.storage.url, tmp_path / "old")
    record = tmp_path / "old" / "ledger" / f"{SHARD}.json"
    facts = json.loads(record.read_text())
    del facts["places"]
    record.write_text(json.dumps(facts))
    return Corpus(str(tmp_path / "old"))


class Counting:
    """Counts what is read of shard files: whole groups, and single images by their place."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.groups: list[int] = []
        self.images = self.bytes = 0
        for format in (parquet, webdataset):
            patch.setattr(format, "read_images", self._grouped(format.read_images))
        read = Storage.read

        def ranged(storage: Storage, name: str, start: int | None = None, end: int | None = None) -> bytes:
            self.images += start is not None
            data = read(storage, name, start, end)
            self.bytes += len(data) if name.startswith("data/") else 0
            return data

        patch.setattr(Storage, "read", ranged)

    def _grouped(self, read: Any) -> Any:
        def counted(file: Any, group: int) -> Any:
            self.groups.append(group)
            return read(file, group)

        return counted


def test_a_place_is_where_the_image_stands_in_the_file(corpus: Corpus, rows: list[Row]) -> None:
    name, file_name = shard_file(corpus.storage, SHARD)
    path = Path(corpus.storage.path(file_name))
    groups = range(-(-len(rows) // FORMATS[name].ROWS_PER_GROUP))
    with path.open("rb") as file:
        found = list(itertools.chain(*(FORMATS[name].read_images(file, group) for group in groups)))
    data = path.read_bytes()
    assert [image for _, image in found] == [row.image for row in rows]
    assert [data[offset : offset + len(image)] for offset, image in found] == [row.image for row in rows]


@pytest.mark.parametrize("room", [0, 20_000, 2**28])
def test_images_are_those_of_the_rows_however_little_is_kept(
    corpus: Corpus, old: Corpus, rows: list[Row], room: int
) -> None:
    images = Encoded(room)
    rng = np.random.default_rng(0)
    for _ in range(12):
        asked = rng.permutation(len(rows))[:9].tolist()
        for where in (corpus, old):
            assert images(where.storage.url, SHARD, asked) == [rows[position].image for position in asked]


@given(asked=st.lists(st.integers(0, 229), min_size=1, max_size=40, unique=True))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_images_are_those_of_the_rows(corpus: Corpus, rows: list[Row], asked: list[int]) -> None:
    assert Encoded(0)(corpus.storage.url, SHARD, asked) == [rows[position].image for position in asked]


def test_the_first_read_costs_its_own_bytes(corpus: Corpus, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    count, images = Counting(monkeypatch), Encoded(2**28)
    images(corpus.storage.url, SHARD, [5, 120, 220])
    assert (count.groups, count.images) == ([], 3)
    assert count.bytes == sum(len(rows[position].image) for position in (5, 120, 220))
    images(corpus.storage.url, SHARD, [5, 120, 220])
    assert count.images == 3, "kept"


def test_neighbours_are_read_at_once(corpus: Corpus, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    count = Counting(monkeypatch)
    Encoded(0)(corpus.storage.url, SHARD, list(range(100, 110)))
    assert count.images == 1
    assert count.bytes < sum(len(rows[position].image) for position in range(100, 110)) + 10 * GAP


def test_a_small_old_corpus_is_read_once(old: Corpus, rows: list[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    count, images = Counting(monkeypatch), Encoded(2**28)
    for first in range(0, 230, 10):
        images(old.storage.url, SHARD, range(first, first + 10))
    images(old.storage.url, SHARD, [229, 0, 117])
    assert count.groups == ([0, 1, 2] if shard_file(old.storage, SHARD)[0] == "parquet" else [0])
    assert count.images == 0


def test_what_had_to_go_of_an_old_corpus_costs_itself_and_no_row_group(
    old: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, images = Counting(monkeypatch), Encoded(room=0)
    images(old.storage.url, SHARD, [5, 120, 220])
    before = len(count.groups)
    images(old.storage.url, SHARD, [6, 121])
    assert len(count.groups) == before
    assert count.images == 2


def test_a_position_beyond_the_shard_is_one_line(corpus: Corpus) -> None:
    with pytest.raises(UserError, match="row 230 does not exist in a shard of 230 rows"):
        Encoded(0)(corpus.storage.url, SHARD, [3, 230])


def test_images_are_decoded_once(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    url, size = corpus.storage.url, SIDE * SIDE * 3
    asked: list[int] = []
    encoded = Encoded(2**28)

    def files(url: str, shard: str, positions: list[int]) -> list[bytes]:
        asked.extend(positions)
        return encoded(url, shard, positions)

    images = Decoded(4 * size, files)  # type: ignore[arg-type]
    expected = corpus.pixels(range(10))
    for positions, fresh in (([0, 1, 2], [0, 1, 2]), ([1, 3], [3]), ([0, 1, 2, 3], []), ([9], [9]), ([3, 0], [0])):
        asked.clear()
        assert np.array_equal(np.stack(images(url, SHARD, positions)), expected[positions])
        assert asked == fresh
