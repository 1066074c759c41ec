"""The demo's stations take their settings, and read what an earlier one wrote or what ships."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from factory import demo, evaluate
from factory.core.config import build
from factory.core.documents import JsonValue
from factory.drawn import PRETRAINED
from factory.models.load import check_sampler
from factory.models.settings import SamplerConfig
from factory.pipeline import StationRun


def words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from words(item)
    elif isinstance(value, str):
        yield value


def test_every_station_takes_its_settings_and_reads_what_is_there(tmp_path: Path) -> None:
    written = {f"{tmp_path}/faces", f"{tmp_path}/other-faces", str(PRETRAINED)}
    verbs = []
    for station in demo.stations(tmp_path):
        build(station.model, station.settings)
        given: dict[str, JsonValue] = {name: value for name, value in station.settings.items() if name != "out"}
        read = {word for word in words(given) if word.startswith(str(tmp_path))}
        assert read and read <= written
        written.add(str(station.settings["out"]))
        verbs.append(station.verb)
    assert verbs[0] == "prepare" and verbs[-1] == "report"


def stations(verb: str) -> list[StationRun]:
    return [station for station in demo.stations(Path("/demo")) if station.verb == verb]


def test_the_judge_and_the_generator_see_other_people_than_those_who_are_judged() -> None:
    (generator,), made, (judge,) = map(stations, ("fit-generator", "generate", "fit-judge"))
    assert generator.settings["initial"] == str(PRETRAINED) and PRETRAINED.is_dir()
    assert len(made) == 2
    for generated in made:
        assert build(generated.model, generated.settings).model_dump()["plan"]["splits"] == ("train",)
    assert judge.settings["corpus"] != generator.settings["corpus"]
    assert all(station.run is evaluate.run for station in stations("evaluate"))


def test_most_spoofs_come_from_the_shipped_student_and_some_from_the_generator_that_was_just_trained() -> None:
    own, spoofs = stations("generate")
    (generator,) = stations("fit-generator")
    settings = [build(station.model, station.settings).model_dump() for station in (own, spoofs)]
    assert [one["inputs"]["generator"] for one in settings] == [generator.settings["out"], str(PRETRAINED)]
    assert [one["sampler"]["preset"] for one in settings] == ["balanced", "student"]
    check_sampler(str(PRETRAINED), build(SamplerConfig, settings[1]["sampler"]))
    assert settings[1]["plan"]["samples"] >= 10 * settings[0]["plan"]["samples"]
