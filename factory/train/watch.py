"""Show a training run while it runs: curves and pictures go to TensorBoard, and on request to MLflow or W&B.

Ray Train takes no logger callbacks; rank 0 writes here. Event files go through `Storage`, so they reach S3 too, and
nothing is ever overwritten: each file holds the steps from one checkpoint to the next and is named after the last.
"""

from __future__ import annotations

import importlib
import io
import tempfile
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from difffas.errors import UserError
from factory.core.documents import JsonObject
from factory.storage import Storage

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

EVENTS, SAMPLES = "tensorboard", "samples"  # folders of a run
PROJECT = "difffas"  # MLflow experiment, W&B project


class Tracker(typing.Protocol):
    """A service that receives figures during a run."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step."""

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """A picture, uint8 (H, W, 3)."""

    def close(self) -> None:
        """Say that nothing follows."""


class Watch:
    """Figures and pictures of one training run; created on rank 0 only.

    Args:
        storage: storage of the run. step: steps done when this attempt began; later steps that an earlier attempt
            showed are void.
        trackers: any of "mlflow" and "wandb", which find their server by their own environment variables.
        station, fingerprint: name the run in the trackers; a later attempt continues the same run.
        settings: shown in the trackers as the run's parameters.

    Raises:
        UserError: for a tracker that is unknown or not installed.
    """

    def __init__(
        self,
        storage: Storage,
        step: int = 0,
        trackers: Sequence[str] = (),
        station: str = "",
        fingerprint: str = "",
        settings: JsonObject | None = None,
    ) -> None:
        check_trackers(trackers)
        self._storage = storage
        self._trackers: list[Tracker] = [TRACKERS[name](station, fingerprint, settings or {}) for name in trackers]
        self._done = self._last = step
        self._folder = tempfile.TemporaryDirectory(prefix="difffas-events-")
        self._writer = self._open()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Figures by name after `step` steps; a slash in a name makes a group."""
        self._last = max(self._last, step)
        for name, value in values.items():
            self._writer.add_scalar(name.replace(" ", "_"), value, step)  # TensorBoard's names have no spaces
        for tracker in self._trackers:
            tracker.scalars(step, values)

    def image(self, step: int, name: str, pixels: np.ndarray) -> str:
        """A picture, uint8 (H, W, 3), after `step` steps; returns the name of its PNG file in the run's storage."""
        self._last = max(self._last, step)
        self._writer.add_image(name.replace(" ", "_"), pixels, step, dataformats="HWC")
        for tracker in self._trackers:
            tracker.image(step, name, pixels)
        path = picture_name(name, step)
        self._storage.create(path, _png(pixels))
        return path

    def commit(self) -> None:
        """Write everything so far to the storage; call this before every checkpoint."""
        if self._last == self._done:
            return
        self._writer.close()
        (file,) = Path(self._folder.name).iterdir()
        # TensorBoard reads the files with `tfevents` in their names, in the order of names.
        self._storage.create(f"{EVENTS}/events.out.tfevents.{self._last:010d}", file.read_bytes())
        file.unlink()
        self._done = self._last
        self._writer = self._open()

    def close(self) -> None:
        """Commit the rest and close the trackers."""
        self.commit()
        self._writer.close()
        self._folder.cleanup()
        for tracker in self._trackers:
            tracker.close()

    def _open(self) -> SummaryWriter:
        from tensorboardX import SummaryWriter

        # TensorBoard drops its later steps, which an attempt showed before it died.
        return SummaryWriter(self._folder.name, purge_step=self._done + 1, max_queue=1000, flush_secs=3600)


class MLflow:
    """The run with this fingerprint in the experiment `difffas`."""

    def __init__(self, station: str, fingerprint: str, settings: JsonObject) -> None:
        self._mlflow = _package("mlflow")
        self._mlflow.set_experiment(PROJECT)
        mine = f"tags.fingerprint = '{fingerprint}'"
        found = self._mlflow.search_runs(filter_string=mine, output_format="list", max_results=1)
        self._mlflow.start_run(
            run_id=found[0].info.run_id if found else None, run_name=station, tags={"fingerprint": fingerprint}
        )
        self._mlflow.log_dict(dict(settings), "settings.json")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step."""
        self._mlflow.log_metrics(dict(values), step=step)

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """A picture, uint8 (H, W, 3)."""
        self._mlflow.log_image(Image.fromarray(pixels), artifact_file=f"{name}-{step:010d}.png")

    def close(self) -> None:
        """Say that nothing follows."""
        self._mlflow.end_run()


class WandB:
    """The run in the project `difffas` whose ID is this fingerprint."""

    def __init__(self, station: str, fingerprint: str, settings: JsonObject) -> None:
        self._wandb = _package("wandb")
        self._run = self._wandb.init(
            project=PROJECT, id=fingerprint[:32], name=station, resume="allow", config=dict(settings)
        )

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step."""
        self._run.log(dict(values), step=step)

    def image(self, step: int, name: str, pixels: np.ndarray) -> None:
        """A picture, uint8 (H, W, 3)."""
        self._run.log({name: self._wandb.Image(pixels)}, step=step)

    def close(self) -> None:
        """Say that nothing follows."""
        self._run.finish()


TRACKERS: dict[str, Callable[[str, str, JsonObject], Tracker]] = {"mlflow": MLflow, "wandb": WandB}


def picture_name(name: str, step: int) -> str:
    """The name, in a run's storage, of the picture `name` after `step` steps."""
    return f"{SAMPLES}/{name}-{step:010d}.png"


def check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that cannot be used, before any worker starts.

    Raises:
        UserError: for a tracker that is unknown or not installed, naming the extra that installs it.
    """
    for name in names:
        if name not in TRACKERS:
            raise UserError(f"tracker {name!r} is unknown: use {' or '.join(TRACKERS)}; TensorBoard needs no naming")
        _package(name)


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(f"tracker {name!r} is not installed: pip install 'difffas-factory[{name}]'") from None


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
