"""Ray's part of a station played in this process: the same stages and the same training loop, one after the other.

For tests of what comes out. A process of its own for every stage costs some eight seconds, nearly all of it for
loading PyTorch and diffusers. How stages and workers behave as processes is tested with Ray itself, in
tests/factory/line/, tests/factory/generate/test_generate.py and tests/factory/train/test_train.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

RESOURCES = {"CPU": 2.0, "memory": 8e9, "object_store_memory": 2e9}  # of the machine that stations see


@contextlib.contextmanager
def in_process() -> Iterator[None]:
    """Within the context, stations connect to no cluster, and their stages and workers run where they are called."""
    import ray.data
    import ray.train.torch
    import torch

    import factory.train
    from factory import cluster

    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as place:
        training = Training(Path(place))
        patch.setattr(cluster, "connect", lambda *given, **named: None)
        patch.setattr(ray, "nodes", lambda: [{"NodeID": "here", "Alive": True, "Resources": RESOURCES, "Labels": {}}])
        patch.setattr(ray, "cluster_resources", lambda: RESOURCES)
        patch.setattr(ray, "put", lambda value: value)
        patch.setattr(ray, "get", lambda value: value)
        patch.setattr(ray.data, "from_items", lambda items, **_: Rows(lambda: iter([dict(item) for item in items])))
        patch.setattr(factory.train, "_train", training.run)
        patch.setattr(ray.train, "get_checkpoint", lambda: None)
        patch.setattr(ray.train, "report", training.report)
        patch.setattr(ray.train, "get_all_reported_checkpoints", lambda **_: [])
        patch.setattr(ray.train.torch, "get_device", lambda: torch.device("cpu"))
        yield


class Rows:
    """Stands for a Ray dataset: rows that functions, or objects of classes, turn into others when they are read."""

    def __init__(self, rows: Callable[[], Iterator[Any]]) -> None:
        self._rows = rows
        self.context = SimpleNamespace(custom_execution_callback_classes=[], max_errored_blocks=0)

    def map(
        self,
        stage: Any,
        *,
        fn_args: Sequence[Any] = (),
        fn_kwargs: dict[str, Any] | None = None,
        fn_constructor_args: Sequence[Any] = (),
        fn_constructor_kwargs: dict[str, Any] | None = None,
        **resources: Any,
    ) -> Rows:
        """As `Dataset.map` does; `resources` say where, which is here."""

        def passed() -> Iterator[Any]:
            made = stage(*fn_constructor_args, **(fn_constructor_kwargs or {})) if isinstance(stage, type) else stage
            for row in self._rows():
                yield made(_carried(row), *fn_args, **(fn_kwargs or {}))

        return Rows(passed)

    def iter_rows(self) -> Iterator[Any]:
        """The rows, made one by one."""
        return map(_carried, self._rows())


def _carried(row: dict[str, Any]) -> dict[str, Any]:
    """What is left of a row in Ray's blocks between two stages, which hold it as Arrow."""
    from ray.data._internal.delegating_block_builder import DelegatingBlockBuilder
    from ray.data.block import BlockAccessor

    builder = DelegatingBlockBuilder()
    builder.add(row)
    (found,) = BlockAccessor.for_block(builder.build()).iter_rows(public_row_format=True)
    return dict(found)


class Training:
    """Stands for Ray Train with one worker."""

    def __init__(self, place: Path) -> None:
        self._place, self._count = place, 0
        self._last: Any = None  # checkpoint of the training under way

    def run(self, run: Any, worker: Callable[[Any], str | None], settings: Any, callbacks: Sequence[Any]) -> Any:
        """In place of `factory.train._train`."""
        assert settings.resources.workers == 1 and not callbacks, "several workers need Ray"
        assert not settings.resources.read_ahead, "reading ahead needs Ray: resources.read_ahead=0"
        self._last = None
        returned = worker(dataclasses.replace(settings, out=run.storage.url, fingerprint=run.fingerprint))
        return SimpleNamespace(return_value=returned, checkpoint=self._last)

    def report(self, metrics: dict[str, Any], checkpoint: Any = None) -> None:
        """In place of `ray.train.report`: keep the checkpoint, whose folder ends with the call."""
        from ray.train import Checkpoint

        if checkpoint is not None:
            self._count += 1
            with checkpoint.as_directory() as folder:
                shutil.copytree(folder, self._place / str(self._count))
            self._last = Checkpoint.from_directory(str(self._place / str(self._count)))
