"""Stops a dataset in the middle of its work: Ray Data pauses before it cancels tasks that it has just started.

Ray 2.60 cancels every running task at once. A task submitted milliseconds earlier is then ended twice, and the process
aborts in C++ ("Tried to complete task that was not pending"), without a line for the user or a chance to clean up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.data import Dataset
    from ray.data._internal.execution.streaming_executor import StreamingExecutor

SETTLE_SECONDS = 1.0  # Ray waits two seconds for its loop to end; a task is placed within milliseconds


def settle(dataset: Dataset) -> None:
    """When this dataset is stopped, let its loop pause between starting the last task and cancelling all tasks."""
    context = dataset.context
    context.custom_execution_callback_classes = [*context.custom_execution_callback_classes, Settling]


class Settling:
    """Callback that Ray Data calls after each turn of its loop, before it decides on another turn."""

    def before_execution_starts(self, executor: StreamingExecutor) -> None:
        """Nothing to do."""

    def on_execution_step(self, executor: StreamingExecutor) -> None:
        """Pause if this turn was the last."""
        if executor._shutdown:
            time.sleep(SETTLE_SECONDS)

    def after_execution_succeeds(self, executor: StreamingExecutor) -> None:
        """Nothing to do."""

    def after_execution_fails(self, executor: StreamingExecutor, error: Exception) -> None:
        """Nothing to do."""
