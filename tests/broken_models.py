"""Ways to break a network's folder, by what should be said of each; for every test of a way in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from difffas.timm_export import HEAD

Spoil = Callable[[Path], Any]  # takes the folder of one network


def weights_of(folder: Path) -> Path:
    """The safetensors file of the network; an exported backbone has a head beside it."""
    (path,) = (path for path in folder.glob("*.safetensors") if path.name != HEAD)
    return path


def with_tensors(change: Callable[[dict[str, Tensor]], Any]) -> Spoil:
    """Change its tensors."""

    def spoil(folder: Path) -> None:
        path = weights_of(folder)
        tensors = load_file(path)
        change(tensors)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})

    return spoil


def with_config(**changed: Any) -> Spoil:
    """Change keys of its configuration; None takes one away."""

    def spoil(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text()) | changed
        kept = {name: value for name, value in config.items() if value is not None}
        (folder / "config.json").write_text(json.dumps(kept))

    return spoil


def with_text(text: str) -> Spoil:
    """Another configuration altogether."""
    return lambda folder: (folder / "config.json").write_text(text)


def with_bytes(change: Callable[[bytes], bytes]) -> Spoil:
    """Change the bytes of its weights."""

    def spoil(folder: Path) -> None:
        path = weights_of(folder)
        path.write_bytes(change(path.read_bytes()))

    return spoil


def header(text: bytes) -> bytes:
    """A safetensors file of a header alone."""
    return len(text).to_bytes(8, "little") + text


def _largest(tensors: dict[str, Tensor]) -> str:
    return max(tensors, key=lambda name: (tensors[name].is_floating_point(), tensors[name].numel()))


def _put(tensors: dict[str, Tensor], change: Callable[[Tensor], Tensor]) -> None:
    name = _largest(tensors)
    tensors[name] = change(tensors[name])


def _set(tensor: Tensor, value: float) -> Tensor:
    tensor = tensor.clone()
    tensor.view(-1)[-1] = value
    return tensor


def _negative(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    name = next(name for name in tensors if name.endswith("running_var"))
    return {name: _set(tensors[name], -1e-6)}


def _replace(path: Path, make: Callable[[Path], None]) -> None:
    path.unlink()
    make(path)


# Stations ask whether there is one before they read it, others do not.
NO_FILE = "is a folder, a pipe|not a regular|holds no|no style|no config"
_ONE = {"dtype": "F32", "data_offsets": [0, 0]}

# What any network's folder may suffer, and a part of the line that must say so.
WEIGHTS: dict[str, tuple[Spoil, str]] = {
    "one missing": (with_tensors(lambda t: t.pop(_largest(t))), "missing: "),
    "all missing": (with_tensors(lambda t: t.clear()), "missing: .* and [0-9]+ more|asks for"),
    "one unknown": (with_tensors(lambda t: t.update(extra=torch.ones(1))), "unknown: extra"),
    "misshapen": (with_tensors(lambda t: _put(t, lambda x: x[..., :1])), "misshapen: .* instead of "),
    "flattened": (with_tensors(lambda t: _put(t, lambda x: x.flatten())), "misshapen: "),
    "nan": (with_tensors(lambda t: _put(t, lambda x: _set(x, float("nan")))), "not finite: "),
    "infinity": (with_tensors(lambda t: _put(t, lambda x: _set(x, float("-inf")))), "not finite: "),
    "whole numbers": (with_tensors(lambda t: _put(t, lambda x: x.to(torch.int32))), "kind that is not taken: .* I32"),
    "float64": (with_tensors(lambda t: _put(t, lambda x: x.double())), "kind that is not taken: .* F64"),
    "truncated": (with_bytes(lambda data: data[:-5]), "is broken: "),
    "longer": (with_bytes(lambda data: data + b"12345"), "is broken: "),
    "empty": (with_bytes(lambda data: b""), "is not a whole safetensors file"),
    "text": (with_bytes(lambda data: b"not safetensors at all, but text"), "is not a whole safetensors file"),
    "endless header": (with_bytes(lambda data: b"\xff" * 8 + data), "is not a whole safetensors file"),
    "header no object": (with_bytes(lambda data: header(b"[]")), "holds a list, not an object"),
    "header too deep": (with_bytes(lambda data: header(b'{"a":' + b"[" * 100_000)), "nested too deeply"),
    "header of nonsense": (with_bytes(lambda data: header(b'{"a":{"shape":[-1]}}')), "in an impossible way"),
    "header of a hundred thousand sizes": (
        with_bytes(lambda data: header(json.dumps({"a": {**_ONE, "shape": [2] * 100_000}}).encode())),
        "in an impossible way",
    ),
    "header of a huge size": (
        with_bytes(lambda data: header(json.dumps({"a": {**_ONE, "shape": [0, 1 << 63]}}).encode())),
        "in an impossible way",
    ),
    "header with the last of many keys twice": (
        with_bytes(
            lambda data: header(
                ("{" + '"b":1,' + ",".join(f'"{n}":1' for n in range(99_999)) + ',"99998":1}').encode()
            )
        ),
        "key '99998' occurs twice",
    ),
    "a variance below zero": (with_tensors(lambda t: t.update(_negative(t))), "variances below zero: "),
    "a folder": (
        lambda folder: _replace(weights_of(folder), os.mkdir),
        "does not exist: the model folder is not whole",
    ),
    "a pipe": (
        lambda folder: _replace(weights_of(folder), os.mkfifo),
        "does not exist: the model folder is not whole",
    ),
    "absent": (lambda folder: weights_of(folder).unlink(), "does not exist: the model folder is not whole"),
    "a pickle": (
        lambda folder: weights_of(folder).rename(weights_of(folder).with_suffix(".bin")),
        "is never read, since it may hold a pickle",
    ),
    "two files": (
        lambda folder: (folder / "other.safetensors").write_bytes(weights_of(folder).read_bytes()),
        r"other\.safetensors is not one of the network's weights",
    ),
}

CONFIGS: dict[str, tuple[Spoil, str]] = {
    "a list": (with_text("[]"), "holds a list, not an object"),
    "too deep": (with_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}"), "nested too deeply"),
    "too deep and torn": (with_text("[" * 100_000), "nested too deeply"),
    "no JSON": (with_text('{"a": '), "is not JSON"),
    "nothing": (with_text(""), "is not JSON"),
    "a long number": (with_text('{"a": ' + "9" * 5000 + "}"), "is not JSON"),
    "a key twice": (with_text('{"a": 1, "a": 2}'), "key 'a' occurs twice"),
    "a folder": (
        lambda folder: _replace(folder / "config.json", os.mkdir),
        NO_FILE,
    ),
    "a pipe": (
        lambda folder: _replace(folder / "config.json", os.mkfifo),
        NO_FILE,
    ),
    "unknown key": (with_config(colour="red"), "key 'colour' is unknown"),
    "absent": (lambda folder: (folder / "config.json").unlink(), r"config\.json|holds no|no style"),
}


def refused(load: Callable[[], Any], message: str, folder: Path) -> None:
    """It says so in one line that names the place."""
    with pytest.raises(ValueError, match=message) as caught:
        load()
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value)) < 800
