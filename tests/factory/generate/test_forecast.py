"""The forecast takes its speed from what was measured, and says so where nothing was. No run is made."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory.core.config import load
from factory.corpus import Corpus
from factory.corpus.formats import webdataset
from factory.corpus.row import LIVE
from factory.corpus.shards import OutputConfig
from factory.generate import GenerateConfig
from factory.generate import forecast as forecast_module
from factory.generate.forecast import forecast
from factory.generate.measured_speed import Speed
from factory.storage.embedded import GENERATOR


@pytest.fixture
def asked(tmp_path: Path) -> GenerateConfig:
    write_corpus(tmp_path / "real", small_rows())
    inputs = [f"inputs.live={tmp_path}/real", f"inputs.guides={tmp_path}/real", f"inputs.generator={GENERATOR}"]
    return load(GenerateConfig, None, [*inputs, f"out={tmp_path}/none", "plan.samples=17"])


def test_samples_that_repeat_others_are_counted(asked: GenerateConfig, capsys: pytest.CaptureFixture[str]) -> None:
    assert "distinct" not in forecast(asked, None, None)
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("plan: images have side 32, generator embedded://generator was fitted on 64")
    many = asked.model_copy(update={"plan": asked.plan.model_copy(update={"samples": 6000})})
    found = forecast(many, None, None)
    assert 0 < found["distinct"] < 6000
    assert f"6,000 samples, of which {found['distinct']:,} are distinct combinations" in capsys.readouterr().err
    few = asked.model_copy(update={"plan": asked.plan.model_copy(update={"samples": 4})})
    assert "distinct" not in forecast(few, None, None)


def test_more_files_than_the_hub_takes_are_told_before_a_run(
    asked: GenerateConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, dict[str, object]] = {"plan": {"samples": 20_100}, "output": {"rows_per_shard": 2}}
    given["sampler"] = {"batch_size": 1}
    values = asked.model_dump(mode="json")
    asked = GenerateConfig.model_validate({**values, **{name: {**values[name], **new} for name, new in given.items()}})
    assert forecast(asked, None, None)["shards"] == 10_050
    assert "data/ has 10,050 files, the Hub takes 10,000 in a folder" in (said := capsys.readouterr().err)
    assert "output.rows_per_shard=3 or more" in said


def test_the_job_is_that_of_the_shipped_network(asked: GenerateConfig) -> None:
    workload = forecast_module._workload(asked, Corpus(asked.inputs.live))
    assert workload.parameters == 3_618_826
    assert (workload.sampler, workload.steps, workload.preset, workload.guided) == ("ddim", 25, "exact", True)


def test_the_measured_speed_of_the_named_device_is_used(
    asked: GenerateConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = forecast_module._workload(asked, Corpus(asked.inputs.live)).model_dump()
    said = {"batch": 16, "date": "2026-01-02", "commit": "abc1234", "command": "run"}
    here = Speed(device="here", images_per_second=0.02, price_per_hour=7.0, **workload, **said)
    monkeypatch.setattr(forecast_module, "read_speeds", lambda: (here, Speed(device="there", batch=16, **workload)))

    found = forecast(asked, None, None, device="here")
    assert found["speed"] == "measured on here, 2026-01-02, commit abc1234"
    assert found["generator_hours"] == pytest.approx(17 / 0.02 / 3600, abs=1e-3)
    assert found["cost"] == pytest.approx(17 / 0.02 / 3600 * 7, abs=0.01)
    assert forecast(asked, None, 1.0, device="here")["cost"] == pytest.approx(17 / 0.02 / 3600, abs=0.01)
    assert forecast(asked, 0.5, None, device="here")["images_per_second"] == 0.5

    for device in (None, "there"):
        found = forecast(asked, None, 3.0, device=device)
        assert found["speed"].startswith("unmeasured")
        assert "3.6 M parameters" in found["speed"]
        assert "--device here" in found["speed"]
        assert not {"images_per_second", "generator_hours", "cost"} & set(found), "nothing is invented"
    with pytest.raises(
        ValueError, match=r"device 'moon' is in no row of measured_speed.yaml: choose from here, there"
    ):
        forecast(asked, None, None, device="moon")


@pytest.mark.parametrize(
    ("rate", "price", "device", "message"),
    [
        (0.0, None, None, "--images-per-second 0: give a number above 0"),
        (-1.0, None, None, "--images-per-second -1"),
        (math.nan, None, None, "--images-per-second nan"),
        (2.0, -3.0, None, "--price -3: give what an hour costs, 0 or more"),
        (2.0, math.inf, None, "--price inf"),
        (2.0, None, "moon", "device 'moon' is in no row"),
    ],
)
def test_what_is_no_rate_price_or_device_is_refused(
    rate: float, price: float | None, device: str | None, message: str, asked: GenerateConfig
) -> None:
    with pytest.raises(ValueError, match=message):
        forecast(asked, rate, price, device)


@pytest.mark.parametrize(("paired", "files"), [(False, 1), (True, 2)])
def test_bytes_of_tars_count_the_live_faces_beside_the_spoofs(
    paired: bool, files: int, asked: GenerateConfig, tmp_path: Path
) -> None:
    output = OutputConfig(formats=("webdataset",), paired=paired)
    corpus = Corpus(asked.inputs.live)
    rows = corpus.rows(range(len(corpus)))
    real = len(webdataset.to_bytes(rows, {row.key: row.image for row in rows} if paired else None)) / len(rows)
    found = forecast(asked.model_copy(update={"output": output}), 1.0, None)["bytes_per_image"]
    assert found == pytest.approx(real, rel=0.3), "some hundred bytes of a drawn face's are its mark and JSON"
    assert found > files * len(rows[0].image)


def test_gpu_hours_are_of_the_share_of_a_gpu(asked: GenerateConfig) -> None:
    for share in (0.0, 0.25, 1.0):
        resources = asked.resources.model_copy(update={"gpus_per_generator": share, "generators": (1, 4)})
        found = forecast(asked.model_copy(update={"resources": resources}), 0.001, None)
        hours = 17 / 0.001 / 3600
        assert found["generator_hours"] == pytest.approx(hours, abs=1e-3)
        assert found["gpu_hours"] == pytest.approx(hours * share, abs=1e-3)
        assert found["hours_with_all_generators"] == pytest.approx(hours / 4, abs=1e-3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("resources.generators=0", r"resources.generators 0 must be a count from 1 or \[least, most\]"),
        ("resources.generators=[3, 1]", r"resources.generators \(3, 1\) must be a count"),
        ("resources.generators=[0, 4]", r"resources.generators \(0, 4\) must be a count"),
        ("plan.styles=[]", "'plan.styles': .*at least 1 item"),
        ("plan.live_domains=[]", "'plan.live_domains': .*at least 1 item"),
        ("plan.styles=[cam-print, cam-print]", r"plan.styles \['cam-print', 'cam-print'\] names one twice"),
        ("plan.splits=[train, train]", r"plan.splits \['train', 'train'\] names one twice"),
    ],
)
def test_what_is_no_plan_is_refused_by_name(given: str, message: str) -> None:
    inputs = ["inputs.live=a", "inputs.guides=a", "inputs.generator=dummy", "out=b"]
    with pytest.raises(ValueError, match=message):
        load(GenerateConfig, None, [*inputs, given])


def test_people_in_two_planned_splits_are_refused(tmp_path: Path) -> None:
    rows = small_rows(subjects=4, splits=("train", "test"))
    stray = next(row for row in rows if row.label == LIVE and row.split == "test")
    config = {"inputs": dict.fromkeys(("live", "guides"), str(tmp_path / "real")) | {"generator": "dummy"}, "out": "x"}
    asked = GenerateConfig.model_validate(
        {**config, "plan": {"splits": ["train", "test"], "policies": ["cross-domain"]}}
    )
    write_corpus(tmp_path / "real", rows)
    assert forecast(asked, None, None)["samples"] > 0
    write_corpus(tmp_path / "mixed", [*rows, dataclasses.replace(stray, key="row-9999", split="train")])
    inputs = asked.inputs.model_copy(update={"live": str(tmp_path / "mixed")})
    mixed = asked.model_copy(update={"inputs": inputs})
    with pytest.raises(ValueError, match="1 subjects in split 'train' and in 'test', such as cam s1: prepare it"):
        forecast(mixed, None, None)
    alone = mixed.model_copy(update={"plan": mixed.plan.model_copy(update={"splits": ("train",)})})
    assert forecast(alone, None, None)["samples"] > 0


def test_the_dummy_generator_has_no_measured_speed(asked: GenerateConfig) -> None:
    dummy = asked.model_copy(update={"inputs": asked.inputs.model_copy(update={"generator": "dummy"})})
    assert forecast(dummy, None, None)["speed"].startswith("unmeasured")
