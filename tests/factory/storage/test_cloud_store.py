"""gs:// and az:// on stand-ins that keep the stores' preconditions; hf:// and missing packages are refused clearly."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.run import Run
from factory.sources import list_sources, read_sources
from factory.storage import Storage
from factory.storage.cloud_store import CloudStore
from factory.storage.s3_retry import Refused
from factory.train.checkpoints import ray_storage
from tests import clouds
from tests.races import race


@pytest.fixture(scope="module", params=["gs", "az"])
def bucket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty bucket on a stand-in."""
    stand_in = {"gs": clouds.google, "az": clouds.azure}[request.param]
    with pytest.MonkeyPatch.context() as patch, stand_in(tmp_path_factory.mktemp(request.param)) as (url, variables):
        for name, value in variables.items():
            patch.setenv(name, value)
        yield url


@pytest.fixture
def storage(bucket: str, request: pytest.FixtureRequest) -> Storage:
    return Storage(f"{bucket}/{abs(hash(request.node.name))}/run")


def test_create_never_overwrites(storage: Storage) -> None:
    assert storage.create("a/b.json", b"first")
    assert not storage.create("a/b.json", b"second")
    assert not Storage(storage.url).create("a/b.json", b"first")
    assert storage.read("a/b.json") == b"first"
    assert storage.create("empty", b"")
    assert not storage.create("empty", b"late")
    assert storage.read("empty") == b""


def test_one_of_many_racing_writers_wins_whole(storage: Storage) -> None:
    for number in range(5):
        race(storage, f"shard-{number}", 300_000)


@pytest.mark.slow
def test_files_that_clients_would_send_in_pieces_are_created_once_too(storage: Storage) -> None:
    for first, size in (("big", 70 << 20), ("bigger", 120 << 20)):
        assert storage.create(first, b"x" * size)
        assert not storage.create(first, b"y" * size)
        assert storage.read(first, 0, 10) == b"x" * 10
        with storage.open(first) as file:
            assert file.seek(0, 2) == size


