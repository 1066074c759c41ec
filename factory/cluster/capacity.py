"""Checks that a cluster can ever hold the processes of a station: Ray would wait forever and silently."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict

from difffas.errors import UserError
from factory import cluster
from factory.core.errors import Stalled
from factory.core.progress import say

WAIT_SECONDS = 1800.0


@dataclasses.dataclass(frozen=True)
class Need:
    """A number of processes, the CPUs and GPUs of each, and the labels of the nodes that they run on.

    Args:
        setting: the setting that asks for them, as a user wrote it, such as `resources.workers=16`.
        count: number of processes.
        cpus: CPUs of each process.
        gpus: GPUs of each process.
        cpus_alone: CPUs of each process if the cluster has no GPU; None: `cpus`.
        labels: labels of the nodes.
        wait_seconds: time that an autoscaler has to add nodes, if all processes are needed at the same time. None: a
            station with fewer processes is only slower, and notices itself if nothing moves.
    """

    setting: str
    count: int = 1
    cpus: float = 0.0
    gpus: float = 0.0
    cpus_alone: float | None = None
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    wait_seconds: float | None = None

    def each(self, with_gpus: bool) -> dict[str, float]:
        """Return Ray's resources of one process."""
        if with_gpus and self.gpus:
            return {"CPU": self.cpus, "GPU": self.gpus}
        return {"CPU": self.cpus if self.cpus_alone is None else self.cpus_alone, "GPU": 0.0}


def check(station: str, needs: Sequence[Need]) -> None:
    """Join the cluster and compare; if an autoscaler may add nodes, wait for processes needed at the same time.

    Raises:
        UserError: if this cluster will never have room; the message says what is asked for and what there is.
        Stalled: if the autoscaler did not make room in time, or no node is alive.
    """
    cluster.connect()
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    grows = cluster.grows()
    if not nodes and not grows:  # no setting is at fault, and every other run would meet it too
        raise Stalled(f"{station}: no node of Ray is alive any more: free memory or processors, run the command again")
    with_gpus = bool(cluster.gpus_in_cluster())
    for need in needs:
        each = need.each(with_gpus)
        least = need.count if need.wait_seconds is not None else 1
        if (found := room(nodes, each, need.labels)) >= least:
            continue
        what = f"{need.setting} asks for {_asked(need, each, least)}; this cluster has {_has(nodes, need.labels)}"
        if not grows:
            raise UserError(f"{what}, room for {found}: lower the setting, or start Ray on more machines first")
        if need.wait_seconds is None:
            say(f"{station}: {what} now: waiting for its autoscaler, until resources.stall_seconds")
            continue
        say(f"{station}: {what} now, room for {found}: waiting for its autoscaler, {need.wait_seconds:g} s at most")
        _wait(need, each, what)


class Node(TypedDict):
    """A live node as Ray lists it: its resources by name and, if it has any, its labels."""

    Alive: bool
    Resources: dict[str, float]
    Labels: NotRequired[dict[str, str] | None]


def room(nodes: Sequence[Node], each: dict[str, float], labels: dict[str, str]) -> int:
    """Return how many such processes the nodes hold if nothing else runs; a million if each asks for nothing."""
    total = 0
    for node in nodes:
        if not fits(labels, node.get("Labels") or {}):
            continue
        held = [int(node["Resources"].get(name, 0.0) / size + 1e-9) for name, size in each.items() if size]
        total += min(held, default=10**6)
    return total


def fits(selector: dict[str, str], labels: dict[str, str]) -> bool:
    """Return whether a node's labels match a selector in Ray's syntax: `a`, `!a`, `in(a,b)`, `!in(a,b)`."""
    for name, wanted in selector.items():
        no = wanted.startswith("!")
        inside = re.fullmatch(r"in\((.*)\)", wanted.removeprefix("!"))
        values = [part.strip() for part in inside[1].split(",")] if inside else [wanted.removeprefix("!")]
        if (labels.get(name) in values) is no:
            return False
    return True


def _asked(need: Need, each: dict[str, float], least: int) -> str:
    parts = [f"{size:g} {name}{'s' * (size != 1)}" for name, size in each.items() if size] or ["a process"]
    count = f"{least} × " if least > 1 else ""
    where = f" on nodes with {_listed(need.labels)}" if need.labels else ""
    return f"{count}{' and '.join(parts)}{where}"


def _has(nodes: Sequence[Node], labels: dict[str, str]) -> str:
    mine = [node["Resources"] for node in nodes if fits(labels, node.get("Labels") or {})]
    cpus, gpus = (sum(node.get(name, 0.0) for node in mine) for name in ("CPU", "GPU"))
    such = " such" if labels else ""
    return f"{len(mine)}{such} node{'s' * (len(mine) != 1)} with {cpus:g} CPUs and {gpus:g} GPUs"


def _listed(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def _wait(need: Need, each: dict[str, float], what: str) -> None:
    """Reserve the room, because an autoscaler acts on reservations, and release it for the station."""
    from ray.util import placement_group, remove_placement_group

    bundles = [{name: size for name, size in each.items() if size} for _ in range(need.count)]
    group = placement_group(bundles, bundle_label_selector=[need.labels] * need.count if need.labels else None)
    try:
        if not group.wait(need.wait_seconds or 0):
            raise Stalled(
                f"{what}, and no more came in {need.wait_seconds:g} s: run the command again, or lower the setting"
            )
    finally:
        remove_placement_group(group)
