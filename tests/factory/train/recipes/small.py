"""Settings of the three recipes on small networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from factory.core.config import build
from factory.corpus import Corpus
from factory.train import WorkerSettings
from factory.train.recipes.generator import FitGeneratorConfig
from factory.train.recipes.style import FitStyleConfig, train_styles
from tests.gloo import NETWORK
from tests.told import told

TRAIN = {"steps": 10, "batch_size": 8, "learning_rate": 1e-2, "evaluate_every": 2}
CPU = {"gpus_per_worker": 0, "threads": 1, "read_ahead": 0}


def style_settings(root: Path) -> WorkerSettings[FitStyleConfig]:
    network = {"stem_channels": 8, "channels": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
    given = {"corpus": f"{root}/real", "out": f"{root}/out", "network": network, "train": TRAIN, "resources": CPU}
    return told(build(FitStyleConfig, given), train_styles(Corpus(f"{root}/real"), "train"))


def generator_given(root: Path) -> dict[str, Any]:
    return {
        "corpus": f"{root}/real",
        "style_encoder": f"{root}/style",
        "out": f"{root}/out",
        "network": NETWORK,
        "train": TRAIN,
        "evaluation": {"samples": 3, "grid_rows": 2, "grid_steps": 2},
        "resources": CPU,
    }


def generator_settings(root: Path, **own: Any) -> WorkerSettings[FitGeneratorConfig]:
    return told(build(FitGeneratorConfig, {**generator_given(root), **own}))
