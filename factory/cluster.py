"""The one place where this software meets a Ray cluster: environment, connection, what the cluster has."""

from __future__ import annotations

import logging
import os
import warnings

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


def connect(num_cpus: int | None = None) -> None:
    """Join the cluster that `RAY_ADDRESS` names (a submitted job has it), else start one on this machine."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import ray

    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "local")
        # Ray Train's cleaner asks the state API every second, which only the dashboard process answers.
        local = {"num_cpus": num_cpus, "include_dashboard": True} if address == "local" else {}
        ray.init(address=address, log_to_driver=True, logging_level=logging.WARNING, **local)
    _configure_data()


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
