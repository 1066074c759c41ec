"""Settings of a training: how a network is fitted, where that runs, and what the workers are told of both."""

from __future__ import annotations

import dataclasses
from typing import Generic, Literal, TypeVar

from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.cluster.capacity import WAIT_SECONDS
from factory.core.config import Config, is_none
from factory.core.documents import JsonObject
from factory.protocols import Protocol

ConfigT = TypeVar("ConfigT")


class TrainConfig(Config):
    """How a network is fitted; part of the run fingerprint."""

    steps: int = Field(ge=1, description="steps at most; with patience fewer")
    batch_size: int = Field(ge=1, description="samples per optimiser step, over all workers")
    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        "adamw", description="adam and adamw differ only in weight decay"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd")
    learning_rate: float = Field(gt=0, description="at its highest")
    weight_decay: float = Field(0.0, ge=0, description="weight decay of the optimiser")
    warmup_steps: int = Field(0, ge=0, description="steps over which the learning rate rises")
    warmup_start: float | None = Field(
        None,
        gt=0,
        le=1,
        exclude_if=is_none,
        description="share of the rate in the first step of the warm-up, the release's 0.04; None: 1 / warmup_steps",
    )
    cosine_decay: bool = Field(False, description="let the learning rate fall to zero along a half cosine")
    clip_norm: float | None = Field(1.0, gt=0, description="largest norm of the gradient; null: not clipped")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="bfloat16: autocast; float32 weights")
    evaluate_every: int | None = Field(None, ge=1, description="steps between evaluations on held-out subjects")
    patience: int | None = Field(
        None, ge=1, description="stop after this many evaluations without a better one; keep the best model"
    )
    seed: int = Field(
        0, ge=0, lt=2**43, description="seed of first weights, order of the data and noise"
    )  # times a million, plus the step: must be a PyTorch seed, below 2⁶⁴

    @model_validator(mode="after")
    def _check(self) -> TrainConfig:
        if self.warmup_start is not None and not self.warmup_steps:
            raise UserError("train.warmup_start is where the warm-up begins: set train.warmup_steps too")
        return self


class TrainResources(Config):
    """Where and how a training runs; excluded from the fingerprint, because it changes only rounding.

    One exception: a network's batch statistics (BatchNorm) come from one worker's part of the batch, or from one of
    the `accumulate` parts of that. A loss always has the whole batch: RQ's qualities follow from the plan; losses that
    compare features gather the other workers' features, and are refused if `accumulate` splits the batch.
    """

    workers: int = Field(1, ge=1, description="processes that train together")
    gpus_per_worker: float = Field(1.0, ge=0, description="0: train on CPUs")
    threads: int = Field(2, ge=1, description="PyTorch threads of a CPU worker")
    worker_labels: dict[str, str] = Field({}, description="labels of nodes that workers may run on; empty: any")
    parallel: Literal["ddp", "fsdp2"] = Field("ddp", description="replicate weights on all workers, or shard them")
    accumulate: int = Field(1, ge=1, description="parts into which a worker splits its batch to save memory")
    activation_checkpointing: bool = Field(False, description="recompute generator levels to save memory")
    compile: bool = Field(False, description="use torch.compile if the worker has a GPU")
    read_ahead: int = Field(4, ge=0, description="batches that CPU tasks keep ready; 0: the worker reads them itself")
    checkpoint_every: int = Field(
        500, ge=1, description="steps between two checkpoints, from which a killed run goes on"
    )
    max_failures: int = Field(3, ge=0, description="restarts after lost workers before the run gives up")
    wait_seconds: float = Field(WAIT_SECONDS, gt=0, description="wait this long for an autoscaler to add nodes")
    trackers: tuple[str, ...] = Field((), description="mlflow, wandb, in addition to TensorBoard")


@dataclasses.dataclass(frozen=True)
class WorkerSettings(Generic[ConfigT]):
    """What the driver tells the workers of a training; Ray carries the object as it is.

    The recipe's `config` names its inputs by URLs and absolute paths, because workers run in other folders. A protocol
    travels as `protocol`, without its files. `fit` sets the facts of the run.
    """

    station: str
    config: ConfigT
    train: TrainConfig
    resources: TrainResources
    protocol: Protocol | None = None
    styles: tuple[str, ...] = ()  # in the order of the classes; empty without classes
    corpora: dict[str, str] = dataclasses.field(default_factory=dict)  # URLs of the training rows by role
    out: str = ""
    fingerprint: str = ""
    cpus_per_reader: float = 0.0

    def shown(self) -> JsonObject:
        """All of them in JSON, as trackers show the parameters of a run."""
        config = self.config.model_dump(mode="json") if isinstance(self.config, Config) else {}
        return {
            "job": self.station,
            **config,
            **({"styles": list(self.styles)} if self.styles else {}),
            "protocol": self.protocol and self.protocol.model_dump(mode="json"),
            "out": self.out,
            "fingerprint": self.fingerprint,
            "cpus_per_reader": self.cpus_per_reader,
            "resources": self.resources.model_dump(mode="json"),
        }
