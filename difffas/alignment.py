"""Place tensors so that CPU libraries always round alike: one memory order, addresses that are multiples of 64 bytes.

MKL picks its kernel by the address of its operands: on some processors the same weights, 4 bytes further on in memory,
give pixels that differ in the last bit. PyTorch allocates at multiples of 64 bytes, but weights mapped from a file,
NumPy arrays and slices begin anywhere. Convolutions add in an order that follows from the strides, so all images are
brought to one memory order: the results are then the same for (B, H, W, 3) and (B, 3, H, W) in memory.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ALIGNMENT = 64  # bytes: a cache line and the widest register


def aligned(values: Tensor) -> Tensor:
    """Return the tensor itself, or a copy if it begins at another address or its elements lie in another order.

    Images and maps of shape B, C, H, W are ordered B, H, W, C: a sixth faster on CPUs than the order of the shape.
    """
    if values.device.type != "cpu":
        return values
    order = torch.channels_last if values.ndim == 4 else torch.contiguous_format
    # `is_contiguous` ignores the strides of dimensions of size 1; convolutions do not ignore them.
    strides = torch.empty(values.shape, device="meta", memory_format=order).stride()
    if values.data_ptr() % ALIGNMENT == 0 and values.stride() == strides:
        return values
    return torch.empty(values.shape, dtype=values.dtype, memory_format=order).copy_(values)


def align(network: nn.Module) -> None:
    """Move parameters and buffers to aligned addresses, in place; optimisers and references stay valid."""
    for values in (*network.parameters(), *network.buffers()):
        if values.data_ptr() % ALIGNMENT and values.device.type == "cpu":
            values.data = values.data.clone()
