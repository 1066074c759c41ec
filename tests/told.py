"""What workers are told of a configuration, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from factory.protocols import Protocol
from factory.train import WorkerSettings
from factory.train.recipes.classifier import FitClassifierConfig
from factory.train.recipes.dsdg import FitDsdgConfig
from factory.train.recipes.generator import FitGeneratorConfig
from factory.train.recipes.judge import FitJudgeConfig
from factory.train.recipes.student import FitStudentConfig
from factory.train.recipes.style import FitStyleConfig

ConfigT = TypeVar(
    "ConfigT",
    FitStyleConfig,
    FitGeneratorConfig,
    FitStudentConfig,
    FitDsdgConfig,
    FitClassifierConfig,
    FitJudgeConfig,
)


def told(config: ConfigT, styles: Sequence[str] = (), protocol: Protocol | None = None) -> WorkerSettings[ConfigT]:
    return WorkerSettings("test", config, config.train, config.resources, protocol, tuple(styles))
