"""What the workers of a training are told: it travels as it is, and trackers show all of it."""

from __future__ import annotations

from factory.core.config import build
from factory.protocols import load
from factory.train import WorkerSettings
from factory.train.recipes.classifier import FitClassifierConfig
from factory.train.recipes.style import FitStyleConfig
from tests.told import told

GIVEN = {"corpus": "s3://bucket/real", "out": "s3://bucket/out"}


def test_it_travels_to_the_workers_as_it_is() -> None:
    from ray import cloudpickle

    config = build(FitClassifierConfig, {**GIVEN, "loss": {"name": "adaface"}, "sampling": {"quality_weight": 2}})
    settings = told(config, ["cam-live", "cam-print"], load("mi-c"))
    arrived: WorkerSettings[FitClassifierConfig] = cloudpickle.loads(cloudpickle.dumps(settings))
    assert arrived == settings
    assert arrived.config.loss.parameters == config.loss.parameters
    assert arrived.protocol is not None and arrived.protocol.digest == load("mi-c").digest


def test_trackers_show_everything_by_the_names_of_the_configuration() -> None:
    config = build(FitStyleConfig, {**GIVEN, "protocol": "mi-c"})
    shown = told(config, ["cam-live", "cam-print"], load("mi-c")).shown()
    assert shown == {
        **config.model_dump(mode="json"),
        "job": "test",
        "styles": ["cam-live", "cam-print"],
        "protocol": load("mi-c").model_dump(mode="json"),
        "out": "",
        "fingerprint": "",
        "cpus_per_reader": 0.0,
    }
