"""What of Ray's own words reaches the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from factory.cluster import quieting


def batch(actor: str | None, *lines: str) -> dict[str, Any]:
    return {"lines": list(lines), "actor_name": actor, "is_err": True, "pid": 7, "ip": "x", "job": "01"}


def test_rays_own_actors_are_silent_and_others_keep_their_words() -> None:
    assert quieting.shown(batch("TrainController", "Traceback", "GetTimeoutError")) == []
    noise = "[2026 E 1 2] core_worker.cc:2465: Actor with class name: 'MapWorker(Map(X))' and ID: '0' has"
    assert quieting.shown(batch("RayTrainWorker", "a fault", noise)) == ["a fault"]
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


def test_everything_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import ray_logging

    dispatcher = ray_logging.WorkerStandardStreamDispatcher()
    monkeypatch.setattr(ray_logging, "global_worker_stdstream_dispatcher", dispatcher)
    monkeypatch.setenv("DIFFFAS_DEBUG", "1")
    quieting.quiet_workers()
    assert dispatcher.handlers == []
