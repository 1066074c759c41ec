"""What decides the last bit of a pixel that a CPU computes: set before PyTorch computes, and kept in the ledger."""

from __future__ import annotations

import os
from typing import Any

# MKL's conditional numerical reproducibility: without it results depend on where the operands lie in memory, on some
# processors down to which process computed them. AUTO keeps the processor's own kernels; docs/speed.md has the cost.
SETTINGS = {"MKL_CBWR": "AUTO"}
OTHERS = (
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "ATEN_CPU_CAPABILITY",
)  # change bits too, where somebody set them


def settle() -> None:
    """Set what PyTorch's libraries read from the environment at their first call, where nobody has set it."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def describe() -> dict[str, Any]:
    """The arithmetic of this process, for a ledger record: instruction set, threads, and the settings in force."""
    import torch

    settings = {name: os.environ[name] for name in (*SETTINGS, *OTHERS) if name in os.environ}
    return {"cpu": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads(), **settings}
