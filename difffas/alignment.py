"""Tensors where the CPU's libraries round alike: in one order, from addresses that are multiples of 64 bytes.

MKL picks its kernel by the address of its operands: on some processors the same weights, 4 bytes further on in memory,
give pixels that differ in the last bit. PyTorch allocates at such multiples, but weights that are mapped from a file,
NumPy's arrays and slices begin anywhere. Convolutions add in an order that follows from the strides: images are the
same whether they were (B, H, W, 3) or (B, 3, H, W) in memory, and so must what is made of them be.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ALIGNMENT = 64  # bytes: a cache line and the widest register


def aligned(values: Tensor) -> Tensor:
    """The tensor itself, or a copy where it begins elsewhere or its elements lie in another order.

    Of images and maps, B, C, H, W, the order is B, H, W, C: a sixth faster on CPUs than that of the shape.
    """
    if values.device.type != "cpu":
        return values
    order = torch.channels_last if values.ndim == 4 else torch.contiguous_format
    # `is_contiguous` passes over the strides of sides of one element, convolutions do not.
    strides = torch.empty(values.shape, device="meta", memory_format=order).stride()
    if values.data_ptr() % ALIGNMENT == 0 and values.stride() == strides:
        return values
    return torch.empty(values.shape, dtype=values.dtype, memory_format=order).copy_(values)


def align(network: nn.Module) -> None:
    """Move the parameters and buffers that begin elsewhere, in place; optimisers and references stay valid."""
    for values in (*network.parameters(), *network.buffers()):
        if values.data_ptr() % ALIGNMENT and values.device.type == "cpu":
            values.data = values.data.clone()
