"""The resources of a generation, and how Ray Data runs its generators with them: a pool of actors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from factory import cluster
from factory.core.config import Config
from factory.core.progress import say
from factory.line.rounds import STALL_SECONDS


class GenerateResources(Config):
    """Resources that the line may use; excluded from the fingerprint. `generators` is a count or [least, most]."""

    generators: int | tuple[int, int] = Field(
        1, description="actors that generate: a number, or [least, most] for a pool that grows and shrinks"
    )
    gpus_per_generator: float = Field(1.0, ge=0, description="generators with a fraction share a GPU; 0: use CPUs")
    threads: int = Field(2, ge=1, description="PyTorch threads of a CPU generator")
    compile: bool = Field(False, description="compile the network of bfloat16 presets; minutes, once a node")
    generator_labels: dict[str, str] = Field({}, description="labels of nodes that generators may run on; empty: any")
    task_labels: dict[str, str] = Field({}, description="labels of nodes that read, encode and score; empty: any")
    stall_seconds: float = Field(STALL_SECONDS, gt=0, description="give up after this long without a finished shard")


def generators_of(resources: GenerateResources) -> Callable[[bool], dict[str, Any]]:
    """Arguments of `Dataset.map` for the stage of the generators, as a function of whether a run must be careful."""
    gpus = _gpus(resources)
    return lambda careful: {
        "compute": _pool(resources.generators, careful),
        "num_cpus": 0,  # a generator that waited for a CPU could starve behind the tasks that feed it
        "num_gpus": gpus,
        "max_task_retries": 1,  # allow for lost nodes, but not for a shard that always kills its process
        "max_restarts": -1,
        **cluster.placed(resources.generator_labels),
    }


def _gpus(resources: GenerateResources) -> float:
    available = cluster.gpus_in_cluster()
    if resources.gpus_per_generator and not available:
        say("generate: no GPU in this cluster, generating on CPUs (resources.gpus_per_generator=0 says so too)")
        return 0.0
    return resources.gpus_per_generator


def _pool(generators: int | tuple[int, int], careful: bool) -> Any:
    from ray.data import ActorPoolStrategy

    waiting = 1 if careful else 2  # shards queued at an actor: one more than it works on, so that it never waits
    if isinstance(generators, int):
        return ActorPoolStrategy(size=generators, max_tasks_in_flight_per_actor=waiting)
    least, most = generators
    return ActorPoolStrategy(min_size=least, max_size=most, max_tasks_in_flight_per_actor=waiting)
