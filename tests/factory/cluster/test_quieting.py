"""What of Ray's own words reaches the terminal."""

from __future__ import annotations

import contextlib
import os
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from factory.cluster import quieting


def batch(actor: str | None, *lines: str) -> dict[str, Any]:
    return {"lines": list(lines), "actor_name": actor, "is_err": True, "pid": 7, "ip": "x", "job": "01"}


def test_rays_own_actors_are_silent_and_others_keep_their_words() -> None:
    assert quieting.shown(batch("TrainController", "Traceback", "GetTimeoutError")) == []
    noise = "[2026 E 1 2] core_worker.cc:2465: Actor with class name: 'MapWorker(Map(X))' and ID: '0' has"
    assert quieting.shown(batch("RayTrainWorker", "a fault", noise)) == ["a fault"]
    crowded = "WARNING: 8 PYTHON worker processes have been started on node: d800 with address: 127.0.0.1, which is"
    assert quieting.shown(batch(None, crowded, "WARNING: the disk is full")) == ["WARNING: the disk is full"]
    assert (
        quieting.shown(batch(None, "[2026 E 1 2] gcs_actor_scheduler.cc:538: Failed to kill actor 0a1b, status")) == []
    )
    assert quieting.shown(batch(None, "[2026 E] core_worker.cc:9: lost the raylet")) != []


def test_progress_has_no_prefix_and_the_rest_has(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ray._private import ray_logging, worker

    dispatcher = ray_logging.WorkerStandardStreamDispatcher()
    monkeypatch.setattr(ray_logging, "global_worker_stdstream_dispatcher", dispatcher)
    monkeypatch.setattr(worker, "print_to_stdstream", lambda data, ignore_prefix: print("ray:", data["lines"]))
    quieting.quiet_workers()
    dispatcher.emit(batch("RayTrainWorker", "fit-style: step 3/9 · loss 1.0", "Traceback"))
    seen = capsys.readouterr()
    assert seen.err == "fit-style: step 3/9 · loss 1.0\n"
    assert seen.out == "ray: ['Traceback']\n"


def test_what_a_raylet_says_goes_the_same_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ray's thread for errors calls the printing itself."""
    from ray._private import ray_logging, worker

    monkeypatch.setattr(
        ray_logging, "global_worker_stdstream_dispatcher", ray_logging.WorkerStandardStreamDispatcher()
    )
    monkeypatch.setattr(worker, "print_to_stdstream", lambda data, ignore_prefix: print("ray:", data["lines"]))
    stopped = threading.Event()
    said = ["WARNING: 8 PYTHON worker processes have been started on node: d800 with", "a node ran out of memory"]

    class Errors:
        def subscribe(self) -> None: ...

        def poll(self) -> tuple[None, dict[str, Any]]:
            if len(said) == 1:
                stopped.set()
            return None, {"job_id": None, "error_message": said.pop(0)}

    quieting.quiet_workers()
    quieting.quiet_workers()  # a second cluster of the process
    monkeypatch.setattr(worker, "_internal_kv_initialized", lambda: False)
    driver = SimpleNamespace(gcs_error_subscriber=Errors(), current_job_id=SimpleNamespace(binary=lambda: b"1"))
    worker.listen_error_messages(driver, stopped)
    assert capsys.readouterr().out == "ray: ['a node ran out of memory']\n"


def test_everything_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import ray_logging

    dispatcher = ray_logging.WorkerStandardStreamDispatcher()
    monkeypatch.setattr(ray_logging, "global_worker_stdstream_dispatcher", dispatcher)
    monkeypatch.setenv("DIFFFAS_DEBUG", "1")
    quieting.quiet_workers()
    assert dispatcher.handlers == []


def test_what_ray_says_of_each_actor_of_a_pool_stays_out_and_all_else_is_shown(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.data._internal.execution.operators import actor_pool_map_operator as operators

    said = b"[2026-11-30 E 1 2] core_worker.cc:2465: Actor with class name: 'MapWorker(X)' and ID: '0' has\n"
    fatal = b"[2026-11-30 C 1 2] core_worker.cc:9: lost the raylet\n"

    class Pool:
        def _start_actor(self, labels: dict[str, str]) -> str:
            os.write(2, said + fatal + b"generate: 1/2 shards\nno end")
            if not labels:
                raise RuntimeError("no actor")
            return "actor"

    monkeypatch.setattr(operators, "ActorPoolMapOperator", Pool)
    quieting.quiet_pools()
    quieting.quiet_pools()  # a second connection changes nothing
    for labels in ({"a": "b"}, {}):
        with contextlib.nullcontext() if labels else pytest.raises(RuntimeError, match="no actor"):
            assert Pool()._start_actor(labels) == "actor"
        assert capfd.readouterr().err.encode() == fatal + b"generate: 1/2 shards\nno end"
    os.write(2, said)
    assert capfd.readouterr().err.encode() == said, "only while an actor is made"


def test_pools_of_several_threads_give_stderr_back(capfd: pytest.CaptureFixture[str]) -> None:
    def work(number: int) -> None:
        for _ in range(20):
            with quieting.without_noise():
                os.write(2, f"{number}\n".encode())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"end\n")
    assert sorted(capfd.readouterr().err.split()) == sorted([*"0123"] * 20 + ["end"])


def test_pools_are_quiet_in_this_version_of_ray() -> None:
    """The method is Ray's own: another version may have another name for it, and the terminal its noise again."""
    from ray.data._internal.execution.operators.actor_pool_map_operator import ActorPoolMapOperator

    assert callable(getattr(ActorPoolMapOperator, quieting.START))
