"""The one place where this software meets a Ray cluster: environment, connection, what the cluster has."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import warnings
from collections.abc import Iterator
from typing import Any

# Read by Ray's C++ core when a process starts. Without the keepalive a cut network hangs a dataset for minutes after
# the node was declared dead; with it and the tightened health checks a cut-off node costs seconds.
ENVIRONMENT = {
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_AUTH_MODE": "token",
    # OpenMP threads spin while they wait: at the default of 300,000 turns two PyTorch processes on the same two cores
    # train at 4.5 img/s each instead of 14; with none at all a lone one at 21 instead of 34. At 3,000 it keeps 31.
    "GOMP_SPINCOUNT": "3000",
}

DASHBOARD = "RAY_API_SERVER_ADDRESS"


def connect(num_cpus: int | None = None) -> None:
    """Join the cluster that `RAY_ADDRESS` names (a submitted job has it), else start one on this machine."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import ray

    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "local")
        logs: dict[str, Any] = {"log_to_driver": True, "logging_level": logging.WARNING}
        if address == "local":
            with _known_dashboard() as dashboard:
                ray.init(address=address, num_cpus=num_cpus, **dashboard, **logs)
        else:
            ray.init(address=address, **logs)
    _configure_data()


@contextlib.contextmanager
def _known_dashboard() -> Iterator[dict[str, Any]]:
    """Arguments of `ray.init` for a dashboard that this cluster's processes find, whatever others the machine has.

    Ray Train's cleaner asks it whether a training's controller lives, and frees the CPUs of one that was killed, as a
    search does with a trial that it stops. It looks for it by this variable, or takes the machine's only cluster.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    before = os.environ.get(DASHBOARD)
    os.environ[DASHBOARD] = f"http://127.0.0.1:{port}"  # until the cluster's processes have started with it
    try:
        yield {"include_dashboard": True, "dashboard_port": port}
    finally:
        os.environ.pop(DASHBOARD)
        if before is not None:
            os.environ[DASHBOARD] = before


def _configure_data() -> None:
    from ray.data import DataContext

    context = DataContext.get_current()
    context.target_max_block_size = None  # one block stays one shard
    context.enable_progress_bars = False  # ours count images
    # Ray Data deprecates passing remote arguments but has no other way yet to bound an actor's retries.
    warnings.filterwarnings("ignore", message=".*ray_remote_args.*", category=DeprecationWarning)
    for noisy in ("ray.data", "ray.train", "ray.tune"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)  # warns that its bars are off


def gpus_in_cluster() -> float:
    """Number of GPUs that the connected cluster has now."""
    import ray

    return float(ray.cluster_resources().get("GPU", 0.0))


def nodes() -> dict[str, float]:
    """How many nodes, CPUs and GPUs the connected cluster has now."""
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return {
        "nodes": len(alive),
        "cpus": sum(resources.get("CPU", 0.0) for resources in alive),
        "gpus": sum(resources.get("GPU", 0.0) for resources in alive),
    }
