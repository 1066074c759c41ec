"""Read the files of an untrusted model folder: JSON objects and safetensors, nothing else.

Sizes come from the headers before any tensor is read. This module knows no networks; `difffas.strict` compares.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from difffas.errors import UserError

if typing.TYPE_CHECKING:  # loading PyTorch takes two seconds, which readers of JSON save
    from torch import Tensor

WEIGHTS = "diffusion_pytorch_model"  # diffusers' stem, before `.safetensors`
LARGEST_CONFIG = 16 << 20  # bytes
LARGEST_HEADER = 100_000_000  # bytes, the safetensors library's own bound
MOST_SIZES = 16  # dimensions of one tensor
SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 8),
}


class Files(typing.Protocol):
    """A folder to read from; names are relative and use `/`. `factory.storage.Storage` is one."""

    url: str

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes of a file; raises FileNotFoundError."""

    def names(self, folder: str = "") -> list[str]:
        """Names of the files in a folder."""


class LocalFiles:
    """A folder on this machine."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.url = os.path.abspath(folder)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return Path(self.url, name).is_file()

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """Bytes of a file; raises FileNotFoundError, or UserError for a folder, pipe or device, which is not read."""
        path = Path(self.url, name)
        if not path.is_file() and os.path.lexists(path):
            raise UserError(f"{path} is a folder, a pipe, a device or a broken link: put a regular file there")
        with path.open("rb") as file:
            file.seek(start or 0)
            return file.read() if end is None else file.read(end - (start or 0))

    def names(self, folder: str = "") -> list[str]:
        """Names of the files in a folder."""
        place = Path(self.url, folder)
        return sorted(path.name for path in place.iterdir() if path.is_file()) if place.is_dir() else []


@dataclasses.dataclass(frozen=True)
class Stored:
    """A tensor as a safetensors header describes it."""

    file: str
    shape: tuple[int, ...]
    dtype: str  # as safetensors names it, such as F32


def place(files: Files, name: str) -> str:
    """Whole path or URL of a file, for messages."""
    return f"{files.url}/{name}"


def json_object(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object in these bytes.

    Raises:
        UserError: in one line that begins with `where`, if the bytes hold anything else or an object repeats a key.
    """
    if len(data) > LARGEST_CONFIG:
        raise UserError(f"{where} has more than {LARGEST_CONFIG:,} bytes: no configuration of a model is that long")
    try:
        found = json.loads(data, object_pairs_hook=_distinct)
    except RecursionError:
        raise UserError(f"{where} is nested too deeply: bring it back from a copy") from None
    except ValueError as error:  # JSON's and Unicode's errors are ValueErrors
        raise UserError(f"{where} is not JSON: {error}: bring it back from a copy") from None
    if not isinstance(found, dict):
        raise UserError(f"{where} holds a {type(found).__name__}, not an object: bring it back from a copy")
    return found


def read_object(files: Files, name: str) -> dict[str, Any]:
    """The JSON object in a file of the folder; raises UserError if the file is missing, and as `json_object` does."""
    try:
        return json_object(files.read(name, 0, LARGEST_CONFIG + 1), place(files, name))
    except FileNotFoundError:
        raise UserError(f"{place(files, name)} does not exist: the model folder is not whole") from None


