"""One network on several workers: replicate (DDP) or shard (FSDP2) the network, and let workers agree on results.

Without a process group there is one worker, so the same functions work in a plain loop.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

Parallel = Literal["ddp", "fsdp2"]
Network = TypeVar("Network", bound=nn.Module)


class Outcome(NamedTuple):
    """The result of one step, the same on every worker."""

    loss: float  # mean over the workers
    norm: float  # of the gradient, before clipping
    guilty: list[int]  # ranks whose part was not finite; empty for a good step


def world_size() -> int:
    """Number of workers."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """This worker's number."""
    return dist.get_rank() if dist.is_initialized() else 0


def distribute(network: nn.Module, copies: list[nn.Module], how: Parallel) -> nn.Module:
    """Return the module that the loss calls in place of `network`; `network` itself is still the one to save.

    `fsdp2` shards `network` and its `copies` (such as an average) in place, block by block; `ddp` replicates them. On
    GPUs, BatchNorm takes its statistics from all workers' parts of the batch.
    """
    if world_size() == 1:
        return network
    if norms_are_global(next(network.parameters()).device.type, world_size()):
        globalised(network)
    if how == "fsdp2":
        for module in (network, *copies):
            _shard(module)
        return network
    device = next(network.parameters()).device
    return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


def norms_are_global(device: str, world: int) -> bool:
    """Whether BatchNorm in training sees the batch of all workers, which PyTorch supports only on GPUs."""
    return device == "cuda" and world > 1


def globalised(network: Network) -> Network:
    """Replace each BatchNorm of the network by one over all workers, with the same parameters and names."""
    from timm.layers import convert_sync_batchnorm  # loads torchvision, which takes seconds in each training process

    converted: Network = convert_sync_batchnorm(network)
    return converted


def lay_out(modules: dict[str, nn.Module], layout: torch.memory_format, how: Parallel) -> None:
    """Give convolution kernels a memory layout, except kernels of sharded modules, which must stay contiguous."""
    if how == "ddp" or world_size() == 1:
        for module in modules.values():
            module.to(memory_format=layout)


def _shard(network: nn.Module) -> None:
    """Shard so that elements of the innermost module lists are gathered one by one, and all other modules at once."""
    device = next(network.parameters()).device
    mesh = init_device_mesh(device.type, (world_size(),))
    lists = [module for module in network.modules() if isinstance(module, nn.ModuleList)]
    for block in (block for blocks in lists for block in blocks):
        if not any(isinstance(module, nn.ModuleList) for module in block.modules()):
            fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)


@contextlib.contextmanager
def gradients_stay_here(network: nn.Module, here: bool) -> Iterator[None]:
    """While `here`, backward passes add to this worker's gradients without exchanging them (accumulation)."""
    if isinstance(network, FSDPModule):
        network.set_requires_gradient_sync(not here)
    with network.no_sync() if here and isinstance(network, DistributedDataParallel) else contextlib.nullcontext():
        yield


def gradient_norm(network: nn.Module, largest: float) -> Tensor:
    """Norm over all workers' gradients; if it exceeds `largest`, the gradients are scaled down to that norm."""
    norm = nn.utils.clip_grad_norm_(network.parameters(), largest)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


def agree(loss: Tensor, norm: Tensor) -> Outcome:
    """Combine all workers' losses (one all-reduce): every worker gets the same outcome."""
    world = world_size()
    joined = torch.zeros(1 + world, device=loss.device)
    joined[0] = loss / world
    joined[1 + rank()] = (~loss.isfinite()).float()
    if world > 1:
        dist.all_reduce(joined)
    mean, size, *bad = torch.cat((joined[:1], norm.detach().reshape(1).to(joined), joined[1:])).tolist()
    guilty = [number for number, flag in enumerate(bad) if flag]
    if not guilty and not math.isfinite(size):
        guilty = list(range(world))
    return Outcome(mean, size, guilty)


def of_rank_0(value: float, device: torch.device) -> float:
    """The value of worker 0, on every worker."""
    told = torch.tensor([value], dtype=torch.float64, device=device)
    if world_size() > 1:
        dist.broadcast(told, 0)
    return float(told)


def whole(module: Network, make: Callable[[], Network]) -> Network:
    """`module` in eval mode; if sharded, a plain copy in the module from `make`. All workers must call this."""
    if not isinstance(module, FSDPModule):
        return module.eval()
    copy = make().to(next(module.parameters()).device)
    copy.load_state_dict(
        {name: t.full_tensor() if isinstance(t, DTensor) else t for name, t in module.state_dict().items()}
    )
    return copy.eval()
