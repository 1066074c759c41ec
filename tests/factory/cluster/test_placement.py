"""Which nodes the stages may run on, and whether a cluster may yet get a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory import cluster
from factory.core.config import load
from factory.generate import GenerateConfig, run
from factory.prepare import PrepareConfig
from factory.train import TrainConfig, TrainResources


def test_no_labels_are_no_wish() -> None:
    assert cluster.placed({}) == {}
    assert cluster.placed({"pool": "cpu"}) == {"label_selector": {"pool": "cpu"}}
    assert GenerateConfig.model_fields["resources"].default.task_labels == {}
    assert PrepareConfig.model_fields["resources"].default.task_labels == {}
    assert TrainResources().worker_labels == {}


@pytest.mark.parametrize(
    ("nodes", "gpus"),
    [
        ([{"Alive": True, "Labels": {}}], 2.0),
        ([{"Alive": True, "Labels": {"ray.io/node-group": "head"}}], float("inf")),
        ([{"Alive": True, "Labels": {}}, {"Alive": False, "Labels": {"ray.io/node-group": "x"}}], 2.0),
    ],
)
def test_an_autoscaler_may_bring_gpus(
    nodes: list[dict[str, Any]], gpus: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray.nodes", lambda: nodes)
    monkeypatch.setattr("ray.cluster_resources", lambda: {"GPU": 2.0})
    assert cluster.gpus_in_cluster() == gpus


@pytest.mark.slow
def test_stages_run_where_the_labels_say_or_not_at_all(tmp_path: Path, ray_local: None) -> None:
    import ray

    write_corpus(tmp_path / "real", small_rows())
    here = ray.nodes()[0]["NodeID"]

    def config(**resources: Any) -> GenerateConfig:
        given = [f"inputs.live={tmp_path}/real", f"inputs.guides={tmp_path}/real", "inputs.generator=dummy"]
        given += [f"out={tmp_path}/spoofs", "plan.samples=12", "sampler.batch_size=4", "output.rows_per_shard=6"]
        wanted = {"gpus_per_generator": 0, "stall_seconds": 8.0, **resources}
        return load(GenerateConfig, None, [*given, *(f"resources.{name}={value}" for name, value in wanted.items())])

    for name in ("task_labels", "generator_labels"):
        with pytest.raises(ValueError, match=r"on nodes with pool=nowhere; this cluster has 0 such nodes"):
            run(config(**{name: {"pool": "nowhere"}}))
    assert not (tmp_path / "spoofs").exists()
    there = {"ray.io/node-id": here}
    assert run(config(task_labels=there, generator_labels=there, stall_seconds=120.0))["written"] == 12


def test_training_asks_ray_train_for_its_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.corpora import NoConfig
    from factory import train
    from factory.run import Run

    asked: list[Any] = []

    class Trainer:
        def __init__(self, *_: Any, scaling_config: Any, **__: Any) -> None:
            asked.append(scaling_config)

        def fit(self) -> None:
            pass

    monkeypatch.setattr("ray.train.torch.TorchTrainer", Trainer)
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 4.0})
    monkeypatch.setattr("ray.nodes", lambda: [])
    run = Run(str(tmp_path), "fit-style", {}, NoConfig())
    for labels in ({}, {"pool": "generators"}):
        resources = TrainResources(workers=2, gpus_per_worker=0, worker_labels=labels)
        told = train.WorkerSettings("toy", None, TrainConfig(steps=1, batch_size=2, learning_rate=1), resources)
        train._train(run, lambda _: None, told, [])
    assert [config.label_selector for config in asked] == [None, {"pool": "generators"}]
