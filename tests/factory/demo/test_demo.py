"""The demo's stations take their settings, and read what an earlier one wrote or what ships."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from factory import demo, evaluate
from factory.core.config import build
from factory.core.documents import JsonValue
from factory.pipeline import StationRun
from factory.storage.embedded import GENERATOR


def words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from words(item)
    elif isinstance(value, str):
        yield value


def test_every_station_takes_its_settings_and_reads_what_is_there(tmp_path: Path) -> None:
    written = {f"{tmp_path}/photos"}
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


def test_it_begins_with_what_ships_and_judges_by_other_people() -> None:
    (generator,), (generated,), (judge,) = map(stations, ("fit-generator", "generate", "fit-judge"))
    assert generator.settings["initial"] == GENERATOR
    plan = build(generated.model, generated.settings).model_dump()["plan"]
    judged = build(judge.model, judge.settings).model_dump()
    assert plan["splits"] == ("train",) and (judged["split"], judged["held_out"]) == ("test", "dev")
    assert all(station.run is evaluate.run for station in stations("evaluate"))
