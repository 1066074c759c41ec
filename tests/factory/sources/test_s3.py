"""Every format on a real S3 server."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from factory import prepare
from factory.core.config import load
from factory.corpus import Corpus
from factory.prepare import PrepareConfig
from factory.sources import Source, list_sources, read_sources
from factory.storage.object_store import ObjectStore
from tests.odd_images import saved, scene
from tests.photo_tables import write_parquet, write_tar
from tests.s3 import client


def upload(folder: Path, url: str) -> None:
    remote = client()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            remote.pipe_file(f"{url}/{path.relative_to(folder).as_posix()}", path.read_bytes())


@pytest.fixture(scope="module")
def photos(s3_bucket: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Bucket with 12 photographs as images, in two Parquet files and in two tars, and things beside them."""
    folder = tmp_path_factory.mktemp("photos")
    noise = random.Random(0)
    images = [saved(scene(), "PNG") + noise.randbytes(200_000) for _ in range(12)]  # what follows the image is ignored
    kinds = [("live", "print")[n % 2] for n in range(12)]
    for n, image in enumerate(images):
        path = folder / "images" / kinds[n] / f"s{n // 4}" / f"{n} é.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image)
    (folder / "images" / ".hidden").mkdir()
    (folder / "images" / ".hidden" / "x.png").write_bytes(b"")
    (folder / "images2").mkdir()
    (folder / "images2" / "x.png").write_bytes(b"another folder with the same beginning")
    for part in range(2):
        mine = range(part * 6, part * 6 + 6)
        table = folder / "tables" / f"part-{part}.parquet"
        cells = [{"bytes": images[n], "path": f"{n}.png"} for n in mine]
        write_parquet(table, cells, rows_per_group=2, attack=[kinds[n] for n in mine], subject=[n // 4 for n in mine])
        members: dict[str, bytes | str] = {}
        for n in mine:
            members[f"{n:02d}.json"] = json.dumps({"attack": kinds[n], "subject": f"s{n // 4}"})
            members[f"{n:02d}.png"] = images[n]
        write_tar(folder / "shards" / f"part-{part}.tar", members)
    upload(folder, f"{s3_bucket}/in")
    return f"{s3_bucket}/in"


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Bytes and requests that read objects."""
    counter: Counter[str] = Counter()
    plain = ObjectStore.read

    def read(store: ObjectStore, name: str, start: int | None = None, end: int | None = None) -> bytes:
        data = plain(store, name, start, end)
        counter.update(bytes=len(data), requests=1)
        return data

    monkeypatch.setattr(ObjectStore, "read", read)
    return counter


def paths(found: list[Source]) -> list[str]:
    return [source.path for source in found]


def test_a_folder_of_objects(photos: str, fetched: Counter[str]) -> None:
    found = list_sources(f"{photos}/images")
    assert len(found) == 12 and found[0].path == "live/s0/0 é.png" and not fetched
    assert all(source.size > 200_000 and len(source.version) >= 32 and not source.reject for source in found)
    assert paths(list_sources(f"{photos}/images/*/s1/*.png")) == ["live/s1/4 é.png", "live/s1/6 é.png"] + [
        "print/s1/5 é.png",
        "print/s1/7 é.png",
    ]
    data: list[Any] = list(read_sources(f"{photos}/images", found, {}))
    assert [len(item) for item in data] == [source.size for source in found]
    assert len(set(data)) == 12 and fetched["requests"] == 12


def test_parquet_objects(photos: str, fetched: Counter[str]) -> None:
    found = list_sources(f"{photos}/tables")
    assert paths(found)[5:7] == ["part-0.parquet/5/5.png", "part-1.parquet/0/6.png"]
    assert [source.fields for source in found[:2]] == [
        {"attack": "live", "subject": "0"},
        {"attack": "print", "subject": "0"},
    ]
    assert fetched["bytes"] < 300_000  # of 2.4 million; the ends of the two files are 131,072
    assert paths(list_sources(f"{photos}/tables/part-1.parquet")) == paths(found)[6:]
    assert paths(list_sources(f"{photos}/tables/*-1.parquet")) == paths(found)[6:]
    images = list(read_sources(f"{photos}/images", list_sources(f"{photos}/images"), {}))
    assert set(read_sources(f"{photos}/tables", found, {})) == set(images)


def test_tar_objects(photos: str, fetched: Counter[str]) -> None:
    found = list_sources(f"{photos}/shards/*.tar")
    assert paths(found)[5:7] == ["part-0.tar/05.png", "part-1.tar/06.png"]
    assert fetched["bytes"] < 400_000
    fetched.clear()
    [image] = read_sources(f"{photos}/shards/*.tar", found[3:4], {})
    assert isinstance(image, bytes)
    assert fetched == {"bytes": len(image), "requests": 1} and image.startswith(b"\x89PNG")
    assert paths(list_sources(f"{photos}/shards/part-0.tar")) == paths(found)[:6]


def test_what_is_not_there(photos: str) -> None:
    with pytest.raises(ValueError, match="holds no image file"):
        list_sources(f"{photos}/nothing")
    with pytest.raises(ValueError, match=r"no-such-bucket-here"):
        list_sources("s3://no-such-bucket-here/photos")
    with pytest.raises(FileNotFoundError):
        list(read_sources(f"{photos}/images", [Source("live/gone.png", 3)], {}))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["images", *(pytest.param(each, marks=pytest.mark.soak) for each in ("tables", "shards"))]
)
def test_prepare_from_s3_to_s3(photos: str, s3_bucket: str, name: str) -> None:
    settings = ["crop=none", "size=32", "license=cc0-1.0", "defaults.domain=cam", "split.train=1.0"]
    settings += [f"source={photos}/{name}", f"out={s3_bucket}/out/{name}"]
    done = subprocess.run(  # Ray of its own: workers know the server by the environment they were started in
        [sys.executable, "-m", "factory.entry", "prepare", *(part for one in settings for part in ("--set", one))],
        env=os.environ | {"RAY_ADDRESS": "local"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    given = load(PrepareConfig, None, settings)
    summary = prepare.run(given)  # finished: needs no Ray
    assert (summary["written"], summary["rejected"]) == (12, 0)
    corpus = Corpus(given.out)
    assert sorted(corpus.column("style")) == ["cam-live"] * 6 + ["cam-print"] * 6
    assert corpus.pixels(range(12)).shape == (12, 32, 32, 3)
