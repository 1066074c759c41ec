from __future__ import annotations

import dataclasses
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory import prepare
from factory.core.config import build, load
from factory.corpus import Corpus
from factory.corpus.encode import encode
from factory.corpus.row import Row
from factory.corpus.shards import OutputConfig
from factory.prepare import PrepareConfig, plan, read_shard
from factory.prepare.entries import Entry
from factory.run.ledger import Ledger
from factory.sources.faces import Box
from tests.odd_images import saved, scene, write_odd_images, write_traps
from tests.photo_tables import write_parquet, write_tar
from tests.root import ROOT


def config(source: Path, **given: Any) -> PrepareConfig:
    values = {
        "source": str(source),
        "out": str(source.parent / "out"),
        "crop": "none",
        "size": 32,
        "license": "cc0-1.0",
    }
    return build(PrepareConfig, {"defaults": {"domain": "cam"}, **values, **given})


def photos(folder: Path, subjects: int = 6, captures: int = 2) -> Path:
    for attack in ("live", "print"):
        for subject in range(subjects):
            for capture in range(captures):
                path = folder / attack / f"s{subject}" / f"{capture}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(saved(scene(40, 60), "PNG"))
    return folder


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 100}, "size 100 must be a multiple of 32: take 96 or 128"),
        ({"size": 0}, "size"),
        ({"crop": "mtcnn"}, "crop.*'retinaface', 'table' or 'none'"),
        ({"crop": "retinaface"}, "crop=retinaface needs weights=FILE"),
        ({"crop": "table"}, "crop=table needs boxes=FILE"),
        ({"patern": "x"}, "did you mean 'pattern'"),
        ({"pattern": "{attack}/[x]"}, "unknown syntax"),
        ({"split": {"train": 0.5}}, "sum to 1"),
        ({"split": {"train": 1.5, "test": -0.5}}, "sum to 1"),
        ({"split": {}}, "sum to 1"),
        ({"split": {"hold-out": 1.0}}, "call it 'hold_out'"),
        ({"defaults": {"domian": "x"}}, "did you mean 'domain'"),
        ({"defaults": {}}, "no domain"),
        ({"live": []}, "live"),
        ({"source_format": "zip"}, "'folder', 'parquet' or 'webdataset'"),
        ({"columns": {"sujet": "x"}}, "columns.sujet is not a field of a row: there are image, label"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        plan(config(photos(tmp_path / "in", subjects=1), **given))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["weights", "boxes"])
def test_files_that_are_not_there(tmp_path: Path, key: str) -> None:
    crop = "retinaface" if key == "weights" else "table"
    with pytest.raises(ValueError, match="absent"):
        plan(config(photos(tmp_path / "in"), crop=crop, **{key: str(tmp_path / "absent.csv")}))


