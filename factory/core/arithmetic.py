"""Settings that decide the last bit of a pixel computed on a CPU: set before PyTorch computes, kept in the ledger."""

from __future__ import annotations

import os

# MKL's conditional numerical reproducibility: without this setting results depend on where the operands lie in memory,
# and on some processors even on which process computed them. AUTO keeps the processor's own kernels; without STRICT
# those of AVX2 round a row of a matrix by its place among the rows. docs/speed.md has the cost.
SETTINGS = {"MKL_CBWR": "AUTO,STRICT"}
OTHERS = (
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "ATEN_CPU_CAPABILITY",
)  # these change bits too, if somebody has set them


def settle() -> None:
    """Set the variables that PyTorch's libraries read at their first call; variables that are already set stay."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def describe() -> dict[str, str | int]:
    """Return the arithmetic of this process for a ledger record: instruction set, threads, and settings in force."""
    import torch

    settings = {name: os.environ[name] for name in (*SETTINGS, *OTHERS) if name in os.environ}
    return {"cpu": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads(), **settings}
