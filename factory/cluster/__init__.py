"""The only place where this software meets a Ray cluster: environment, connection, and the cluster's resources."""

from __future__ import annotations

import logging
import os
import socket
import sys
import warnings
from typing import TypedDict

from difffas.errors import UserError
from factory.core import arithmetic, homes

# Ray's C++ core reads these when a process starts. Without the keepalive a cut network hangs a dataset for minutes
# after the node was declared dead; with it and the tightened health checks a cut-off node costs seconds.
ENVIRONMENT = {
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",  # by default Ray reports the use of a cluster to its makers
    # OpenMP threads spin while they wait. At the default of 300,000 turns two PyTorch processes on the same two cores
    # train at 4.5 img/s each instead of 14; without spinning a single process trains at 21 instead of 34, and with
    # 3,000 turns at 31.
    "GOMP_SPINCOUNT": "3000",
    **arithmetic.SETTINGS,
}

CONNECT_SECONDS = 10.0


# Ray reads this when it is imported: the machine's address is then the loopback, and a cluster started here binds
# every port there only. By default Ray listens on all interfaces, except for its dashboard.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def prepare_environment() -> None:
    """Set the environment variables that Ray reads on import; variables that are already set stay."""
    homes.have_home()
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def connect(num_cpus: int | None = None) -> None:
    """Join the cluster that `RAY_ADDRESS` names (set in submitted jobs), or else start one on this machine.

    Raises:
        UserError: if nothing answers at the address, the cluster refuses the token, or this machine's folder for Ray
            cannot be used.
        NotStarted: if Ray did not come up on this machine.
    """
    prepare_environment()
    address = os.environ.get("RAY_ADDRESS") or "local"
    alone = address == "local" and "ray" not in sys.modules
    from factory.cluster import local_ray, quieting
    from factory.core import interrupts

    patience = {name: os.environ.get(name, value) for name, value in local_ray.PATIENCE.items()}
    with local_ray.variables({**LOOPBACK, **patience} if alone else {}):  # later processes may join a real cluster
        import ray

        _never_again()
        if not ray.is_initialized():
            with interrupts.kept():
                if address == "local":
                    local_ray.start(num_cpus)
                else:
                    _join(address)
            quieting.quiet_workers()
    quieting.quiet_pools()
    _configure_data()


def is_local() -> bool:
    """Return whether commands here start their own cluster on this machine."""
    return (os.environ.get("RAY_ADDRESS") or "local") == "local"


def _never_again() -> None:
    """Stop Ray from connecting by itself: after a shutdown a thread that still runs would connect again."""
    from ray._private import auto_init_hook

    auto_init_hook.enable_auto_connect = False


def _join(address: str) -> None:
    import ray
    from ray._raylet import AuthenticationTokenLoader, GcsClient  # type: ignore[attr-defined]

    from factory.cluster.local_ray import QUIET, quiet_stderr, variables

    host, _, port = address.rpartition(":")
    try:
        with quiet_stderr() as speak, variables(QUIET):
            if port.isdecimal() and "://" not in address:  # Ray itself retries such addresses for a minute or two
                reach(host, int(port))
                if AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):  # aborts without a token
                    GcsClient(address=address)
            speak()
            ray.init(address=address, log_to_driver=True, logging_level=logging.WARNING)
    except ray.exceptions.AuthenticationError as error:
        raise UserError(token_refused(f"the cluster at {address}", str(error))) from None
    except Exception as error:  # Ray raises any kind, such as RuntimeError for a cluster of another version
        raise UserError(f"RAY_ADDRESS={address}: no cluster to join: {error}") from None


def reach(host: str, port: int) -> None:
    """Raise OSError within seconds if nothing listens at the address."""
    socket.create_connection((host, port), CONNECT_SECONDS).close()


def token_refused(place: str, error: str) -> str:
    """Return one line for Ray's authentication error."""
    mend = "set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to a file that holds it"
    if "invalid" in error.lower():
        return f"{place} refuses the token that was found here: {mend}, the same as on the cluster"
    # Ray only looked for a token and asked no server, so the cluster may use none.
    return (
        f"no token was found here for {place}: {mend}; a cluster that was started without a token is open to "
        f"everybody and is not joined: start it with RAY_AUTH_MODE=token"
    )


def _configure_data() -> None:
    from ray.data import DataContext

    context = DataContext.get_current()
    context.target_max_block_size = None  # one block stays one shard
    context.enable_progress_bars = False  # our progress lines count images
    # Ray Data deprecates passing remote arguments but has no other way yet to limit an actor's retries.
    warnings.filterwarnings("ignore", message=".*ray_remote_args.*", category=DeprecationWarning)
    for noisy in ("ray.data", "ray.train", "ray.tune"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)  # it warns that the bars are off


def gpus_in_cluster() -> float:
    """Return the number of GPUs that the connected cluster has now; infinity if an autoscaler may add some.

    Nodes of an autoscaled cluster, also the head, carry the name of their group as a label.
    """
    import ray

    return float("inf") if grows() else float(ray.cluster_resources().get("GPU", 0.0))


def grows() -> bool:
    """Return whether an autoscaler may add nodes to the connected cluster."""
    import ray

    return any(node["Alive"] and node["Labels"].get("ray.io/node-group") for node in ray.nodes())


class Placement(TypedDict, total=False):
    """Ray's remote arguments that choose nodes."""

    label_selector: dict[str, str]


def placed(labels: dict[str, str]) -> Placement:
    """Return Ray's remote arguments for nodes with these labels; an empty mapping allows any node.

    Without labels a GPU node's CPUs fill with tasks that any CPU node could do, and its GPU waits for its own tasks.
    """
    return {"label_selector": labels} if labels else {}


def nodes() -> dict[str, dict[str, float]]:
    """Return the live nodes of the connected cluster: each one's resources by its id."""
    import ray

    return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
