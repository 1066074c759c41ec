"""The pool of generators follows from the resources."""

from __future__ import annotations

import pytest

from factory import cluster
from factory.generate.actors import GenerateResources, generators_of


@pytest.mark.parametrize(("careful", "waiting"), [(True, 1), (False, 2)])
@pytest.mark.parametrize("generators", [3, (1, 4)])
def test_a_careful_run_gives_an_actor_one_shard_at_a_time(
    monkeypatch: pytest.MonkeyPatch, generators: int | tuple[int, int], careful: bool, waiting: int
) -> None:
    monkeypatch.setattr(cluster, "gpus_in_cluster", lambda: 0)
    found = generators_of(GenerateResources(generators=generators, gpus_per_generator=0))(careful)
    assert (found["num_cpus"], found["num_gpus"], found["max_restarts"]) == (0, 0.0, -1)
    pool = found["compute"]
    assert pool.max_tasks_in_flight_per_actor == waiting
    assert (pool.min_size, pool.max_size) == ((3, 3) if generators == 3 else (1, 4))
