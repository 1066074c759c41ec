"""Optimisers by name, and the learning rate of a step."""

from __future__ import annotations

import math

import torch
from torch import nn

from factory.train import TrainConfig


def make_optimiser(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The configured optimiser of the network's parameters; SGD uses PyTorch's momentum without dampening."""
    parameters, rate, decay = network.parameters(), config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=config.momentum, weight_decay=decay)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, lr=rate, weight_decay=decay)


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up to the configured rate, then constant or a half cosine to zero; `step` counts from 0.

    The warm-up begins with rate / warmup_steps, or with `warmup_start` · rate as the release's, which has the rate
    (0.04 + 0.96·step/5000) · learning_rate up to step 5000.
    """
    if step < config.warmup_steps and config.warmup_start is not None:
        start = config.warmup_start
        return config.learning_rate * (start + (1.0 - start) * step / config.warmup_steps)
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if not config.cosine_decay:
        return config.learning_rate
    share_done = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share_done))
