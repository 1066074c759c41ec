"""What ships with the software has a name that every machine resolves to its own copy, and nobody writes to it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import ray

import factory
from factory.core.config import Config
from factory.models.load import load_generator, model_digest
from factory.models.settings import SamplerConfig
from factory.run import Run
from factory.sources import list_sources
from factory.storage import Storage
from factory.storage.embedded import FOLDERS, GENERATOR, PEOPLE, is_embedded, path_of

PACKAGE = str(Path(factory.__file__).parent)


def test_a_name_is_a_folder_of_the_package() -> None:
    assert is_embedded(GENERATOR) and not is_embedded("generator")
    assert len(FOLDERS) == 5 and all(Path(path_of(name)).is_relative_to(PACKAGE) for name in FOLDERS)
    assert path_of(f"{PEOPLE}/data/*.parquet") == f"{FOLDERS[PEOPLE]}/data/*.parquet"


def test_it_is_read_as_any_folder_and_keeps_its_name() -> None:
    storage, plain = Storage(f"{GENERATOR}/"), Storage(str(FOLDERS[GENERATOR]))
    assert (storage.url, storage.folder) == (GENERATOR, str(FOLDERS[GENERATOR]))
    assert storage.path("model_index.json") == f"{GENERATOR}/model_index.json"
    assert storage.names() == plain.names() != []
    assert storage.read("unet/config.json") == Storage(f"{GENERATOR}/unet").read("config.json")
    assert storage.exists("unet/config.json") and not storage.exists("unet")
    assert storage.open("model_index.json").read() == plain.read("model_index.json", 0, 10**6)
    assert model_digest(storage) == model_digest(plain)


def test_a_generator_is_loaded_from_the_package_without_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factory.models.load._fetch", None)
    assert load_generator(GENERATOR, SamplerConfig(), 1)


def test_another_process_finds_its_own_copy() -> None:
    packed = pickle.dumps(Storage(GENERATOR))
    assert PACKAGE.encode() not in packed
    assert pickle.loads(packed).folder == str(FOLDERS[GENERATOR])


def test_workers_read_it(ray_local: None) -> None:
    def seen(storage: Storage) -> tuple[str, list[str]]:
        return storage.url, storage.names()

    storage = Storage(GENERATOR)
    assert ray.get(ray.remote(seen).remote(storage)) == (GENERATOR, storage.names())


@pytest.mark.parametrize("url", ["embedded://peoples", "embedded://", "embedded:///people"])
def test_an_unknown_name_is_refused_with_those_there_are(url: str) -> None:
    names = "embedded://people, embedded://aligned, embedded://generator, embedded://portrait-64, embedded://people-64"
    message = f"nothing of this name ships with this software: give one of {names}"
    with pytest.raises(ValueError, match=message):
        Storage(url)
    with pytest.raises(ValueError, match=message):
        list_sources(url)
    with pytest.raises(ValueError, match="leads out of embedded://people: give a path inside it"):
        Storage("embedded://people/../../run")


def test_a_corpus_as_a_source_of_pictures_says_where_they_are() -> None:
    with pytest.raises(ValueError, match="is the index of a corpus: .* add /data to source"):
        list_sources(PEOPLE)


def test_nobody_writes_there() -> None:
    storage = Storage(GENERATOR)
    with pytest.raises(ValueError, match="^embedded://generator ships with this software and can only be read: write"):
        storage.create("more.json", b"{}")
    assert storage.sweep_uploads(0) == []
    assert not storage.exists("more.json")


@pytest.mark.parametrize("station", ["generate", "fit-style"])
def test_no_station_takes_it_as_its_output(station: str) -> None:
    with pytest.raises(ValueError, match="^out=embedded://people") as caught:
        Run(PEOPLE, station, {}, Config())
    assert "\n" not in str(caught.value)


def test_an_output_below_an_unknown_name_is_not_said_to_ship() -> None:
    with pytest.raises(ValueError, match="^embedded://peple/new: nothing of this name ships with this software"):
        Run("embedded://peple/new", "generate", {}, Config())


def test_an_unknown_scheme_is_told_of_it() -> None:
    with pytest.raises(ValueError, match="scheme EMBEDDED:// is not supported; give .* or embedded://$"):
        Storage("EMBEDDED://people")
