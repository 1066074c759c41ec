"""The report's section on training, for the template."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import NotRequired, TypedDict

from factory import charts
from factory.report.sections import Folder
from factory.report.strength_section import EmbeddedPicture, picture
from factory.train.watch import picture_name

BUCKET = re.compile(r"\d+-\d+")  # key of a figure of `Validation.losses`: its range of timesteps


class ShownSummary(TypedDict):
    """The part of a training's summary that the section shows."""

    steps: int
    curve: list[list[float]]
    loss: float | None
    images_per_second: float
    accuracy: NotRequired[float | None]
    evaluations: NotRequired[list[dict[str, float]]]
    model_step: NotRequired[int]


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Losses of held-out people by range of timesteps, at the first and the last evaluation."""

    steps: list[float]
    rows: list[tuple[str, list[float | None]]]


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """A model's loss curve, closing figures, held-out losses, and the last grid of its samples.

    Only the style encoder has an accuracy, which is None if nothing was held out.
    """

    name: str
    job: str
    chart: str | None
    steps: int
    loss: float | None
    images_per_second: float
    has_accuracy: bool
    accuracy: float | None
    held_out: HeldOut | None
    samples: EmbeddedPicture | None


def training(models: Mapping[str, Folder]) -> list[TrainedModel]:
    """Loss curve, closing figures, held-out loss by timestep and the last sample grid of every model."""
    return [_model(name, folder) for name, folder in models.items()]


def _model(name: str, folder: Folder) -> TrainedModel:
    summary = folder.figures(ShownSummary)
    return TrainedModel(
        name=name,
        job=folder.claim["job"],
        chart=charts.curve(summary["curve"], f"{name}: loss over steps") if summary["curve"] else None,
        steps=summary["steps"],
        loss=summary["loss"],
        images_per_second=summary["images_per_second"],
        has_accuracy="accuracy" in summary,
        accuracy=summary.get("accuracy"),
        held_out=_held_out(summary),
        samples=picture(folder, samples_file(summary)),
    )


def samples_file(summary: ShownSummary) -> str | None:
    """Name of the picture from the evaluation of the model, else of the last picture; None if there are none."""
    steps = [int(found["step"]) for found in summary.get("evaluations", [])]
    of_model = [step for step in steps if step == summary.get("model_step")]
    return picture_name("samples", (of_model or steps)[-1]) if steps else None


def _held_out(summary: ShownSummary) -> HeldOut | None:
    """Loss by timestep bucket of the first and the last evaluation."""
    evaluations = [found for found in summary.get("evaluations", []) if any(map(BUCKET.fullmatch, found))]
    if not evaluations:
        return None
    shown = evaluations if len(evaluations) == 1 else [evaluations[0], evaluations[-1]]
    names = [*sorted(name for name in shown[-1] if BUCKET.fullmatch(name)), "all"]
    rows = [(name.replace("-", "–"), [found.get(name) for found in shown]) for name in names]
    return HeldOut([found["step"] for found in shown], rows)