def stored_tensors(files: Files, folder: str, stem: str = WEIGHTS, variant: str | None = None) -> dict[str, Stored]:
    """Describe a network's tensors from the headers of its safetensors files (one file or shards); reads no weights.

    Raises:
        UserError: if weights are missing or given twice, a file or an index is broken, a shard lies outside the
            folder, or a file of weights belongs to no set.
    """
    prefix = f"{folder}/" if folder else ""
    names = [name for name in files.names(folder) if name.endswith(".safetensors")]
    single, index = _weight_names(stem, variant)
    sharded = files.exists(prefix + index)
    if not sharded and single not in names:
        pickled = [name for name in files.names(folder) if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl"))]
        never = f"; {pickled[0]} is never read, since it may hold a pickle" if pickled else ""
        raise UserError(f"{place(files, prefix + single)} does not exist: the model folder is not whole{never}")
    if sharded and single in names:
        raise UserError(f"{place(files, prefix + single)} and {index} are two sets of weights: remove one of them")
    own = _shards(files, prefix + index, names) if sharded else {single}
    foreign = [name for name in names if name not in own and not _other_variant(name, stem, variant)]
    if foreign:
        raise UserError(f"{place(files, prefix + foreign[0])} is not one of the network's weights: remove it")
    found: dict[str, Stored] = {}
    for name in sorted(own):
        for key, tensor in _header(files, prefix + name).items():
            if key in found:
                raise UserError(f"{key!r} is in {found[key].file} and in {place(files, prefix + name)}: keep one")
            found[key] = tensor
    if sharded:
        _check_index(files, prefix + index, prefix, found)
    return found


def read_tensors(files: Files, stored: Mapping[str, Stored]) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that the headers describe, one after the other; raises UserError for a broken file."""
    from safetensors.torch import load as load_bytes

    for name in sorted({tensor.file for tensor in stored.values()}):
        try:
            if "://" in files.url:
                yield from load_bytes(files.read(name)).items()
                continue
            with safe_open(place(files, name), framework="pt") as file:  # maps it: one tensor in memory at a time
                for key in file.keys():  # noqa: SIM118 - not a dictionary
                    yield key, file.get_tensor(key)
        except SafetensorError as error:
            raise UserError(f"{place(files, name)} is broken: {_line(error)}: bring it back from a copy") from None


def elements(stored: Mapping[str, Stored]) -> int:
    """The total number of elements of these tensors."""
    return sum(math.prod(tensor.shape) for tensor in stored.values())


def is_finite(tensor: Tensor) -> bool:
    """Whether a tensor is free of NaN and infinity."""
    import torch

    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _weight_names(stem: str, variant: str | None) -> tuple[str, str]:
    """diffusers' names for a single weights file and for the index of several."""
    dotted = f".{variant}" if variant else ""
    return f"{stem}{dotted}.safetensors", f"{stem}.safetensors.index{dotted}.json"


def _other_variant(name: str, stem: str, variant: str | None) -> bool:
    """Whether, by diffusers' naming, a file holds another variant of the network; such a file is not read."""
    found = re.fullmatch(rf"{re.escape(stem)}(?:\.([\w-]+?))?(-\d+-of-\d+)?\.safetensors", name)
    return found is not None and found[1] != variant


def _shards(files: Files, index: str, names: list[str]) -> set[str]:
    mapped = read_object(files, index).get("weight_map")
    if not isinstance(mapped, dict) or not mapped or not all(isinstance(name, str) for name in mapped.values()):
        raise UserError(f"{place(files, index)} has no weight_map of tensor names to files: bring it back from a copy")
    absent = sorted(set(mapped.values()) - set(names))
    if absent:
        raise UserError(f"{place(files, index)} names {absent[0]!r}, which is not a safetensors file of its folder")
    return set(mapped.values())


def _check_index(files: Files, index: str, prefix: str, found: Mapping[str, Stored]) -> None:
    mapped = read_object(files, index)["weight_map"]
    for key in sorted(mapped.keys() ^ found.keys()):
        has, lacks = ("the index", "its shards") if key in mapped else ("its shards", "the index")
        raise UserError(f"{place(files, index)}: {key!r} is in {has} and not in {lacks}: bring the folder back")
    for key, name in mapped.items():
        if found[key].file != prefix + name:
            raise UserError(f"{place(files, index)}: {key!r} is in {found[key].file}, not in {prefix + name}")


def _header(files: Files, name: str) -> dict[str, Stored]:
    """The header of one file, checked on its own; the length of the data is checked when the data is read."""
    where = place(files, name)
    length = int.from_bytes(files.read(name, 0, 8), "little")
    data = files.read(name, 8, 8 + length) if length <= LARGEST_HEADER else b""
    if not data or len(data) < length:
        raise UserError(f"{where} is not a whole safetensors file: bring it back from a copy")
    entries = json_object(data, f"the header of {where}")
    entries.pop("__metadata__", None)
    return {key: _stored(name, where, key, entry) for key, entry in entries.items()}


def _stored(name: str, where: str, key: str, entry: Any) -> Stored:
    try:
        shape, dtype, (start, end) = entry["shape"], entry["dtype"], entry["data_offsets"]
        whole = all(type(size) is int and 0 <= size < 1 << 63 for size in (*shape, start, end))
        if whole and len(shape) <= MOST_SIZES and dtype in SIZES and end - start == math.prod(shape) * SIZES[dtype]:
            return Stored(name, tuple(shape), dtype)
    except (KeyError, TypeError, ValueError):
        pass
    raise UserError(f"the header of {where} describes {key!r} in an impossible way: bring it back from a copy")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise UserError(f"key {twice[:200]!r} occurs twice")
    return found


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
