"""Read tensors from foreign checkpoint files without running anything that the file names.

`torch.load(weights_only=True)` refuses classes it does not know. Here each unknown class is replaced by an inert one
that only keeps its state, so that tensors inside a pickled configuration or a whole pickled module can be reached.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from difffas.errors import UserError


class Inert:
    """Placeholder for an object whose class, or for the result of a call whose function, was not loaded."""

    def __init__(self, *arguments: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        self.state = state


def read_checkpoint(path: str | Path) -> Any:
    """Read the contents of a PyTorch checkpoint file on the CPU, with `Inert` in place of every unknown object.

    Raises:
        UserError: if the file is missing, is not a checkpoint in PyTorch's zip format (1.6 and newer), or names
            functions that PyTorch never lets through, such as `os.system`.
    """
    try:
        unknown = get_unsafe_globals_in_checkpoint(str(path))
        stand_ins: list[Any] = [(type(name.rpartition(".")[2], (Inert,), {}), name) for name in unknown]
        with safe_globals(stand_ins):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"checkpoint {path} does not exist") from None
    except Exception:  # a broken or hostile pickle may lead the reader anywhere
        raise UserError(f"checkpoint {path} cannot be read as tensors alone: ask for a plain state dict") from None


def module_state(value: object) -> dict[str, Tensor]:
    """The state dict of a pickled module, or the given state dict itself; empty if it holds no tensors."""
    if isinstance(value, dict):
        return {str(key): tensor for key, tensor in value.items() if isinstance(tensor, Tensor)}
    found: dict[str, Tensor] = {}
    state = getattr(value, "state", None)
    if not isinstance(state, dict):
        return found
    for kind in ("_parameters", "_buffers"):
        for name, tensor in (state.get(kind) or {}).items():
            if isinstance(tensor, Tensor):
                found[name] = tensor.detach()
    for name, child in (state.get("_modules") or {}).items():
        found |= {f"{name}.{key}": tensor for key, tensor in module_state(child).items()}
    return found
