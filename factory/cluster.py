"""The one place where this software meets a Ray cluster: environment, connection, what the cluster has."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
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
CONNECT_SECONDS = 10.0


# Read by Ray when it is imported: the machine's address is then the loopback, and every port of a cluster that is
# started is bound there alone. Its default is to listen on all interfaces; only its dashboard does not.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def prepare_environment() -> None:
    """Set what Ray reads from the environment when it is imported, where nobody has set it."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def connect(num_cpus: int | None = None) -> None:
    """Join the cluster that `RAY_ADDRESS` names (a submitted job has it), else start one on this machine.

    Raises:
        ValueError: if nothing answers at the address, or the cluster refuses the token.
    """
    prepare_environment()
    address = os.environ.get("RAY_ADDRESS") or "local"
    alone = address == "local" and "ray" not in sys.modules
    with _variables(LOOPBACK if alone else {}):  # what this process starts later may be part of a real cluster
        import ray

        if not ray.is_initialized():
            logs: dict[str, Any] = {"log_to_driver": True, "logging_level": logging.WARNING}
            if address == "local":
                _token_of_one_s_own()
                with _known_dashboard() as dashboard:
                    ray.init(address=address, num_cpus=num_cpus, **dashboard, **logs)
            else:
                _join(address, logs)
    _configure_data()


def _join(address: str, settings: dict[str, Any]) -> None:
    import ray
    from ray._raylet import AuthenticationTokenLoader, GcsClient  # type: ignore[attr-defined]

    host, _, port = address.rpartition(":")
    try:
        if port.isdecimal() and "://" not in address:  # to these, Ray itself goes on asking for a minute or two
            reach(host, int(port))
            if AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):  # without one it would abort
                GcsClient(address=address)
        ray.init(address=address, **settings)
    except ray.exceptions.AuthenticationError as error:
        raise ValueError(token_refused(f"the cluster at {address}", str(error))) from None
    except (OSError, ray.exceptions.RpcError, ray.exceptions.RaySystemError) as error:
        raise ValueError(f"RAY_ADDRESS={address}: no cluster to join: {error}") from None


def reach(host: str, port: int) -> None:
    """Raise OSError within seconds if nothing listens there."""
    socket.create_connection((host, port), CONNECT_SECONDS).close()


def token_refused(place: str, error: str) -> str:
    """One line for Ray's error of authentication."""
    mend = "set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to a file that holds it"
    if "invalid" in error.lower():
        return f"{place} refuses the token that was found here: {mend}, the same as on the cluster"
    # Ray looked for a token and asked nobody, so the cluster may well have none.
    return (
        f"{place} wants a token and none was found here: {mend}; a cluster that was started without one is open to "
        f"everybody, start it with RAY_AUTH_MODE=token"
    )


def _token_of_one_s_own() -> None:
    """The token that Ray would make for a cluster of this machine, but in a file that only its owner reads."""
    path = Path.home() / ".ray" / "auth_token"
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH") or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), open(path, "x", opener=_private) as file:
        file.write(secrets.token_hex(32))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _known_dashboard() -> Iterator[dict[str, Any]]:
    """Arguments of `ray.init` for a dashboard that this cluster's processes find, whatever others the machine has.

    Ray Train's cleaner asks it whether a training's controller lives, and frees the CPUs of one that was killed, as a
    search does with a trial that it stops. It looks for it by this variable, or takes the machine's only cluster.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with _variables({DASHBOARD: f"http://127.0.0.1:{port}"}):  # until the cluster's processes have started with it
        yield {"include_dashboard": True, "dashboard_port": port}


@contextlib.contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """These in the environment for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


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
    """Number of GPUs that the connected cluster has now; infinity where an autoscaler may bring some.

    Nodes that an autoscaler started, the head first of all, bear the name of their group as a label.
    """
    import ray

    if any(node["Alive"] and node["Labels"].get("ray.io/node-group") for node in ray.nodes()):
        return float("inf")
    return float(ray.cluster_resources().get("GPU", 0.0))


def placed(labels: dict[str, str]) -> dict[str, Any]:
    """Remote arguments for nodes with these labels; for none, any node will do.

    Without labels a GPU node's CPUs fill with tasks that any CPU node could do, and a GPU waits for its own.
    """
    return {"label_selector": labels} if labels else {}


def nodes() -> dict[str, dict[str, float]]:
    """The living nodes of the connected cluster by their ids, and what each has."""
    import ray

    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
