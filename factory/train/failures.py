"""Decide which failures of a training deserve another attempt: failures of machines, but not a user's mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ray.exceptions import RayActorError
from ray.train import ControllerError, TrainingFailedError, UserCallback, WorkerGroupError
from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError

from difffas.errors import UserError
from factory.tables.plain_parquet import BrokenParquet
from factory.train import ConfigT, WorkerSettings

LOST = (RayActorError, WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError)


def mistake(failures: Mapping[int, BaseException]) -> UserError | None:
    """The user's mistake among the errors that workers raised, or None.

    Any other ValueError is a bug; a broken Parquet file may be whole when it is read again.
    """
    for failure in failures.values():
        cause = getattr(failure, "_base_exc", failure)  # Ray Train wraps what a worker raises
        cause = getattr(cause, "cause", None) or cause  # and Ray wraps what a task raises
        if isinstance(cause, UserError) and not isinstance(cause, BrokenParquet):
            return cause
    return None


def mistake_behind(error: TrainingFailedError) -> UserError | None:
    """The user's mistake that ended a training, or None."""
    if isinstance(error, WorkerGroupError):
        return mistake(error.worker_failures)
    return mistake({0: error.controller_failure}) if isinstance(error, ControllerError) else None


def lost_workers(error: TrainingFailedError) -> list[int]:
    """Ranks of the workers whose process was gone when a training ended; empty if something else ended it."""
    failures = error.worker_failures if isinstance(error, WorkerGroupError) else {}
    return sorted(rank for rank, failure in failures.items() if isinstance(failure, LOST))


def returning_mistakes(
    worker: Callable[[WorkerSettings[ConfigT]], str | None], settings: WorkerSettings[ConfigT]
) -> str | None:
    """Run `worker` and return its result: None, or why the run must stop; for a lone worker also a user's mistake.

    With several workers the others may be waiting, so a mistake must be raised; Ray Train's log shows where.
    """
    try:
        return worker(settings)
    except UserError as error:
        found = mistake({0: error})
        if found is None or settings.resources.workers > 1:
            raise
        return str(found)


class EndAtMistakes(UserCallback):  # type: ignore[misc]
    """A Ray Train callback that ends the run at a user's mistake: Ray Train never retries an error of a callback."""

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Called in the controller after workers raised errors."""
        found = mistake(worker_exceptions)
        if found is not None:
            raise found
