"""Which failures of a training are worth another attempt: those of machines, not a mistake of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ray.exceptions import RayActorError
from ray.train import ControllerError, TrainingFailedError, UserCallback, WorkerGroupError
from ray.train.v2._internal.exceptions import WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError

from difffas.errors import UserError
from factory.tables.plain_parquet import BrokenParquet

LOST = (RayActorError, WorkerHealthCheckFailedError, WorkerHealthCheckTimeoutError)


def mistake(failures: Mapping[int, BaseException]) -> UserError | None:
    """The user's mistake among what workers raised, if there is one.

    Any other ValueError is a bug; a broken Parquet file may be whole when it is read again.
    """
    for failure in failures.values():
        cause = getattr(failure, "_base_exc", failure)  # Ray Train wraps what a worker raises
        cause = getattr(cause, "cause", None) or cause  # and Ray what a task does, traceback and all
        if isinstance(cause, UserError) and not isinstance(cause, BrokenParquet):
            return cause
    return None


def mistake_behind(error: TrainingFailedError) -> UserError | None:
    """The user's mistake that ended a training, if it was one."""
    if isinstance(error, WorkerGroupError):
        return mistake(error.worker_failures)
    return mistake({0: error.controller_failure}) if isinstance(error, ControllerError) else None


def lost_workers(error: TrainingFailedError) -> list[int]:
    """Ranks of the workers whose process was gone when a training ended; none if something else ended it."""
    failures = error.worker_failures if isinstance(error, WorkerGroupError) else {}
    return sorted(rank for rank, failure in failures.items() if isinstance(failure, LOST))


def returning_mistakes(worker: Callable[[dict[str, Any]], str | None], settings: dict[str, Any]) -> str | None:
    """What `worker` returns: None, or why the run must stop; of a lone worker also a mistake that it raised.

    Others may be waiting for one of several, so that must raise, and Ray Train's log shows where.
    """
    try:
        return worker(settings)
    except UserError as error:
        found = mistake({0: error})
        if found is None or settings["resources"]["workers"] > 1:
            raise
        return str(found)


class EndAtMistakes(UserCallback):  # type: ignore[misc]
    """Ray Train's callback by which a mistake ends the run: what a callback raises is never tried again."""

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Called in the controller when workers have raised."""
        found = mistake(worker_exceptions)
        if found is not None:
            raise found
