"""A dataset that is left amid its work: Ray Data rests before it cancels what it has only just begun.

Ray 2.60 cancels every running task at once. A task that was submitted milliseconds before is then ended twice, and the
process aborts in C++ ("Tried to complete task that was not pending"): no line for the user, no chance to clean up.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.data import Dataset
    from ray.data._internal.execution.streaming_executor import StreamingExecutor

SETTLE_SECONDS = 1.0  # Ray waits two for its loop to end; a task is placed within milliseconds


def settle(dataset: Dataset) -> None:
    """Let the loop of this dataset rest when it is stopped, between the last task that it begins and their end."""
    context = dataset.context
    context.custom_execution_callback_classes = [*context.custom_execution_callback_classes, Settling]


class Settling:
    """Ray Data's callback: called between a turn of its loop and the question whether there is another."""

    def before_execution_starts(self, executor: StreamingExecutor) -> None:
        """Nothing to do."""

    def on_execution_step(self, executor: StreamingExecutor) -> None:
        """Rest, if this turn was the last."""
        if executor._shutdown:
            time.sleep(SETTLE_SECONDS)

    def after_execution_succeeds(self, executor: StreamingExecutor) -> None:
        """Nothing to do."""

    def after_execution_fails(self, executor: StreamingExecutor, error: Exception) -> None:
        """Nothing to do."""
