"""Let a loss use its whole batch when each of several workers (torch.distributed) holds an equal share.

Without a process group the share is the whole batch. All workers must make the same calls, with equal shapes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor


def over_workers(function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Apply `function` to the values of the whole batch, and return its results for this worker's share.

    `function` returns one result per value. `over_workers(relative_quality, scores)` is the quality of this worker's
    samples within the batch of all workers. No gradient.
    """
    world, rank = _world()
    return function(gather(values)).chunk(world)[rank] if world > 1 else function(values.detach())


def gather(values: Tensor) -> Tensor:
    """The values of all workers in the order of the workers, without gradient."""
    world, _ = _world()
    values = values.detach().contiguous()
    if world == 1:
        return values
    shares = [torch.empty_like(values) for _ in range(world)]
    dist.all_gather(shares, values)
    return torch.cat(shares)


def gather_for_one_loss(features: Tensor) -> Tensor:
    """The features of all workers, for a loss that every worker computes alike from the whole batch.

    Only this worker's share passes gradient on, multiplied by the number of workers. Averaging the workers' gradients
    afterwards (DDP, FSDP2) then gives the gradient of the one loss, and the backward pass needs no communication.
    """
    world, rank = _world()
    if world == 1:
        return features
    shares = list(gather(features).chunk(world))
    shares[rank] = features.detach() + world * (features - features.detach())  # exactly the value of features
    return torch.cat(shares)


def part_of_mean(total: Tensor, counted: Tensor) -> Tensor:
    """This worker's part of a mean over the samples that count in the batch of all workers; 0 if none counts.

    `total` is the sum over this worker's samples that count, `counted` B says which these are. The mean over the
    workers of what this returns is the mean over the batch.
    """
    world, _ = _world()
    number = gather(counted.long()).sum().clamp(min=1)
    return total * world / number.to(total.device)


@torch.no_grad()
def standardise(values: Tensor) -> Tensor:
    """(x − μ)/σ in float32 over the finite values (population σ); 0 for other values, and for all if σ = 0."""
    values = values.float()
    finite = torch.isfinite(values)
    result = torch.zeros_like(values)
    kept = values[finite].double()  # in float32, sums and squares of very small or large values vanish or overflow
    if len(kept) and kept.min() < kept.max():  # not σ > 0: the rounded mean of equal values may differ from them
        centred = kept - kept.mean()
        result[finite] = (centred / centred.square().mean().sqrt()).float()
    return result


def _world() -> tuple[int, int]:
    """The number of workers, and the rank of this one."""
    if not (dist.is_available() and dist.is_initialized()):
        return 1, 0
    return dist.get_world_size(), dist.get_rank()
