"""Checkpoints of a training run: safetensors by torch.distributed.checkpoint; each worker writes its own part.

A checkpoint can be loaded by any number of workers and with either way of distributing the network.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata

from difffas.errors import UserError
from difffas.model_files import is_finite, json_object
from difffas.strict import KINDS, compare

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

COURSE = "course.json"
MEND = "bring it back from a copy, or give another out folder"


@dataclasses.dataclass
class Course:
    """The progress and history of a run, in plain values that survive a restart."""

    step: int = 0  # the position in the data as well
    updates: int = 0  # steps that were not skipped
    skipped: int = 0
    skipped_in_a_row: int = 0
    recent: list[float] = dataclasses.field(default_factory=list)  # losses since the curve's last point
    curve: list[list[float]] = dataclasses.field(default_factory=list)  # [step, mean loss]
    evaluations: list[dict[str, float]] = dataclasses.field(default_factory=list)
    best: float | None = None  # score of an evaluation
    best_step: int | None = None  # step of the best evaluation
    since_best: int = 0  # evaluations
    seconds: float = 0.0
    waited: float = 0.0  # seconds spent waiting for the next batch

    @property
    def loss(self) -> float | None:
        """The curve's last point; before the first, the mean loss so far, or None if every step was skipped."""
        if self.curve:
            return self.curve[-1][1]
        return sum(self.recent) / len(self.recent) if self.recent else None


def tensors(modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Every tensor that a restart needs, by name; `optimiser` trains the parameters of `modules["network"]`."""
    found = {f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    for key, parameter in modules["network"].named_parameters():
        found |= {f"optimiser.{moment}.{key}": value for moment, value in _moments(optimiser, parameter).items()}
    # A scalar is saved as a vector of one: the safetensors reader of torch cannot slice it.
    return {name: value.detach() if value.ndim else value.detach().view(1) for name, value in found.items()}


def _moments(optimiser: torch.optim.Optimizer, parameter: nn.Parameter) -> dict[str, Tensor]:
    """The optimiser's running means of one parameter's gradients, created if no step was taken yet."""
    sgd = isinstance(optimiser, torch.optim.SGD)
    names = ("momentum_buffer",) if sgd else ("exp_avg", "exp_avg_sq")  # of Adam and AdamW
    state: dict[str, Tensor] = optimiser.state[parameter]
    if state.get(names[0]) is None:  # a first step from zeros equals PyTorch's first step without state
        state.update({name: torch.zeros_like(parameter.detach()) for name in names})
        if not sgd:
            state["step"] = torch.tensor(0.0)
    return {name: state[name] for name in names}


def save(
    folder: Path, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer, course: Course, first: bool
) -> None:
    """Write this worker's part into its own `folder`; all parts together form one. The `first` adds the course."""
    # The first worker writes the tensors that all hold. BatchNorm buffers differ among replicas: the first's are kept.
    planner = DefaultSavePlanner(dedup_save_to_lowest_rank=True)
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    contiguous = {name: value.contiguous() for name, value in tensors(modules, optimiser).items()}
    state_dict_saver.save(contiguous, storage_writer=writer, planner=planner)
    if first:
        (folder / COURSE).write_text(json.dumps(dataclasses.asdict(course)), encoding="utf-8")


def load(folder: Path, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer) -> Course:
    """Read a whole checkpoint into the modules and the optimiser, in place; return the course.

    Raises:
        UserError: in one line, if the checkpoint does not fit these modules, is incomplete or is not finite.
    """
    where, wanted = f"the checkpoint {folder}", tensors(modules, optimiser)
    course = _read_course(folder)
    reader = HuggingFaceStorageReader(str(folder))
    try:
        stored = reader.read_metadata().state_dict_metadata  # of safetensors: tensors alone
        given = {
            key: (tuple(it.size), KINDS[it.properties.dtype])
            for key, it in stored.items()
            if isinstance(it, TensorStorageMetadata)
        }
        compare(where, wanted, given)
        state_dict_loader.load(wanted, storage_reader=reader)
    except (SafetensorError, CheckpointException, KeyError, AssertionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{where} is broken ({reason}): {MEND}") from None
    broken = [key for key, value in wanted.items() if not is_finite(getattr(value, "_local_tensor", value))]
    if broken:
        raise UserError(f"{where} holds NaN or infinity in {broken[0]} ({len(broken)} in all): {MEND}")
    for state in optimiser.state.values():
        if "step" in state:  # Adam needs the step to correct its means
            state["step"].fill_(course.updates)
    return course


def _read_course(folder: Path) -> Course:
    """The course of a checkpoint; raises UserError unless `save` wrote it."""
    where = str(folder / COURSE)
    try:
        found = json_object((folder / COURSE).read_bytes(), where)
    except FileNotFoundError:
        raise UserError(f"{where} does not exist: {MEND}") from None
    started = dataclasses.asdict(Course())
    for name in sorted(found.keys() ^ started.keys()):
        raise UserError(f"{where}: key {name!r} is {'unknown' if name in found else 'missing'}: {MEND}")
    for name, value in found.items():
        kinds = {int: (int,), float: (int, float), list: (list,)}.get(type(started[name]), (int, float, type(None)))
        if type(value) not in kinds or (type(started[name]) is int and value < 0):
            raise UserError(f"{where}: {name} is {str(value)[:40]}, which no training reaches: {MEND}")
    return Course(**found)


class RayStorage(TypedDict):
    """Where Ray Train keeps a run, as arguments of its `RunConfig`; without a file system, on this machine's disks."""

    storage_path: str
    storage_filesystem: NotRequired[FileSystem]


def ray_storage(url: str) -> RayStorage:
    """Where a Ray Train run in this folder is kept, local or `s3://`.

    For S3, Arrow's client is used. It finds credentials and region as AWS clients do, and takes the endpoint from
    AWS_ENDPOINT_URL.
    """
    if "://" not in url:
        return {"storage_path": url}
    from factory.run import refuse_training_in

    refuse_training_in(url)
    from pyarrow.fs import S3FileSystem

    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")
    override = {"endpoint_override": endpoint.netloc, "scheme": endpoint.scheme} if endpoint.netloc else {}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    filesystem = S3FileSystem(**override, **({"region": region} if region else {}))
    return {"storage_path": url.removeprefix("s3://"), "storage_filesystem": filesystem}
