"""What is tried again and what is not, without Ray Train; tests/factory/train/test_train.py has it with."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from ray.exceptions import RayTaskError
from ray.train import ControllerError, WorkerGroupError

from difffas.errors import UserError
from factory.tables.plain_parquet import BrokenParquet
from factory.train import TrainConfig, TrainResources, WorkerSettings
from factory.train.failures import EndAtMistakes, mistake, mistake_behind, returning_mistakes

MISTAKE = UserError("prepare with one --size")


class Wrapped(Exception):
    """As Ray Train wraps what a worker raises."""

    def __init__(self, cause: Exception) -> None:
        self._base_exc = cause


def of_a_task(cause: Exception) -> Exception:
    """As Ray wraps what a task raises."""
    error: Exception = RayTaskError("read", "Traceback …", cause).as_instanceof_cause()
    assert isinstance(error, type(cause))
    return error


FAULTS: list[Exception] = [
    RuntimeError("CUDA out of memory"),
    OSError(28, "No space left on device"),
    BrokenParquet("a.parquet is broken or not a Parquet file"),
    pa.ArrowInvalid("Parquet magic bytes not found"),  # a ValueError, of bytes that were spoilt
    ValueError("operands could not be broadcast together"),  # a bug, as NumPy tells of it
    json.JSONDecodeError("Expecting value", "", 0),
    Wrapped(ConnectionError("Connection closed by peer")),
    of_a_task(pa.ArrowInvalid("Couldn't deserialize thrift")),
]


@pytest.mark.parametrize("failure", [MISTAKE, Wrapped(MISTAKE), of_a_task(MISTAKE), Wrapped(of_a_task(MISTAKE))])
def test_a_mistake_is_found_among_what_workers_raised(failure: Exception) -> None:
    assert mistake({0: FAULTS[0], 3: failure}) is MISTAKE
    assert mistake_behind(WorkerGroupError("", {0: FAULTS[0], 3: failure})) is MISTAKE
    assert mistake_behind(ControllerError(failure)) is MISTAKE
    with pytest.raises(ValueError, match="^prepare with one --size$"):
        EndAtMistakes().after_exception(None, {0: FAULTS[0], 3: failure})


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_a_machine_did_is_left_to_ray_train(fault: Exception) -> None:
    assert mistake({0: fault}) is None
    assert mistake_behind(WorkerGroupError("", {0: fault})) is None
    EndAtMistakes().after_exception(None, {0: fault})


def test_a_lone_worker_says_what_the_mistake_is_and_one_of_several_raises() -> None:
    def worker(settings: WorkerSettings[Exception]) -> str | None:
        raise settings.config

    def run(error: Exception, workers: int) -> str | None:
        train, resources = TrainConfig(steps=1, batch_size=2, learning_rate=1), TrainResources(workers=workers)
        return returning_mistakes(worker, WorkerSettings("toy", error, train, resources))

    assert run(of_a_task(MISTAKE), 1) == "prepare with one --size"
    for error, workers in ((MISTAKE, 2), (FAULTS[2], 1)):
        with pytest.raises(type(error)):
            run(error, workers)
