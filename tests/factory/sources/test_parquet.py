from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.sources import Source, list_sources, listing_digest, parquet, read_sources
from tests.photo_tables import count_reads, write_parquet


def listed(path: Path, **columns: str | None) -> list[Source]:
    return list_sources(str(path), columns=columns)


def values(path: Path, field: str, **columns: str | None) -> list[str | None]:
    return [(source.fields or {}).get(field) for source in listed(path, **columns)]


def test_rows_of_a_hugging_face_table(tmp_path: Path) -> None:
    images = [{"bytes": bytes([n]), "path": path} for n, path in enumerate(["/x//7.jpg", None, "", "b/8.png", "9"])]
    path = write_parquet(tmp_path / "in" / "data" / "train.parquet", images, subject=[1, 2, 3, None, 5])
    found = listed(tmp_path / "in")
    size = path.stat().st_size
    assert found[0] == Source(
        "data/train.parquet/0/x/7.jpg", 0, None, f"{size}-", {"subject": "1"}, "parquet", "data/train.parquet", 0, 0
    )
    assert [source.path.removeprefix("data/train.parquet/") for source in found] == [
        "0/x/7.jpg",
        "1",
        "2",
        "3/b/8.png",
        "4/9",
    ]
    assert [source.group for source in found] == [0, 0, 0, 0, 1]
    assert found[3].fields == {}
    assert list(read_sources(str(tmp_path / "in"), found, {})) == [bytes([n]) for n in range(5)]


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.binary(1), pa.struct([("path", pa.string()), ("bytes", pa.binary())])]
)
def test_kinds_of_image_columns(tmp_path: Path, kind: pa.DataType) -> None:
    in_struct = pa.types.is_struct(kind)
    cells = [{"bytes": bytes([n])} if in_struct else bytes([n]) for n in range(9)] + [None]
    path = tmp_path / "a.pq"
    pq.write_table(pa.table({"photo": pa.array(cells, kind), "subject": list("abcdefghij")}), path, row_group_size=3)
    found = listed(path, image="photo")
    assert [source.path for source in found[:2]] == ["a.pq/0", "a.pq/1"]
    picked = [found[n] for n in (1, 2, 7, 8, 9, 0)]
    assert list(read_sources(str(path), picked, {"image": "photo"})) == [b"\1", b"\2", b"\7", b"\x08", b"", b"\0"]


@settings(max_examples=20, deadline=None)
@given(data=st.data(), rows=st.integers(1, 90), per_group=st.integers(1, 100))
def test_any_choice_of_rows_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: int, per_group: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.parquet"
    write_parquet(path, [f"image {n}".encode() for n in range(rows)], rows_per_group=per_group)
    chosen = sorted(data.draw(st.sets(st.integers(0, rows - 1), min_size=1)))
    found = list_sources(str(path))
    assert list(read_sources(str(path), [found[n] for n in chosen], {})) == [f"image {n}".encode() for n in chosen]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array([0, 1, None], pa.int8()), ["0", "1", None]),
        (pa.array([0.0, 1.5, None]), ["0", "1.5", None]),
        (pa.array([False, True, None]), ["0", "1", None]),
        (pa.array(["live", " ", None]), ["live", None, None]),
        (pa.array(["live", "print", None], pa.large_string()), ["live", "print", None]),
        (pa.array(["live", "print", None]).dictionary_encode(), ["live", "print", None]),
        (pa.nulls(3), [None, None, None]),
    ],
)
def test_cells_become_text(tmp_path: Path, cells: pa.Array, expected: list[str | None]) -> None:
    assert values(write_parquet(tmp_path / "a.parquet", [b"x"] * 3, label=cells), "label") == expected


def test_class_labels_have_the_names_of_the_metadata(tmp_path: Path) -> None:
    def features(*names: str) -> dict[str, Any]:
        return {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(names)}}

    classes = pa.array([0, 1, -1, 1])
    path = write_parquet(tmp_path / "a.parquet", [b"x"] * 4, features("spoof", "live"), label=classes)
    assert values(path, "label") == ["spoof", "live", None, "live"]
    path = write_parquet(tmp_path / "b.parquet", [b"x"] * 4, features("live", "spoof"), label=classes)
    assert values(path, "label") == ["live", "spoof", None, "spoof"]
    assert values(write_parquet(tmp_path / "c.parquet", [b"x"] * 4, label=classes), "label") == ["0", "1", "-1", "1"]
    path = write_parquet(tmp_path / "d.parquet", [b"x"] * 4, features("live"), label=classes)
    with pytest.raises(ValueError, match="'label' holds class 1, its metadata name 1 classes"):
        listed(path)
    broken = pq.read_table(path).replace_schema_metadata({"huggingface": "{"})
    pq.write_table(broken, path)
    with pytest.raises(ValueError, match="metadata cannot be read"):
        listed(path)


def test_what_the_datasets_library_writes(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["attack", "bonafide"]),
            "person": datasets.Value("int32"),
        }
    )
    rows = {"image": [{"bytes": b"1", "path": "a/1.png"}, {"bytes": b"2", "path": None}], "label": [1, 0]}
    table = datasets.Dataset.from_dict({**rows, "person": [7, 8]}, features=features)
    table.to_parquet(str(tmp_path / "train.parquet"))
    found = listed(tmp_path, subject="person")
    assert [source.fields for source in found] == [
        {"label": "bonafide", "subject": "7"},
        {"label": "attack", "subject": "8"},
    ]
    assert list(read_sources(str(tmp_path), found, {})) == [b"1", b"2"]


