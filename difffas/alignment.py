"""Tensors where the CPU's libraries round alike: at addresses that are multiples of 64 bytes.

MKL picks its kernel by the address of its operands: on some processors the same weights, 4 bytes further on in memory,
give pixels that differ in the last bit. PyTorch allocates at such multiples, but weights that are mapped from a file,
NumPy's arrays and slices begin anywhere.
"""

from __future__ import annotations

from torch import Tensor, nn

ALIGNMENT = 64  # bytes: a cache line and the widest register


def aligned(values: Tensor) -> Tensor:
    """The tensor itself, or a copy where it begins elsewhere."""
    if values.device.type != "cpu" or values.data_ptr() % ALIGNMENT == 0:
        return values
    return values.clone()


def align(network: nn.Module) -> None:
    """Move the parameters and buffers that begin elsewhere, in place; optimisers and references stay valid."""
    for values in (*network.parameters(), *network.buffers()):
        if values.data_ptr() % ALIGNMENT and values.device.type == "cpu":
            values.data = values.data.clone()
