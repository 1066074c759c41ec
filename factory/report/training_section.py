"""The report's section on training, as plain values for the template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from factory import charts
from factory.report.sections import Folder
from factory.report.strength_section import picture
from factory.train.watch import picture_name

BUCKET = re.compile(r"\d+-\d+")  # key of a figure of `Validation.losses`: its range of timesteps


def training(models: Mapping[str, Folder]) -> list[dict[str, Any]]:
    """Loss curve, closing figures, held-out loss by timestep and the last sample grid of every model."""
    return [
        {
            "name": name,
            "job": folder.claim["job"],
            "chart": charts.curve(folder.summary["curve"], f"{name}: loss over steps")
            if folder.summary["curve"]
            else None,
            **{key: folder.summary.get(key) for key in ("steps", "loss", "images_per_second")},
            # Only the style encoder has an accuracy; None if nothing was held out.
            **{key: folder.summary[key] for key in ("accuracy",) if key in folder.summary},
            "held_out": _held_out(folder.summary),
            "samples": picture(folder, samples_file(folder.summary)),
        }
        for name, folder in models.items()
    ]


def samples_file(summary: dict[str, Any]) -> str | None:
    """Name of the picture from the evaluation of the model, else of the last picture; None if there are none."""
    steps: list[int] = [found["step"] for found in summary.get("evaluations", [])]
    of_model = [step for step in steps if step == summary.get("model_step")]
    return picture_name("samples", (of_model or steps)[-1]) if steps else None


def _held_out(summary: dict[str, Any]) -> dict[str, Any] | None:
    """Loss by timestep bucket of the first and the last evaluation."""
    evaluations = [found for found in summary.get("evaluations", []) if any(map(BUCKET.fullmatch, found))]
    if not evaluations:
        return None
    shown = evaluations if len(evaluations) == 1 else [evaluations[0], evaluations[-1]]
    names = [*sorted(name for name in shown[-1] if BUCKET.fullmatch(name)), "all"]
    return {
        "steps": [found["step"] for found in shown],
        "rows": [(name.replace("-", "–"), [found.get(name) for found in shown]) for name in names],
    }
