"""What a loss takes from its whole batch, when each of several workers (torch.distributed) holds an equal share.

Without a process group the share is the batch. All workers must make the same calls, with equal shapes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor


def over_workers(function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """`function` of the whole batch, which gives one result for each of its values; the results of this share.

    `over_workers(relative_quality, scores)` is the quality of the samples within all workers' batch. No gradient.
    """
    world, rank = _world()
    return function(gather(values)).chunk(world)[rank] if world > 1 else function(values.detach())


def gather(values: Tensor) -> Tensor:
    """The values of all workers, first those of worker 0; without gradient."""
    world, _ = _world()
    values = values.detach().contiguous()
    if world == 1:
        return values
    shares = [torch.empty_like(values) for _ in range(world)]
    dist.all_gather(shares, values)
    return torch.cat(shares)


def gather_for_one_loss(features: Tensor) -> Tensor:
    """The features of all workers, for a loss that every worker computes alike from the whole batch.

    Only this worker's share passes gradient on, times the number of workers: that the workers' gradients are averaged
    afterwards (DDP, FSDP2) then leaves the gradient of the one loss, and going back needs no communication.
    """
    world, rank = _world()
    if world == 1:
        return features
    shares = list(gather(features).chunk(world))
    shares[rank] = features.detach() + world * (features - features.detach())  # exactly the value of features
    return torch.cat(shares)


@torch.no_grad()
def standardise(values: Tensor) -> Tensor:
    """(x − μ)/σ in float32 over the finite values, σ the population's; 0 for the rest, and for all if σ = 0."""
    values = values.float()
    finite = torch.isfinite(values)
    result = torch.zeros_like(values)
    kept = values[finite].double()  # or sums and squares of very small or large values vanish or overflow
    if len(kept) and kept.min() < kept.max():  # not σ > 0: the rounded mean of equal values may differ from them
        centred = kept - kept.mean()
        result[finite] = (centred / centred.square().mean().sqrt()).float()
    return result


def _world() -> tuple[int, int]:
    """Number of workers, and which of them this is."""
    if not (dist.is_available() and dist.is_initialized()):
        return 1, 0
    return dist.get_world_size(), dist.get_rank()
