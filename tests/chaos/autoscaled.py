"""A cluster that grows and shrinks by itself: Ray's autoscaler with the provider whose machines are processes here."""

from __future__ import annotations

import json
from typing import Any

from tests.chaos.cluster import STORE_BYTES, Cluster, Node
from tests.chaos.processes import Process, find

HEAD_ID = "f" * 51 + "00000"  # what the provider calls the head
IDLE_SECONDS = 6


class AutoscaledCluster(Cluster):
    """A head without CPUs, and node types that are started when something waits for them.

    Args:
        types: `available_node_types` of a cluster file but for the head's.
    """

    def __init__(self, types: dict[str, dict[str, Any]]) -> None:
        super().__init__(0)
        self._types = types

    def _start(self, name: str, options: list[str], address: str) -> Node:
        assert name == "head"
        path = self.folder / "autoscaling.json"
        path.write_text(json.dumps(self._file()))
        plain = self.environment
        self.environment = {
            **plain,
            "RAY_FAKE_CLUSTER": "1",
            "RAY_enable_autoscaler_v2": "1",
            "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
            "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
            "RAY_NODE_TYPE_NAME": "ray.head.default",
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        }
        try:
            return super()._start(name, [*options, f"--autoscaling-config={path}"], address)
        finally:
            self.environment = plain

    def raylets(self) -> list[Process]:
        """Of all nodes, the head included."""
        top = find(self.head.process.pid)
        found = top.descendants() if top else []
        return [process for process in found if process.title.partition(" ")[0].endswith("/raylet")]

    def _file(self) -> dict[str, Any]:
        types = {
            name: {
                "min_workers": 0,
                "node_config": {},
                **given,
                "resources": {**given["resources"], "object_store_memory": STORE_BYTES},
            }
            for name, given in self._types.items()
        }
        head = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
        return {
            "cluster_name": "fake",
            "max_workers": sum(given["max_workers"] for given in self._types.values()),
            "idle_timeout_minutes": IDLE_SECONDS / 60,
            "upscaling_speed": 1.0,
            "provider": {
                # Not `type: fake_multinode`, which is the same: the wheel lacks that type's file of defaults.
                "type": "external",
                "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
                "disable_node_updaters": True,
                "disable_launch_config_check": True,
                "gcs_address": self.environment["RAY_ADDRESS"],
                "head_node_id": HEAD_ID,
                "launch_multiple": True,
            },
            "auth": {},
            "available_node_types": {"ray.head.default": head, **types},
            "head_node_type": "ray.head.default",
            "file_mounts": {},
            **{name: [] for name in ("cluster_synced_files", "rsync_exclude", "rsync_filter", "setup_commands")},
            **{f"{who}_{what}": [] for who in ("head", "worker") for what in ("setup_commands", "start_ray_commands")},
            "initialization_commands": [],
            "file_mounts_sync_continuously": False,
        }