@settings(max_examples=25, deadline=None)
@given(subjects=st.integers(1, 12), captures=st.integers(1, 4), per_shard=st.integers(1, 20), seed=st.integers(0, 3))
def test_the_plan_holds_every_image_once_in_even_shards(
    tmp_path_factory: pytest.TempPathFactory, subjects: int, captures: int, per_shard: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("photos")
    for attack in ("live", "print"):
        for subject in range(subjects):
            (folder / attack / str(subject)).mkdir(parents=True)
            for capture in range(captures):
                (folder / attack / str(subject) / f"{capture}.jpg").touch()
    made = plan(config(folder, output={"rows_per_shard": per_shard}, seed=seed))
    everything = [entry for shard in made.shards.values() for entry in shard]
    assert len(made) == len(everything) == len({entry.key for entry in everything}) == 2 * subjects * captures
    sizes: dict[str, list[int]] = {}
    for name, shard in made.shards.items():
        split, number = name.rsplit("-", 1)
        assert {entry.split for entry in shard} == {split}
        assert int(number) == len(sizes.setdefault(split, []))
        sizes[split].append(len(shard))
        assert 0 < len(shard) <= per_shard
    assert all(max(size) - min(size) <= 1 for size in sizes.values())
    splits = {(entry.subject, entry.split) for entry in everything}
    assert len(splits) == subjects


def test_the_identity_is_of_contents_and_settings(tmp_path: Path) -> None:
    source = photos(tmp_path / "in")
    identity = plan(config(source)).identity
    moved = tmp_path / "elsewhere" / "photos"
    shutil.copytree(source, moved)
    same = config(moved, out=str(tmp_path / "other"), resources={"num_cpus": 2}, weights="unused")
    assert plan(same).identity == identity
    assert str(tmp_path) not in str(identity)
    changes: list[dict[str, Any]] = [
        {"size": 64},
        {"seed": 1},
        {"license": "mit"},
        {"digital_source_type": "screenCapture"},
        {"live": ["live", "print"]},
        {"defaults": {"domain": "phone"}},
        {"pattern": "{attack}/{subject}/{capture}"},
        {"split": {"train": 0.5, "test": 0.5}},
        {"split": {"dev": 0.1, "train": 0.8, "test": 0.1}},
        {"output": {"rows_per_shard": 7}},
    ]
    identities = [str(plan(config(source, **change)).identity) for change in changes]
    assert len({str(identity), *identities}) == len(changes) + 1
    (moved / "live" / "s0" / "0.png").write_bytes(b"another size")
    assert plan(same).identity != identity


def test_the_identity_knows_the_box_table(tmp_path: Path) -> None:
    source, table = photos(tmp_path / "in"), tmp_path / "boxes.csv"
    made = []
    for x in (1, 2):
        table.write_text(f"path,x,y,width,height\nlive/s0/0.png,{x},2,30,30\n")
        made.append(plan(config(source, crop="table", boxes=str(table))).identity)
    made.append(plan(config(source, crop="table", boxes=str(table), margin=2)).identity)
    assert len({str(identity) for identity in made}) == 3


def test_a_licence_has_no_default(tmp_path: Path) -> None:
    source = photos(tmp_path / "in", subjects=1)
    with pytest.raises(ValueError, match=r"no licence for live/s0/0\.png: say what the photographs may be used for"):
        plan(config(source, license=None))


def test_an_image_that_says_what_it_is_stays_what_it_is(tmp_path: Path) -> None:
    """A generated face must not become a capture by being prepared again."""
    source = photos(tmp_path / "in", subjects=1)
    made = encode(scene(40, 60)[:40], OutputConfig(), "trainedAlgorithmicMedia")
    (source / "live" / "s0" / "0.png").write_bytes(made)
    given = config(source, split={"train": 1.0}, digital_source_type="screenCapture")
    [entries] = plan(given).shards.values()
    marks = {record["row"]["source"]: record["source_type"] for record in read_shard(given, entries)["records"]}
    assert marks.pop("live/s0/0.png") == "trainedAlgorithmicMedia"
    assert set(marks.values()) == {"screenCapture"}


def test_a_shard_is_read(tmp_path: Path) -> None:
    source = photos(tmp_path / "in", subjects=1)
    (source / "print" / "s0" / "0.png").write_bytes(b"no image")
    given = config(source, pattern="{attack}/{subject}/{capture}", split={"train": 1.0})
    [entries] = plan(given).shards.values()
    shard = read_shard(given, entries)
    assert shard["pixels"].shape == (4, 32, 32, 3)
    by_source = {record["row"]["source"]: (record, pixels) for record, pixels in zip(*shard.values(), strict=True)}
    bad, nothing = by_source["print/s0/0.png"]
    assert bad["reject"] == "not a supported image format"
    assert not nothing.any()
    good, pixels = by_source["live/s0/1.png"]
    assert good["reject"] is None
    assert pixels[4, 4].tolist() == [250, 10, 10]  # the red quarter of the middle of the scene
    row = Row(**good["row"], image=b"", codec="png")
    assert (row.label, row.style, row.subject, row.capture, row.split) == (0, "cam-live", "s0", "1", "train")


def test_a_table_crops(tmp_path: Path) -> None:
    source, table = photos(tmp_path / "in", subjects=1, captures=1), tmp_path / "boxes.csv"
    table.write_text("path,x,y,width,height\nlive/s0/0.png,0,0,10,10\nprint/s0/0.png,900,900,10,10\n")
    given = config(source, crop="table", boxes=str(table), margin=1, split={"train": 1.0})
    shard = read_shard(given, next(iter(plan(given).shards.values())))
    rejects = {record["row"]["attack"]: record["reject"] for record in shard["records"]}
    assert rejects == {"live": None, "print": "box outside the image"}
    live = [record["reject"] for record in shard["records"]].index(None)
    assert (shard["pixels"][live] == (250, 10, 10)).all()


def test_a_file_that_cannot_be_read_is_no_reject(tmp_path: Path) -> None:
    given = config(photos(tmp_path / "in", subjects=1), split={"train": 1.0})
    [entries] = plan(given).shards.values()
    os.unlink(tmp_path / "in" / entries[0].path)
    with pytest.raises(FileNotFoundError):
        read_shard(given, entries)


def test_files_too_large_are_not_read(tmp_path: Path) -> None:
    source = photos(tmp_path / "in", subjects=1, captures=1)
    with open(source / "live" / "s0" / "0.png", "r+b") as file:
        file.truncate(1 << 40)  # sparse
    given = config(source, split={"train": 1.0})
    shard = read_shard(given, next(iter(plan(given).shards.values())))
    assert sorted(str(record["reject"]) for record in shard["records"]) == ["None", "file too large"]


def test_a_parquet_cell_too_large_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = saved(scene(40, 60), "PNG")
    monkeypatch.setattr(prepare, "MAX_BYTES", len(photo))
    table = write_parquet(tmp_path / "a.parquet", [photo, photo + b"x"], subject=["a", "a"], attack=["live", "live"])
    given = config(table)
    shard = read_shard(given, next(iter(plan(given).shards.values())))
    assert [record["reject"] for record in shard["records"]] == [None, "file too large"]


def test_the_line_for_people(tmp_path: Path) -> None:
    source = photos(tmp_path / "in", subjects=10)
    (source / "stray.png").touch()
    line = plan(config(source)).describe()
    assert line == (
        "41 images · cam-live 20, cam-print 20 · subjects dev 1, test 1, train 8 · 1 rejected: no pattern match"
    )
    shared = plan(config(source, pattern="{split}/{subject}/{n}", defaults={"domain": "cam", "attack": "live"}))
    assert "warning: 10 subject names are in more than one split" in shared.describe()


def test_the_example_configuration_is_valid() -> None:
    example = load(PrepareConfig, str(ROOT / "jobs" / "prepare.yaml"))
    assert example.crop == "retinaface"


def test_every_odd_file_is_a_row_or_a_reject(tmp_path: Path, ray_local: None) -> None:
    source = tmp_path / "in"
    (source / "live" / "s0").mkdir(parents=True)
    written = write_odd_images(source / "live" / "s0")
    write_traps(source / "live" / "s0")
    (source / "stray.png").write_bytes(saved(scene(), "PNG"))
    given = config(source, pattern="{attack}/{subject}/**", split={"train": 1.0}, output={"rows_per_shard": 30})
    summary = prepare.run(given)
    good = {path for path, odd in written.items() if not isinstance(odd.expected, str)}
    # of the traps a good image, two links to nothing and a pipe; and the stray file
    assert summary["planned"] == len(written) + 5
    assert summary["written"] == len(good) + 1
    corpus = Corpus(given.out)
    reasons = Counter(odd.expected for odd in written.values() if isinstance(odd.expected, str))
    reasons.update({"broken link": 2, "not a regular file": 1, "no pattern match": 1})
    told: Counter[str] = Counter()
    for record in Ledger(corpus.storage).records():
        told.update(record["rejects_by_reason"])
    assert told == reasons
    expected = {f"live/s0/{path}" for path in good} | {"live/s0/down/latin-\\udce9.png"}
    assert set(corpus.column("source")) == expected
    assert corpus.pixels(range(len(corpus))).shape == (len(corpus), 32, 32, 3)
    assert prepare.run(given) == summary  # again is a no-op
    with pytest.raises(ValueError, match="belongs to another run"):
        prepare.run(config(source, pattern="{attack}/{subject}/**", split={"train": 1.0}))


def in_tables(folder: Path) -> dict[str, tuple[Path, dict[str, str]]]:
    """The photographs of a folder, and the same in Parquet and WebDataset files: source and columns by name."""
    paths = sorted(folder.rglob("*.png"))
    facts = [dict(zip(("kind", "person", "n"), path.relative_to(folder).parts, strict=True)) for path in paths]
    cells = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
    names: dict[str, Any] = {"kind": [fact["kind"] for fact in facts], "person": [fact["person"] for fact in facts]}
    for part, first in enumerate(range(0, len(paths), 10)):
        chosen: dict[str, Any] = {name: column[first : first + 10] for name, column in names.items()}
        table = folder.parent / "parquet" / f"part-{part}.parquet"
        write_parquet(table, cells[first : first + 10], **chosen)
        numbers = range(first, min(first + 10, len(paths)))
        members: dict[str, Any] = {
            f"{n:03d}.{kind}": value
            for n in numbers
            for kind, value in (("json", facts[n]), ("png", cells[n]["bytes"]))
        }
        write_tar(folder.parent / "webdataset" / f"shard-{part}.tar", members)
    columns = {"attack": "kind", "subject": "person"}
    return {
        "folder": (folder, {}),
        "parquet": (folder.parent / "parquet", columns),
        "webdataset": (folder.parent / "webdataset" / "*.tar", columns),
    }


def test_the_same_photographs_from_a_folder_parquet_and_webdataset(tmp_path: Path, ray_local: None) -> None:
    source = photos(tmp_path / "in")
    for n, path in enumerate(sorted(source.rglob("*.png"))):
        path.write_bytes(saved(np.full((40, 40, 3), 10 * n, np.uint8), "PNG"))
    (source / "print" / "s0" / "1.png").write_bytes(b"no image")
    found: dict[str, set[tuple[object, ...]]] = {}
    for name, (place, columns) in in_tables(source).items():
        made = config(place, columns=columns, out=str(tmp_path / f"corpus-{name}"), output={"rows_per_shard": 5})
        summary = prepare.run(made)
        assert summary["planned"] == 24 and summary["rejects_by_reason"] == {"not a supported image format": 1}
        corpus = Corpus(made.out)
        shades = corpus.pixels(range(len(corpus)))[:, 0, 0, 0].tolist()
        facts = zip(
            *(corpus.column(column).tolist() for column in ("style", "subject", "split", "label")), strict=True
        )
        found[name] = {(*row, shade) for row, shade in zip(facts, shades, strict=True)}
        assert prepare.run(made) == summary
    assert len(found["folder"]) == 23
    assert found["parquet"] == found["webdataset"] == found["folder"]


def test_a_shard_of_a_table_is_read_where_it_lies(tmp_path: Path) -> None:
    source = photos(tmp_path / "in")
    place, columns = in_tables(source)["parquet"]
    given = config(place, columns=columns, split={"train": 1.0})
    [entries] = plan(given).shards.values()
    entries[3] = dataclasses.replace(entries[3], reject="no face")
    shard = read_shard(given, entries)
    assert [record["reject"] for record in shard["records"]] == [None] * 3 + ["no face"] + [None] * 20
    assert not shard["pixels"][3].any() and all(pixels.any() for pixels in shard["pixels"][4:])


def test_entries_travel_to_tasks(tmp_path: Path) -> None:
    entries = [
        Entry("a\udce9.jpg", 3, "k", box=Box(1, 2.5, 3, 4), split="train"),
        Entry(
            "t.tar/1.jpg",
            9,
            "l",
            1,
            "print",
            "x",
            "s",
            "c",
            "dev",
            "mit",
            None,
            "no face",
            "webdataset",
            "t.tar",
            -1,
            512,
        ),
    ]
    assert prepare._from_json(prepare._to_json(entries)) == entries


def test_real_photographs(tmp_path: Path, shared_data: Path) -> None:
    pytest.importorskip("batch_face")
    weights = str(shared_data / "weights" / "retinaface_mobilenet0.25.pth")
    copied = 0
    for attack in ("live", "print"):
        frames = sorted((shared_data / "nuaa" / attack).glob("*/*.jpg"))[::40]
        copied += len(frames)
        for frame in frames:
            (tmp_path / "in" / attack / frame.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(frame, tmp_path / "in" / attack / frame.parent.name)
    given = config(tmp_path / "in", crop="retinaface", weights=weights, size=64, split={"train": 1.0})
    shard = read_shard(given, next(iter(plan(given).shards.values())))
    assert copied >= 9  # the development data grow
    assert [record["reject"] for record in shard["records"]] == [None] * copied
    assert {record["row"]["style"] for record in shard["records"]} == {"cam-live", "cam-print"}
    middle = shard["pixels"][:, 16:48, 16:48].astype(int)
    assert (np.ptp(middle, axis=(1, 2)) > 40).all()  # eyes, nose and mouth, no wall
