"""Without a compiler `resources.compile` is refused in one line, before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.cluster.compiler import check_compiler, missing_for_compile
from factory.core.config import load
from factory.generate import GenerateConfig
from factory.generate import run as generate
from factory.generate.probe import ProbeConfig
from factory.generate.probe import run as probe
from factory.models.load import load_generator
from factory.models.settings import SamplerConfig
from factory.storage.embedded import GENERATOR
from factory.train import TrainConfig, TrainResources, check_resources

LINE = r"^{}=true needs a C\+\+ compiler, and 'nowhere-g\+\+' does not run here: install g\+\+, or name one in CXX"


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "nowhere-g++")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.usefixtures("no_compiler")
def test_every_place_that_compiles(tmp_path: Path) -> None:
    given = ["inputs.live=/nowhere", "inputs.guides=/nowhere", f"inputs.generator={GENERATOR}", f"out={tmp_path}/out"]
    config = load(GenerateConfig, None, [*given, "resources.compile=true", "sampler.preset=balanced"])
    with pytest.raises(ValueError, match=LINE.format("resources.compile")):
        generate(config)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match=LINE.format("compile")):
        probe(ProbeConfig(generator=GENERATOR, compile=True))
    with pytest.raises(ValueError, match=LINE.format("resources.compile")):  # regenerate, and the generators' nodes
        load_generator(GENERATOR, SamplerConfig(preset="balanced"), 1, compiled=True)


@pytest.mark.usefixtures("no_compiler")
def test_a_training_compiles_on_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    train = TrainConfig(steps=1, batch_size=1, learning_rate=1.0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    check_resources(train, TrainResources(compile=True))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    check_resources(train, TrainResources(compile=True, gpus_per_worker=0))
    with pytest.raises(ValueError, match=LINE.format("resources.compile")):
        check_resources(train, TrainResources(compile=True))


def test_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    headers = tmp_path / "Python.h"
    headers.write_text("")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    for name in ("CXX", "CC"):
        monkeypatch.setenv(name, "true --ignored")  # a program that runs, with an argument as ccache has one
    assert missing_for_compile() is None
    check_compiler()
    monkeypatch.setenv("CC", "nowhere-gcc")
    assert "a C compiler for GPUs, and 'nowhere-gcc' does not run" in str(missing_for_compile())
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert missing_for_compile() is None
    headers.unlink()
    assert "has no Python.h: install python3-dev" in str(missing_for_compile())
    for broken in ("", "false", "'"):
        monkeypatch.setenv("CXX", broken)
        assert "a C++ compiler" in str(missing_for_compile())
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "'g++' does not run here" in str(missing_for_compile())
