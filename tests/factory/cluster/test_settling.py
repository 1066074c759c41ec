"""A dataset that is left amid its work, on real Ray."""

from __future__ import annotations

import time
from typing import Any

import pytest

from factory.cluster.settling import SETTLE_SECONDS, settle

pytestmark = pytest.mark.usefixtures("ray_local")


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """When Ray Data's loop ended a turn, and when tasks were cancelled."""
    from ray.data._internal.execution.interfaces.physical_operator import OpTask
    from ray.data._internal.execution.streaming_executor import StreamingExecutor

    found: dict[str, list[float]] = {"turn": [], "cancel": []}
    turn, cancel = StreamingExecutor._scheduling_loop_step, OpTask._cancel

    def turned(self: Any, *given: Any) -> Any:
        try:
            return turn(self, *given)
        finally:
            found["turn"].append(time.monotonic())

    def cancelled(self: Any, *given: Any, **named: Any) -> Any:
        found["cancel"].append(time.monotonic())
        return cancel(self, *given, **named)

    monkeypatch.setattr(StreamingExecutor, "_scheduling_loop_step", turned)
    monkeypatch.setattr(OpTask, "_cancel", cancelled)
    return found


def _slow(row: dict[str, Any]) -> dict[str, Any]:
    time.sleep(4.0 if row["item"] else 0.0)  # still at it when the dataset has settled
    return row


@pytest.mark.slow
def test_what_was_just_begun_is_not_cancelled_at_once(times: dict[str, list[float]]) -> None:
    import ray

    dataset = ray.data.from_items(list(range(64)), override_num_blocks=64).map(_slow, num_cpus=0.5)
    settle(dataset)
    rows = iter(dataset.iter_rows())
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert times["cancel"], "nothing was under way: this tested nothing"
    last = max(turn for turn in times["turn"] if turn < times["cancel"][0])
    assert times["cancel"][0] - last >= SETTLE_SECONDS


def test_a_dataset_that_comes_to_its_end_does_not_wait(times: dict[str, list[float]]) -> None:
    import ray

    before = list(ray.data.DataContext.get_current().custom_execution_callback_classes)
    dataset = ray.data.from_items(list(range(4)), override_num_blocks=4)
    settle(dataset)
    assert ray.data.DataContext.get_current().custom_execution_callback_classes == before, "that of others"
    assert len(list(dataset.iter_rows())) == 4
    assert time.monotonic() - times["turn"][-1] < SETTLE_SECONDS
