from __future__ import annotations

import os

from factory import cluster


def test_the_dashboard_is_where_it_was_said_to_be(ray_local: None) -> None:
    """A worker looks for it by the variable, which it has from the process that started the cluster."""
    import ray

    @ray.remote(num_cpus=0)
    def named() -> str | None:
        return os.environ.get("RAY_API_SERVER_ADDRESS")

    from ray._private.worker import global_worker

    address = ray.get(named.remote())
    assert address is not None
    assert address.partition("//")[2] == global_worker.node.webui_url.replace("localhost", "127.0.0.1")


def test_where_no_token_was_found_a_cluster_without_one_is_thought_of() -> None:
    said = cluster.token_refused("http://head:8265", "Token authentication is enabled but no token was found")
    assert said.startswith("no token was found here for http://head:8265: set RAY_AUTH_TOKEN, or ")
    assert said.endswith(
        "a cluster that was started without a token is open to everybody and is not joined: start it with "
        "RAY_AUTH_MODE=token"
    )
    assert cluster.token_refused("http://head:8265", "Invalid token").endswith("the same as on the cluster")