def test_an_answer_that_got_lost_is_no_lost_race(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = CloudStore._put

    def twice(store: CloudStore, *given: Any) -> None:
        real(store, *given)
        real(store, *given)  # the client sends again what had arrived

    monkeypatch.setattr(CloudStore, "_put", twice)
    assert storage.create("x", b"data")
    assert not storage.create("x", b"data")


def test_names_reading_and_what_is_not_there(storage: Storage) -> None:
    for name in ("d/2", "d/1", "d/sub/3", "top", "with space ü.json"):
        storage.create(name, name.encode() * 3)
    assert storage.names("d") == ["1", "2"]
    assert storage.names() == ["top", "with space ü.json"]
    assert storage.names("absent") == []
    assert storage.read("with space ü.json") == "with space ü.json".encode() * 3
    assert (storage.read("top", 1, 4), storage.read("top", 7, 100), storage.read("top", 50, 60)) == (
        b"opt",
        b"op",
        b"",
    )
    assert storage.exists("d/1") and not storage.exists("d") and not storage.exists("nothing")
    with storage.open("top") as file:
        file.seek(3)
        assert file.read(3) == b"top"
    for reader in (storage.read, storage.open):
        with pytest.raises(FileNotFoundError):
            reader("nothing")
    assert storage.sweep_uploads(0) == []
    assert pickle.loads(pickle.dumps(storage)).read("top") == b"toptoptop"


def test_a_run_claims_its_folder_and_a_source_lists_it(storage: Storage) -> None:
    from factory.release.join import JoinConfig

    config = JoinConfig(corpora=("a", "b"), out=storage.url)
    run = Run(storage.url, "join", {"x": 1}, config)
    run.finish({"written": 1})
    assert Run(storage.url, "join", {"x": 1}, config).summary() == {"written": 1}
    with pytest.raises(ValueError, match="another"):
        Run(storage.url, "join", {"x": 2}, config)
    for name in ("live/s0/1.jpg", "live/s1/2.jpg", "live/.hidden/3.jpg", "notes.txt"):
        storage.create(name, name.encode())
    found = list_sources(storage.url)
    assert [(source.path, source.size) for source in found] == [("live/s0/1.jpg", 13), ("live/s1/2.jpg", 13)]
    assert all(source.version for source in found)
    assert list(read_sources(storage.url, found, {})) == [b"live/s0/1.jpg", b"live/s1/2.jpg"]
    assert [source.path for source in list_sources(f"{storage.url}/live/*/2.jpg")] == ["s1/2.jpg"]


def test_a_bucket_that_is_not_there_is_told_in_one_line(bucket: str) -> None:
    with pytest.raises(Refused, match="there is no such bucket or container: create it") as caught:
        Storage(f"{bucket}-absent/run").create("x", b"data")
    assert "\n" not in str(caught.value)
    assert f"{bucket}-absent/run/x" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        *(("gs://bucket/x", "gcsfs", "gcs"), ("gcs://bucket/x", "gcsfs", "gcs"), ("az://box/x", "adlfs", "azure")),
        *(("abfs://box/x", "adlfs", "azure"), ("hf://datasets/o/n", "huggingface_hub", "hub")),
    ],
)
def test_without_the_package_the_extra_is_named(
    url: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for use in (Storage, list_sources):
        with pytest.raises(ValueError, match=rf"{url} needs {package}: pip install 'difffas-factory\[{extra}\]'"):
            use(url)


def test_the_hub_can_only_be_read(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    from factory.release.join import JoinConfig

    with pytest.raises(Refused, match="hf://datasets/o/n can be read only: .*`difffas release`"):
        Storage("hf://datasets/o/n").create("x", b"data")
    config = JoinConfig(corpora=("a", "b"), out="hf://datasets/o/n")
    with pytest.raises(ValueError, match="out=hf://datasets/o/n: hf:// can be read only"):
        Run(config.out, "join", {}, config)


@pytest.mark.parametrize("station", ["fit-style", "fit-generator", "fit-classifier", "tune", "ablate"])
@pytest.mark.parametrize("url", ["gs://bucket/x", "az://box/x", "abfs://box/x"])
def test_trainings_are_refused_where_ray_cannot_keep_their_state(station: str, url: str) -> None:
    from factory.release.join import JoinConfig

    for use in (lambda: Run(url, station, {}, JoinConfig(corpora=("a", "b"), out=url)), lambda: ray_storage(url)):
        with pytest.raises(ValueError, match=r"Ray keeps a training's state in a local folder or on s3://, not on"):
            use()


@pytest.mark.parametrize("url", ["gs://", "az:///", "hf://"])
def test_urls_that_name_nothing(url: str) -> None:
    with pytest.raises(ValueError, match="names no (bucket or container|repository)"):
        CloudStore(url)


class Answer(Exception):
    def __init__(self, status: int) -> None:
        super().__init__("planted-secret of the server")
        self.status_code = status


@pytest.mark.parametrize(
    ("error", "becomes", "says"),
    [
        (Answer(404), FileNotFoundError, "no such object"),
        (Answer(403), Refused, "refused access .*403.*GOOGLE_APPLICATION_CREDENTIALS"),
        (Answer(401), Refused, "refused access"),
        (OSError("Forbidden: planted-secret"), Refused, "refused access"),
        (Answer(503), OSError, "the store or its client failed .*503"),
        (ConnectionError("planted-secret"), OSError, "the store or its client failed"),
    ],
)
def test_what_stores_answer_is_told_in_our_words(
    error: Exception, becomes: type[Exception], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda name: None)
    store = CloudStore("gs://bucket/x")
    final = store._translate(error, "gs://bucket/x/y")
    assert isinstance(final, becomes)
    assert "planted-secret" not in str(final)
    with pytest.raises(becomes, match=says):
        raise final
