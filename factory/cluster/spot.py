"""`python -m factory.cluster.spot`: drain this node when its spot instance gets its notice, two minutes ahead.

Ray ignores such notices but handles draining nodes: it starts no new worker on one, Ray Data hands its actors no more
shards, and an idle draining node ends. A worker that already runs tasks there gets more as long as any are waiting, so
the last shards may die with the machine. The line then makes these shards again and loses no image; a drain saves
time. On Kubernetes a container's `preStop` hook calls this with `--now`.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
import urllib.error
import urllib.request

from factory.core.documents import parse_json
from factory.core.masking import masked_output

METADATA = "http://169.254.169.254"  # EC2's instance metadata service, version 2
EVERY = 5.0  # seconds between checks
NOTICE = 120.0  # seconds that are left if the notice states no time


def notice(metadata: str = METADATA) -> float | None:
    """Return the seconds until this instance is taken away; None if there is no notice yet.

    Raises:
        OSError: if there is no metadata service, for example outside EC2.
    """
    asked = urllib.request.Request(
        f"{metadata}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    )
    with urllib.request.urlopen(asked, timeout=2) as answer:
        token = answer.read().decode()
    action = urllib.request.Request(
        f"{metadata}/latest/meta-data/spot/instance-action", headers={"X-aws-ec2-metadata-token": token}
    )
    try:
        with urllib.request.urlopen(action, timeout=2) as answer:
            answered = answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise
    try:
        when = datetime.datetime.fromisoformat(parse_json(answered, metadata)["time"])
    except (KeyError, TypeError, ValueError):  # still a notice, whatever its content
        return NOTICE
    return max(0.0, when.timestamp() - time.time())


def drain(address: str, seconds: float, node_id: str | None = None) -> None:
    """Tell the cluster at `address` that a node ends in this many seconds.

    Args:
        address: HOST:PORT, or `auto` for the cluster of this node, which `RAY_ADDRESS` may name.
        seconds: time that is left.
        node_id: hexadecimal id of the node; None: the node that runs this code.

    Raises:
        ConnectionError: if there is no cluster.
        RuntimeError: if the cluster refuses the drain.
    """
    import ray
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # as `ray drain-node` does; there is no public API
    from ray.core.generated.autoscaler_pb2 import DRAIN_NODE_REASON_PREEMPTION

    if node_id is None or address == "auto":
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        here = ray.get_runtime_context()
        address, node_id = here.gcs_address, node_id or here.get_node_id()
        ray.shutdown()
    deadline = round((time.time() + seconds) * 1000)
    accepted, why = GcsClient(address=address).drain_node(
        node_id, DRAIN_NODE_REASON_PREEMPTION, "the machine will be taken away", deadline
    )
    if not accepted:
        raise RuntimeError(f"node {node_id} is not drained: {why}")


def main(arguments: list[str] | None = None) -> int:
    """Return 0 once the node is drained; 1 if there is no metadata service to ask, or the drain failed."""
    with masked_output():
        return _drained(arguments)


def _drained(arguments: list[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m factory.cluster.spot", description=__doc__)
    parser.add_argument(
        "--address", default="auto", help="address of the Ray cluster, HOST:PORT; default: this node's cluster"
    )
    parser.add_argument("--node-id", help="hexadecimal id of the node; default: this node")
    parser.add_argument(
        "--now", type=float, metavar="SECONDS", help="act as if a notice had come, with this many seconds left"
    )
    parser.add_argument("--metadata", default=METADATA, help="URL of the metadata service")
    parser.add_argument("--every", type=float, default=EVERY, help="seconds between two requests")
    given = parser.parse_args(arguments)
    left, misses = given.now, 0
    while left is None:
        try:
            left, misses = notice(given.metadata), 0
        except OSError as error:
            misses += 1
            if misses == 10:
                print(f"spot: no metadata service at {given.metadata}: {error}", file=sys.stderr)
                return 1
        if left is None:
            time.sleep(given.every)
    from factory import cluster

    for name, value in cluster.ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from ray.exceptions import RayError  # after the environment is set

    try:
        drain(given.address, left, given.node_id)
    except (OSError, RuntimeError, RayError) as error:
        print(f"spot: {error}", file=sys.stderr)
        return 1
    print(f"spot: draining, {left:.0f} s are left", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
