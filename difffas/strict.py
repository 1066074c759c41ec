"""Load every model strictly: configuration and weights are compared before a network takes memory or pixels.

One line names a tensor that is missing, unknown, of another shape or type, or not finite, or a configuration that
describes another network than the weights do. The weights' headers bound the size that a configuration may ask for.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from difffas.errors import UserError
from difffas.model_files import (
    WEIGHTS,
    Files,
    LocalFiles,
    Stored,
    elements,
    is_finite,
    place,
    read_object,
    read_tensors,
    stored_tensors,
)

NetworkT = TypeVar("NetworkT", bound=nn.Module)

CONFIG = "config.json"
FLOATS = ("F32", "F16", "BF16")
KINDS = {  # safetensors' names
    **{torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64"},
    **{torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.uint8: "U8", torch.bool: "BOOL"},
}
WRITTEN = ("_class_name", "_diffusers_version", "_name_or_path")  # written by diffusers, ignored here
SHOWN = 3  # tensors named for one fault


class StrictModel(ModelMixin):  # type: ignore[misc]
    """A diffusers model whose `from_pretrained` refuses pickles and everything that diffusers only warns about."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Any:
        """Load as diffusers does; further arguments go to diffusers.

        Raises:
            UserError: in one line, if the configuration or the weights do not fit this network, are incomplete or are
                not finite.
        """
        if kwargs.get("ignore_mismatched_sizes") or kwargs.get("use_safetensors") is False:
            raise UserError("ignore_mismatched_sizes and use_safetensors=False would load other weights: leave them")
        name, folder = os.fspath(pretrained_model_name_or_path), kwargs.get("subfolder") or ""
        if Path(name).is_dir():
            check_network(cls, LocalFiles(name), folder, variant=kwargs.get("variant"))
        wanted = kwargs.pop("output_loading_info", False)
        options = {**kwargs, "use_safetensors": True, "output_loading_info": True}
        model, info = super().from_pretrained(name, **options)
        # Files from the hub were not checked above.
        faults = {"missing": info["missing_keys"], "unknown": info["unexpected_keys"]}
        faults |= {"misshapen": info["mismatched_keys"]}
        _refuse(f"the weights of {name}", faults)
        refuse_values(f"the weights of {name}", ((k, t) for k, t in model.state_dict().items() if not t.is_meta))
        return (model, info) if wanted else model


def check_network(
    kind: type[NetworkT], files: Files, folder: str, variant: str | None = None
) -> tuple[NetworkT, dict[str, Any]]:
    """Check that a network's folder is complete: a valid `config.json`, and finite weights that fit `kind`.

    Returns the network on the meta device, without weights, and its configuration with the defaults filled in.

    Raises:
        UserError: in one line, naming the fault.
    """
    name = f"{folder}/{CONFIG}" if folder else CONFIG
    config = network_config(kind, files, folder)
    stored = stored_tensors(files, folder, WEIGHTS, variant)
    if sum(config.get("depths", ())) > len(stored):
        raise UserError(
            f"{place(files, name)} asks for more layers than its weights have: the two belong to different models"
        )
    network = described(place(files, name), stored, lambda: kind(**config))
    check_weights(files, stored, network)
    return network, config


def network_config(kind: type[nn.Module], files: Files, folder: str) -> dict[str, Any]:
    """The arguments of a network from its `config.json`, checked one by one, with the defaults filled in.

    Raises:
        UserError: in one line, for a key that is unknown, missing or of the wrong type.
    """
    name = f"{folder}/{CONFIG}" if folder else CONFIG
    given, where = read_object(files, name), place(files, name)
    known = [parent.__name__ for parent in kind.__mro__]
    if given.get("_class_name", known[0]) not in known:
        raise UserError(f"{where} is that of a {given['_class_name']}, not of a {known[0]}: give another folder")
    arguments = {key: value for key, value in given.items() if key not in WRITTEN}
    hints = get_type_hints(kind.__init__)
    parameters = {key: it for key, it in inspect.signature(kind.__init__).parameters.items() if key in hints}
    for key, value in arguments.items():
        if key not in parameters:
            raise UserError(f"{where}: key {key!r} is unknown; a {known[0]} has {', '.join(parameters)}")
        if not fits(value, hints[key]):
            raise UserError(f"{where}: {key} is {_shown(value)}, which no {known[0]} has: bring it back from a copy")
    for key, parameter in parameters.items():
        if key not in arguments:
            if parameter.default is inspect.Parameter.empty:
                raise UserError(f"{where} has no key {key!r}, which a {known[0]} needs: bring it back from a copy")
            arguments[key] = parameter.default
    return arguments


def fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value has the type `hint`: whole numbers from 1, finite numbers, names, or lists of those."""
    if get_origin(hint) is Literal:
        return type(value) in map(type, get_args(hint)) and value in get_args(hint)
    if hint is int:
        return type(value) is int and 1 <= value < 1 << 31
    if hint is float:
        return type(value) in (int, float) and abs(value) <= 1e9
    if isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Sequence):
        return isinstance(value, list) and all(fits(each, get_args(hint)[0]) for each in value)
    if get_origin(hint) is dict:  # arguments of an inner network, which that network checks
        return isinstance(value, dict)
    return isinstance(value, hint)


def described(where: str, stored: Mapping[str, Stored], build: Callable[[], NetworkT]) -> NetworkT:
    """Build the network that a configuration describes on the meta device, where it takes no memory.

    `where` names the configuration; `stored` are the weights that belong to it and bound the network's size.

    Raises:
        UserError: if the configuration does not describe a network, or describes one larger than the weights.
    """
    try:
        with torch.device("meta"), _no_larger(len(stored), elements(stored)):
            return build()
    except _TooLargeError:
        raise UserError(
            f"{where} asks for a larger network than its weights fill: the two belong to different models"
        ) from None
    except Exception as error:  # a constructor may raise anything for numbers that are not meant for it
        raise UserError(f"{where} does not describe a network: {' '.join(str(error).split())[:200]}") from None


def check_weights(files: Files, stored: Mapping[str, Stored], network: nn.Module) -> None:
    """Check that weights fit a network and are finite.

    Raises:
        UserError: naming the first tensors that are missing, unknown, misshapen, of another type or not finite.
    """
    where = f"the weights in {place(files, next(iter(stored.values())).file if stored else '')}"
    compare(where, network.state_dict(), {key: (each.shape, each.dtype) for key, each in stored.items()})
    refuse_values(where, read_tensors(files, stored))


def compare(where: str, wanted: Mapping[str, Tensor], given: Mapping[str, tuple[Sequence[int], str]]) -> None:
    """Refuse shapes and types, by tensor name, that differ from a state dict's; types have safetensors' names.

    Raises:
        UserError: naming the first tensors of each fault.
    """
    both = [key for key in wanted if key in given]
    shapes = (
        f"{key} {_size(given[key][0])} instead of {_size(wanted[key].shape)}"
        for key in both
        if tuple(given[key][0]) != tuple(wanted[key].shape)
    )
    kinds = (f"{key} {given[key][1]}" for key in both if given[key][1] not in _kinds(wanted[key]))
    missing, unknown = (sorted(a.keys() - b.keys()) for a, b in ((wanted, given), (given, wanted)))
    _refuse(where, {"missing": missing, "unknown": unknown, "misshapen": shapes, "of a kind that is not taken": kinds})


def compare_tensors(where: str, wanted: Mapping[str, Tensor], given: Mapping[str, Any]) -> None:
    """`compare` for tensors in memory, such as a PyTorch checkpoint's, which must also be finite and dense."""
    foreign = (key for key, value in given.items() if not isinstance(value, Tensor) or not is_dense(value))
    _refuse(where, {"not a plain tensor": foreign})
    compare(
        where, wanted, {key: (value.shape, KINDS.get(value.dtype, str(value.dtype))) for key, value in given.items()}
    )
    refuse_values(where, given.items())


def refuse_values(where: str, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Refuse tensors that training cannot produce: with NaN or infinity, or BatchNorm variances below zero.

    Raises:
        UserError: naming the first tensors of each fault.
    """
    faults: dict[str, list[str]] = {"not finite": [], "variances below zero": []}
    for key, tensor in tensors:
        if not is_finite(tensor):
            faults["not finite"].append(key)
        elif key.rpartition(".")[2] == "running_var" and bool((tensor < 0).any()):
            faults["variances below zero"].append(key)
    _refuse(where, faults)


def is_dense(value: Tensor) -> bool:
    """Whether a tensor stores all of its numbers: it is neither sparse nor one number expanded to a larger size."""
    plain = value.layout == torch.strided and not value.is_quantized and value.device.type == "cpu"
    return plain and value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _kinds(wanted: Tensor) -> tuple[str, ...]:
    return FLOATS if wanted.is_floating_point() else (KINDS.get(wanted.dtype, ""),)


def _refuse(where: str, faults: Mapping[str, Iterable[Any]]) -> None:
    """Raise UserError if there is any fault, naming the first few tensors of each kind of fault."""
    told = []
    for fault, keys in faults.items():
        names = [str(key) for key in keys]
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            told.append(f"{fault}: {', '.join(names[:SHOWN])}{more}")
    if told:
        raise UserError(f"{where} are not complete and finite weights of this network; {'; '.join(told)}")


class _TooLargeError(Exception):
    """Raised while a network is built that is larger than its weights."""


@contextlib.contextmanager
def _no_larger(tensors: int, numbers: int) -> Iterator[None]:
    """Stop the construction of a network in this thread once it exceeds twice this many tensors or numbers."""
    made, mine = [0, 0], threading.get_ident()

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        if parameter is None or threading.get_ident() != mine:
            return
        made[0], made[1] = made[0] + 1, made[1] + parameter.numel()
        if made[0] > 2 * tensors + 64 or made[1] > 2 * numbers + 65_536:
            raise _TooLargeError

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _size(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _shown(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a number of more than 30 digits"
    return text if len(text) <= 80 else f"{text[:80]}…"