def test_columns_by_other_names_and_switched_off(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [b"x"], label=["no class"], person=[3], key=["k"], weight=[1])
    [source] = listed(path, subject="person", label=None)
    assert source.fields == {"subject": "3", "key": "k"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"subject": "person"}, r"a\.parquet has no column 'person': mend columns\.subject"),
        ({"image": "photo"}, r"a\.parquet has no image column 'photo', only image, boxes, n"),
        ({"image": "n"}, "column 'n' is int64, not encoded images"),
        ({"subject": "boxes"}, "column 'boxes' is list<.*neither text nor numbers"),
        ({"subject": "image"}, "column 'image' is binary, neither text nor numbers"),
    ],
)
def test_columns_that_do_not_fit(tmp_path: Path, columns: dict[str, str], message: str) -> None:
    write_parquet(tmp_path / "a.parquet", [b"x"], boxes=[[1, 2]], n=[1])
    with pytest.raises(ValueError, match=message):
        listed(tmp_path, **columns)


def test_broken_files_are_named(tmp_path: Path) -> None:
    good = write_parquet(tmp_path / "good.parquet", [b"x" * 100]).read_bytes()
    (tmp_path / "in").mkdir()
    lying = b"PAR1" + b"\xff" * 200 + b"\xc0\0\0\0PAR1"  # the footer is no footer: Arrow's OSError names no file
    wrong_text = write_parquet(tmp_path / "t.parquet", [b"x"], subject=["utf8!"]).read_bytes()
    for data in (b"", b"no table", good[:-20], lying, wrong_text.replace(b"utf8!", b"utf8\xff")):
        (tmp_path / "in" / "bad.parquet").write_bytes(data)
        with pytest.raises(ValueError, match=r"bad\.parquet is broken or not a Parquet file"):
            listed(tmp_path / "in")
    (tmp_path / "in" / "bad.parquet").unlink()
    (tmp_path / "in" / "lost.parquet").symlink_to("nowhere")
    with pytest.raises(ValueError, match=r"lost\.parquet cannot be read, broken link"):
        listed(tmp_path / "in")


def test_a_row_that_is_gone_is_no_reject(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [b"x"] * 9)
    found = listed(path)
    write_parquet(path, [b"x"] * 6)
    with pytest.raises(OSError, match=r"a\.parquet, row group 1: row 6 no longer exists"):
        list(read_sources(str(path), found[6:], {}))
    with pytest.raises(OSError, match=r"a\.parquet, row group 2: the row group no longer exists"):
        list(read_sources(str(path), found[8:], {}))


def test_a_broken_row_group_is_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [bytes(1000)] * 9)
    found = listed(path)
    data = bytearray(path.read_bytes())
    data[4:2000] = b"x" * 1996
    path.write_bytes(data)
    with pytest.raises(OSError, match=r"a\.parquet, row group 0: "):
        list(read_sources(str(path), found, {}))


def test_planning_loads_no_pixels_and_reading_only_its_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = count_reads(monkeypatch)
    noise = random.Random(0)
    images = [{"bytes": noise.randbytes(50_000), "path": f"{n}.jpg"} for n in range(200)]
    path = write_parquet(tmp_path / "a.parquet", images, rows_per_group=20, subject=[str(n) for n in range(200)])
    found = listed(path)
    assert len(found) == 200 and path.stat().st_size > 10_000_000
    assert counted["bytes"] < 100_000
    counted["bytes"] = 0
    rows = [found[n] for n in (45, 46, 47, 123)]
    assert list(read_sources(str(path), rows, {})) == [images[n]["bytes"] for n in (45, 46, 47, 123)]
    assert counted["bytes"] < 3 * 20 * 50_000


def test_the_digest_knows_columns_and_sizes(tmp_path: Path) -> None:
    digests = set()
    for subjects, image in ((["1", "2"], b"x"), (["1", "3"], b"x"), (["1", "2"], b"xx"), (["1", "2"], b"x")):
        digests.add(listing_digest(listed(write_parquet(tmp_path / "a.parquet", [image] * 2, subject=subjects))))
    assert len(digests) == 3


def test_large_cells_are_unpacked_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may hold large cells: those of 32 rows would stand in memory together."""
    cells = [bytes([n]) * 400_000 for n in range(40)]
    path = tmp_path / "a.parquet"
    columns = {"image": pa.array(cells, pa.binary()), "subject": [str(n) for n in range(40)]}
    pq.write_table(pa.table(columns), path, use_dictionary=False, compression="zstd")
    assert path.stat().st_size < 100_000
    asked: list[int] = []
    real = pq.ParquetFile.iter_batches

    def counting(opened: pq.ParquetFile, rows: int, **more: Any) -> Any:
        asked.append(rows)
        return real(opened, rows, **more)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counting)
    places = list_sources(str(path))
    assert list(read_sources(str(path), places, {})) == cells
    for bound, rows in ((1 << 28, 32), (4_000_000, 9), (1000, 1)):
        monkeypatch.setattr(parquet, "BYTES_AT_ONCE", bound)
        asked.clear()
        assert list(read_sources(str(path), places[3:9], {})) == cells[3:9]
        assert asked[0] in (rows, rows + 1)
