"""The probe proposes the smallest batch size that is about as fast as the fastest, and stops where memory does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from difffas.matching import Statistics
from difffas.routes import needed
from factory.core.config import build
from factory.generate import probe
from factory.generate.probe import Probe, ProbeConfig, run
from factory.models.generators import Made, Request
from factory.models.settings import SamplerConfig
from factory.storage.embedded import GENERATOR


def probed(monkeypatch: pytest.MonkeyPatch, rates: dict[int, float | None], **given: Any) -> Probe:
    monkeypatch.setattr(probe, "_images_per_second", lambda config, size: (rates[size], "a device"))
    return run(build(ProbeConfig, {"generator": "models/net", **given}))


def test_it_doubles_until_nothing_is_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    found = probed(monkeypatch, {1: 10.0, 2: 19.0, 4: 30.0, 8: 30.5, 16: 99.0})
    assert (found["batch_size"], found["ended"]) == (4, "8 are no faster than 4")
    assert list(found["images_per_second"]) == ["1", "2", "4", "8"]


def test_it_stops_where_memory_or_the_limit_does(monkeypatch: pytest.MonkeyPatch) -> None:
    found = probed(monkeypatch, {1: 10.0, 2: 19.0, 4: None})
    assert (found["batch_size"], found["ended"]) == (2, "4 images do not fit into memory")
    assert probed(monkeypatch, {1: 10.0, 2: 20.0, 4: 40.0}, highest=4)["batch_size"] == 4
    with pytest.raises(ValueError, match="not even one image"):
        probed(monkeypatch, {1: None})
    with pytest.raises(ValueError, match="dummy takes any batch size"):
        probed(monkeypatch, {}, generator="dummy")
    with pytest.raises(ValueError, match="compile is for presets in bfloat16: choose another preset than exact"):
        probed(monkeypatch, {}, preset="exact", compile=True)


class Splitting:
    device = "cpu"

    def __call__(self, request: Request) -> Made:
        return Made(request.live, splits=int(len(request.live) > 2))


def test_a_batch_that_was_split_did_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "load_generator", lambda *_: Splitting())
    found = run(build(ProbeConfig, {"generator": "models/net", "size": 32}))
    assert found["ended"] in ("4 images do not fit into memory", "2 are no faster than 1")


@pytest.mark.slow
def test_the_shipped_generator_is_timed() -> None:
    found = run(build(ProbeConfig, {"generator": GENERATOR, "size": 64, "preset": "fast", "highest": 2}))
    assert all(rate > 0 for rate in found["images_per_second"].values())
    assert found["batch_size"] in (1, 2)
    assert found["device"].startswith("cpu")


@pytest.mark.parametrize("match", ["guide", "domain", "style"])
def test_matching_is_part_of_what_is_timed(match: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def load(name: str, sampler: SamplerConfig, *rest: Any) -> Any:
        assert sampler.match == match

        class Noting(Splitting):
            def __call__(self, request: Request) -> Made:
                asked.append(request)
                assert needed(request.routes, sampler.match) <= set(rest[-1])
                return Made(request.live)

        return Noting()

    monkeypatch.setattr(probe, "load_generator", load)
    given = {"generator": GENERATOR, "size": 64, "match": match, "highest": 2}
    known = {style: Statistics(1, (64, 64), *[torch.zeros(1)] * 3) for style in ("a-live", "b-live", "b-print")}
    monkeypatch.setattr("difffas.style_statistics.read_statistics", lambda storage: known)
    run(build(ProbeConfig, given))
    assert [len(request.routes) for request in asked] == [1, 1, 2, 2]
    if match != "guide":
        assert asked[0].routes[0] == ("a-live", "b-live", "b-print")
        with pytest.raises(ValueError, match=f"match {match}: generator .* no style statistics of images of 32²"):
            run(build(ProbeConfig, {**given, "size": 32}))
