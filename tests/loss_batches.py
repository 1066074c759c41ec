"""Small batches for losses, their equations in plain Python, and two workers that share a batch by gloo."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from difffas.classifier import CosineHead
from difffas.losses import LOSSES, Loss, over_workers, relative_quality
from difffas.losses.domain_discriminator import DomainDiscriminator
from difffas.losses.interface import wide
from factory.train import WorkerSettings
from factory.train.loop import prepare
from factory.train.recipes.classifier import FitClassifierConfig, classifier_recipe
from tests.gloo import steps
from tests.told import told

STYLES = ("cam-live", "cam-print", "phone-live", "phone-print")
LIVE = (True, False, True, False)
DOMAINS = ("cam", "cam", "phone", "phone")


def make(name: str, live: tuple[bool, ...] = LIVE, domains: tuple[str, ...] = DOMAINS) -> Loss:
    """A loss by its name, with the parameters it has by default."""
    kind: Any = LOSSES[name]
    asked = {field.name for field in dataclasses.fields(kind)}
    loss: Loss = kind(**{k: v for k, v in {"live": live, "domains": domains}.items() if k in asked})
    return loss


def value(loss: Loss, cosines: Tensor, labels: Tensor, quality: Tensor | None, features: Tensor | None) -> Tensor:
    """A loss of a batch; a second view of each face, and logits of its domain, follow from what is given."""
    logits = None
    if loss.adversarial and features is not None:
        width, count = features.shape[1], len(set(getattr(loss, "domains", ())))
        weight = torch.linspace(-1.0, 1.0, width * count).view(width, count)
        logits = (F.normalize(wide(features))[:, :, None] * weight).sum(dim=1)
    if loss.views == 2:
        labels, cosines = labels.repeat(2), torch.cat([cosines, 0.5 * cosines])
        quality = None if quality is None else quality.repeat(2)
        features = None if features is None else torch.cat([features, features.flip(1)])
    return loss(cosines, labels, quality, features, logits)


class Samples(NamedTuple):
    """What a loss is called with, and the scores behind the quality."""

    cosines: Tensor
    labels: Tensor
    quality: Tensor
    features: Tensor
    scores: Tensor

    def loss(self, name: str) -> Tensor:
        return value(make(name), *self[:4])

    def at(self, rows: Any) -> Samples:
        return Samples(*(values[rows] for values in self))

    def double(self) -> Samples:
        return self._replace(cosines=self.cosines.double(), features=self.features.double())


def batch(size: int = 12, seed: int = 0, styles: int = 4) -> Samples:
    """Cosines B,K of features B,5 whose norms differ, labels B, BRISQUE scores B."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(size, 5, generator=generator)
    cosines = F.normalize(features) @ F.normalize(torch.randn(styles, 5, generator=generator)).T
    scores = torch.rand(size, generator=generator) * 60 - 10
    return Samples(cosines, torch.arange(size) % styles, relative_quality(scores), features, scores)


def softmax_loss(logits: list[list[float]], labels: list[int]) -> float:
    """Mean −log softmax, in plain Python."""
    rows = zip(logits, labels, strict=True)
    return float(np.mean([math.log(sum(math.exp(value - row[label]) for value in row)) for row, label in rows]))


def angles(cosines: Tensor, labels: Tensor) -> list[float]:
    """The angle between each sample and its own style."""
    return [math.acos(row[label]) for row, label in zip(cosines.tolist(), labels.tolist(), strict=True)]


def with_target(cosines: Tensor, labels: Tensor, target: list[float], scale: float = 30.0) -> list[list[float]]:
    """Logits whose true class is `scale` times `target`."""
    logits = (scale * cosines.double()).tolist()
    for row, label, value in zip(logits, labels.tolist(), target, strict=True):
        row[label] = scale * value
    return logits


class Network(nn.Module):
    """Images B,6 to cosines, features and, for an adversary, logits, without anything that looks at the batch."""

    def __init__(self, name: str) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.backbone, self.head = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 5)), CosineHead(5, 4)
        self.discriminator = DomainDiscriminator(5, 2) if make(name).adversarial else None

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features = self.backbone(images)
        logits = () if self.discriminator is None else (self.discriminator(features, 0.7),)
        return self.head(features), features, *logits


def gradients(name: str, network: nn.Module, rows: slice) -> dict[str, Any]:
    """Loss and gradients of the rows of one batch, whose quality is that within the batch of all workers."""
    generator = torch.Generator().manual_seed(5)
    images, labels = torch.randn(12, 6, generator=generator)[rows], (torch.arange(12) // 2 % 4)[rows]
    scores = torch.rand(12, generator=generator)[rows] ** 4
    network.zero_grad()
    of_batch, quality = make(name), over_workers(relative_quality, scores)
    if of_batch.views == 2:
        images, labels, quality = torch.cat([images, images + 0.5]), labels.repeat(2), quality.repeat(2)
    cosines, *rest = network(images)
    loss = of_batch(cosines, labels, quality, *rest)
    loss.backward()  # type: ignore[no-untyped-call]
    return {"loss": loss.item(), "gradients": [p.grad.tolist() for p in network.parameters() if p.grad is not None]}


def classifier_settings(corpus: str, loss: str, **resources: Any) -> WorkerSettings[FitClassifierConfig]:
    """What the driver hands to workers that fit a classifier without batch norms."""
    given = {
        "corpus": corpus,
        "out": "unused",
        "backbone": "test_convnext",
        "loss": {"name": loss},
        "sampling": {"quality_weight": 2},
        "train": {"steps": 10, "batch_size": 8, "learning_rate": 1e-2},
        "resources": {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0, **resources},
    }
    return told(FitClassifierConfig.model_validate(given), STYLES)


def curve(given: WorkerSettings[FitClassifierConfig], count: int = 3) -> list[float]:
    """Losses of the first steps of a classifier."""
    return steps(prepare(classifier_recipe(given), given, torch.device("cpu")), 0, count)


def one_of_two(rank: int, port: int, corpus: str, cases: dict[str, dict[str, Any]], out: str) -> None:
    """Worker `rank`: gradients of every loss into OUT/RANK.json, and the curves of `cases` (loss, resources)."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    facts: dict[str, Any] = {"gradients": {}, "curves": {}}
    mine = slice(6 * rank, 6 * rank + 6)
    for name in LOSSES:
        facts["gradients"][name] = gradients(name, DistributedDataParallel(Network(name)), mine)
    for name, resources in cases.items():
        facts["curves"][name] = curve(classifier_settings(corpus, workers=2, **resources))
    Path(out, f"{rank}.json").write_text(json.dumps(facts), encoding="utf-8")
    dist.barrier()
    dist.destroy_process_group()
