"""Tensors out of foreign checkpoint files, without running anything that the file names.

`torch.load(weights_only=True)` refuses classes it does not know; here each of them is replaced by an inert one that
only keeps its state, so that tensors inside a pickled configuration or a whole pickled module can be reached.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from difffas.errors import UserError


class Inert:
    """Stands for an object of a class or for the result of a function that was not loaded."""

    def __init__(self, *arguments: object) -> None: ...

    def __setstate__(self, state: object) -> None:
        self.state = state


def read_checkpoint(path: str | Path) -> Any:
    """What a PyTorch checkpoint file holds, on the CPU, with `Inert` in the place of every unknown object.

    Raises:
        ValueError: if the file is absent, no checkpoint in PyTorch's zip form (1.6 and newer), or names functions
            that PyTorch never lets through, such as `os.system`.
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
    """State dict of a whole module that was pickled, or of a state dict as it is; empty if there are no tensors."""
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
