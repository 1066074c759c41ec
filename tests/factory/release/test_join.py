"""Corpora joined: every row of each, byte for byte, and one corpus for whoever reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import face, png, row, write_corpus
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.detected import FACES
from factory.corpus.scenes import SCENES
from factory.corpus.verify import verify
from factory.release.join import JoinConfig, run
from factory.storage import Storage


def rows(domain: str, count: int, **given: Any) -> list[Any]:
    return [row(n, key=f"{domain}-{n}", domain=domain, style=f"{domain}-live", **given) for n in range(count)]


def join(tmp_path: Path, *names: str) -> JoinConfig:
    return build(JoinConfig, {"corpora": [f"{tmp_path}/{name}" for name in names], "out": f"{tmp_path}/joined"})


def test_all_rows_are_there_and_nothing_else(tmp_path: Path) -> None:
    parts = [write_corpus(tmp_path / name, rows(name, count)) for name, count in (("a", 3), ("b", 5))]
    summary = run(join(tmp_path, "a", "b"))
    assert (summary["written"], summary["rejected"]) == (8, 0)
    both = Corpus(f"{tmp_path}/joined")
    assert sorted(both.column("key")) == sorted(key for part in parts for key in part.column("key"))
    for part in parts:
        places = [list(both.column("key")).index(key) for key in part.column("key")]
        np.testing.assert_array_equal(both.pixels(places), part.pixels(range(len(part))))
    assert verify(both.storage.url)["problems"] == []


def test_a_killed_join_goes_on_and_a_finished_one_is_left_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_corpus(tmp_path / name, rows(name, 4))
    whole = run(join(tmp_path, "a", "b"))
    data = {path: path.read_bytes() for path in (tmp_path / "joined" / "data").iterdir()}
    lost = sorted(data)[-1]
    for path in (lost, *(tmp_path / "joined").glob("*mmary.json"), tmp_path / "joined" / "index.parquet"):
        path.unlink()
    sorted((tmp_path / "joined" / "ledger").iterdir())[-1].unlink()
    assert run(join(tmp_path, "a", "b")) == whole
    assert lost.read_bytes() == data[lost]
    before = lost.stat().st_mtime_ns
    assert run(join(tmp_path, "a", "b")) == whole
    assert lost.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (rows("a", 2), "key 'a-0' is in two of the corpora: they hold the same images"),
        (rows("b", 2, image=png(face(0, 64))), "images differ in size"),
    ],
)
def test_what_does_not_fit_together_is_refused(second: list[Any], message: str, tmp_path: Path) -> None:
    write_corpus(tmp_path / "a", rows("a", 2))
    write_corpus(tmp_path / "b", second)
    with pytest.raises(ValueError, match=message):
        run(join(tmp_path, "a", "b"))
    assert not Storage(f"{tmp_path}/joined").names("")


def rendered(folder: Path, domain: str, count: int) -> list[str]:
    """A corpus with a scene for each picture; returns its keys."""
    corpus = write_corpus(folder, rows(domain, count), notes={"renderer": "mitsuba 3"})
    keys = [str(key) for key in corpus.column("key")]
    scenes = [{"key": key, "sex": "female", "age": 30.0, "tone": 20.0, "room": "office"} for key in keys]
    SCENES.write_part(corpus.storage.url, "train-000000", scenes)
    SCENES.join_parts(corpus.storage, ["train-000000"])
    return keys


def test_joined_rendered_corpora_keep_their_scenes_and_stay_rendered(tmp_path: Path) -> None:
    keys = rendered(tmp_path / "a", "a", 3) + rendered(tmp_path / "b", "b", 4)
    run(join(tmp_path, "a", "b"))
    out = tmp_path / "joined"
    scenes = SCENES.read(Storage(str(out)))
    assert scenes is not None and scenes["key"].to_pylist() == keys
    card, croissant = (out / "README.md").read_text(), (out / "croissant.json").read_text()
    assert "# Rendered faces" in card and "The people do not exist" in card and "| sex | female | " in card
    assert "tags: [synthetic, " in card and "rendered by mitsuba 3." in card
    assert '"synthetic"' in croissant and "Photographs" not in croissant
    assert verify(str(out))["problems"] == []


def test_rendered_pictures_among_photographs_are_told_apart(tmp_path: Path) -> None:
    rendered(tmp_path / "a", "a", 3)
    write_corpus(tmp_path / "b", rows("b", 4))
    run(join(tmp_path, "a", "b"))
    out = tmp_path / "joined"
    assert SCENES.read(Storage(str(out))) is None
    card, croissant = (out / "README.md").read_text(), json.loads((out / "croissant.json").read_text())
    assert "# Faces" in card and "3 of the images are rendered. The people in them do not exist" in card
    assert "3 images rendered by mitsuba 3." in card and "annotations_creators" not in card
    assert croissant["rai:dataCollectionType"] == ["Synthetic Data Generation", "Secondary Data Analysis"]
    assert "3 of 7 images are rendered; with them are photographs." in croissant["rai:dataCollection"]


def test_what_the_detector_saw_stays_with_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        corpus = write_corpus(tmp_path / name, rows(name, 2))
        if name != "c":
            seen = [{"key": str(key), "faces": 1, "score": 0.9} for key in corpus.column("key")]
            FACES.write_part(corpus.storage.url, "train-000000", seen)
            FACES.join_parts(corpus.storage, ["train-000000"])
    run(join(tmp_path, "a", "b"))
    both = FACES.read(Storage(f"{tmp_path}/joined"))
    assert both is not None and both["key"].to_pylist() == ["a-0", "a-1", "b-0", "b-1"]
    assert "no faces.parquet" not in capsys.readouterr().err
    assert verify(f"{tmp_path}/joined")["problems"] == []
    run(build(JoinConfig, {"corpora": [f"{tmp_path}/a", f"{tmp_path}/c"], "out": f"{tmp_path}/half"}))
    assert FACES.read(Storage(f"{tmp_path}/half")) is None
    assert f"join: no faces.parquet, since {tmp_path}/c has none\n" in capsys.readouterr().err
