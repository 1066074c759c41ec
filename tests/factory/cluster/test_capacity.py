"""More than a cluster can ever hold is refused in one line, before a folder is claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.corpora import NoConfig
from factory.audit import AuditConfig
from factory.cluster import capacity
from factory.cluster.capacity import Need, Node, check, fits, room
from factory.core.errors import Stalled
from factory.generate import GenerateResources
from factory.generate import needs as generate_needs
from factory.prepare import needs as prepare_needs
from factory.prepare.config import PrepareResources
from factory.run import Run
from factory.train import TrainResources
from factory.train import needs as train_needs


def node(cpus: float = 2.0, gpus: float = 0.0, alive: bool = True, labels: dict[str, str] | None = None) -> Node:
    return {"Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus, "memory": 1e9}, "Labels": labels or {}}


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """The nodes of the connected cluster."""
    found: list[Node] = []
    monkeypatch.setattr("factory.cluster.connect", lambda: None)
    monkeypatch.setattr("ray.nodes", lambda: found)
    monkeypatch.setattr(
        "ray.cluster_resources", lambda: {"GPU": sum(n["Resources"]["GPU"] for n in found if n["Alive"])}
    )
    return found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"workers": 16},
            r"resources.workers=16 asks for 16 × 1 CPU; this cluster has 1 node with 2 CPUs and 0 GPUs, ",
        ),
        (
            {"workers": 3, "gpus_per_worker": 1},
            r"asks for 3 × 1 CPU; .*room for 2: lower the setting, or start Ray on more",
        ),
        ({"worker_labels": {"pool": "x"}}, r"asks for 1 CPU on nodes with pool=x; this cluster has 0 such nodes"),
    ],
)
def test_a_training_on_two_cpus(given: Node, message: str, nodes: list[Any]) -> None:
    nodes += [node(), node(cpus=64, alive=False)]
    resources = TrainResources(**{"gpus_per_worker": 0, **given})
    with pytest.raises(ValueError, match=message):
        check("fit-style", train_needs(resources))
    check("fit-style", train_needs(TrainResources(workers=2, gpus_per_worker=0)))


def test_a_ray_that_died_is_nobody_s_setting(nodes: list[Any]) -> None:
    nodes.append(node(alive=False))
    with pytest.raises(Stalled, match="^fit-style: no node of Ray is alive any more: .* run the command again$"):
        check("fit-style", train_needs(TrainResources(workers=1, gpus_per_worker=0)))


def test_gpus_are_counted_by_node(nodes: list[Any]) -> None:
    nodes += [node(gpus=1), node(gpus=1)]
    check("fit-style", train_needs(TrainResources(workers=4, gpus_per_worker=0.5)))
    for asked in (TrainResources(workers=1, gpus_per_worker=2), TrainResources(workers=3, gpus_per_worker=1)):
        with pytest.raises(ValueError, match=r"GPU.*this cluster has 2 nodes with 4 CPUs and 2 GPUs"):
            check("fit-style", train_needs(asked))
    check("generate", generate_needs(GenerateResources(generators=16)))  # with two it is slower, but it moves
    with pytest.raises(ValueError, match=r"^a generator \(resources.gpus_per_generator=2\) asks for 2 GPUs"):
        check("generate", generate_needs(GenerateResources(gpus_per_generator=2)))


def test_the_stations_of_the_line(nodes: list[Any]) -> None:
    nodes.append(node(labels={"pool": "cpu"}))
    check("prepare", prepare_needs(PrepareResources(num_cpus=2, task_labels={"pool": "cpu"})))
    with pytest.raises(ValueError, match=r"^resources.num_cpus=16 asks for 16 CPUs; this cluster has 1 node with 2"):
        check("prepare", prepare_needs(PrepareResources(num_cpus=16)))
    for resources in (GenerateResources(task_labels={"pool": "y"}), GenerateResources(generator_labels={"pool": "y"})):
        with pytest.raises(ValueError, match=r"on nodes with pool=y; this cluster has 0 such nodes with 0 CPUs"):
            check("generate", generate_needs(resources))


def test_an_audit_s_worker(nodes: list[Any]) -> None:
    from factory.audit import _needs

    nodes.append(node(gpus=1))
    inputs = {"generated": "/a", "live": "/a", "guides": "/a", "style_encoder": "/a"}
    config = {"inputs": inputs, "out": "/b", "identity": "structure", "resources": {"workers": 16}}
    check("audit", _needs(AuditConfig.model_validate(config)))
    config["resources"] = {"gpus_per_worker": 2}
    with pytest.raises(ValueError, match=r"asks for 1 CPU and 2 GPUs; this cluster has 1 node with 2 CPUs and 1 GPUs"):
        check("audit", _needs(AuditConfig.model_validate(config)))


def test_the_folder_is_not_claimed_and_a_finished_one_asks_nobody(tmp_path: Path, nodes: list[Any]) -> None:
    nodes.append(node())
    asked = train_needs(TrainResources(workers=16, gpus_per_worker=0))
    with pytest.raises(ValueError, match=r"^resources.workers=16"):
        Run(str(tmp_path / "out"), "fit-style", {}, NoConfig(), needs=asked)
    assert not (tmp_path / "out").exists()
    Run(str(tmp_path / "out"), "fit-style", {}, NoConfig()).finish({"done": True})
    assert Run(str(tmp_path / "out"), "fit-style", {}, NoConfig(), needs=asked).summary() == {"done": True}


@pytest.mark.parametrize("comes", [True, False])
def test_an_autoscaler_has_so_long_for_all_workers(
    comes: bool, nodes: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    gone: list[Any] = []

    class Group:
        def wait(self, seconds: float) -> bool:
            asked.append(seconds)
            return comes

    def group(bundles: list[dict[str, float]], bundle_label_selector: Any) -> Group:
        asked.extend([bundles, bundle_label_selector])
        return Group()

    monkeypatch.setattr("ray.util.placement_group", group)
    monkeypatch.setattr("ray.util.remove_placement_group", gone.append)
    nodes.append(node(labels={"ray.io/node-group": "head"}))
    needs = train_needs(TrainResources(workers=4, gpus_per_worker=0, worker_labels={"pool": "x"}, wait_seconds=7))
    if comes:
        check("fit-style", needs)
    else:
        with pytest.raises(Stalled, match=r"no more came in 7 s: run the command again, or lower the setting"):
            check("fit-style", needs)
    assert asked == [[{"CPU": 1.0}] * 4, [{"pool": "x"}] * 4, 7] and len(gone) == 1
    assert "fit-style: resources.workers=4 asks for 4 × 1 CPU on nodes with pool=x" in capsys.readouterr().err


def test_the_line_waits_for_an_autoscaler_by_itself(nodes: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    nodes.append(node(labels={"ray.io/node-group": "head"}))
    check("generate", generate_needs(GenerateResources(task_labels={"pool": "cpu"})))
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "task that reads" in line]
    assert line.endswith("waiting for its autoscaler, until resources.stall_seconds")


def test_labels_are_read_as_ray_reads_them() -> None:
    for wanted, there in (("a", "a"), ("!a", "b"), ("in(a,b)", "b"), ("in(a, b)", "b"), ("!in(a,b)", "c")):
        assert fits({"pool": wanted}, {"pool": there})
    for wanted, there in (("a", "b"), ("!a", "a"), ("in(a,b)", "c"), ("!in(a,b)", "a")):
        assert not fits({"pool": wanted}, {"pool": there})
    assert not fits({"pool": "a"}, {}) and fits({"pool": "!a"}, {}) and fits({}, {})


def test_room_is_whole_processes_on_one_node() -> None:
    assert room([node(cpus=3), node(cpus=3)], {"CPU": 2.0}, {}) == 2
    assert room([node(cpus=0.3)], {"CPU": 0.1}, {}) == 3
    assert room([node()], {"CPU": 0.0, "GPU": 0.0}, {}) == 10**6
    assert capacity.Need("x", cpus=1, gpus=1, cpus_alone=2).each(False) == {"CPU": 2, "GPU": 0.0}
    assert Need("x", gpus=1).each(True) == {"CPU": 0.0, "GPU": 1}
