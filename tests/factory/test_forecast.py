"""The forecast takes its speed from what was measured, and says so where nothing was. No run is made."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from factory import forecast as forecast_module
from factory.config import load
from factory.corpus import Corpus
from factory.forecast import forecast
from factory.generate import GenerateConfig
from factory.measured_speed import Speed
from tests.corpora import small_rows, write_corpus

SHIPPED = Path(__file__).parent.parent.parent / "factory" / "pretrained" / "portrait-64"


@pytest.fixture
def asked(tmp_path: Path) -> GenerateConfig:
    write_corpus(tmp_path / "real", small_rows())
    inputs = [f"inputs.live={tmp_path}/real", f"inputs.guides={tmp_path}/real", f"inputs.generator={SHIPPED}"]
    return load(GenerateConfig, None, [*inputs, f"out={tmp_path}/none", "plan.samples=17"])


def test_the_job_is_that_of_the_shipped_network(asked: GenerateConfig) -> None:
    job = forecast_module._job(asked, Corpus(asked.inputs.live))
    assert job.parameters == 3_618_826
    assert (job.sampler, job.steps, job.preset, job.guided) == ("ddim", 25, "exact", True)


def test_the_measured_speed_of_the_named_device_is_used(
    asked: GenerateConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = forecast_module._job(asked, Corpus(asked.inputs.live)).model_dump()
    said = {"batch": 16, "date": "2026-01-02", "commit": "abc1234", "command": "run"}
    here = Speed(device="here", images_per_second=0.02, price_per_hour=7.0, **job, **said)
    monkeypatch.setattr(forecast_module, "read_speeds", lambda: (here, Speed(device="there", batch=16, **job)))

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


def test_the_dummy_generator_has_no_measured_speed(asked: GenerateConfig) -> None:
    dummy = asked.model_copy(update={"inputs": asked.inputs.model_copy(update={"generator": "dummy"})})
    assert forecast(dummy, None, None)["speed"].startswith("unmeasured")
