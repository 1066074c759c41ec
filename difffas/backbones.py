"""timm networks built from untrusted configurations: check the arguments, then load a folder's weights strictly."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import timm
from torch import Tensor, nn

from difffas.errors import UserError
from difffas.model_files import Files, LocalFiles, place, read_object, read_tensors, stored_tensors
from difffas.strict import compare_tensors, described

LOCAL = "local-dir:"  # timm's prefix for a folder with its config.json and model.safetensors
CONFIG, STEM = "config.json", "model"


def _three(value: Any, least: float) -> bool:
    """Whether the value is a list of three numbers from `least` to 1e6, one for each colour."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(type(one) in (int, float) and least <= one <= 1e6 for one in value)
    )


def _short(value: Any) -> bool:
    """Whether the value is a name that fits on a line."""
    return isinstance(value, str) and len(value) <= 200 and value.isprintable()


# The keys of timm's `pretrained_cfg` that are used here; images are divided by `std`.
_KNOWN: dict[str, Callable[[Any], bool]] = {
    "architecture": lambda value: isinstance(value, str),
    "mean": lambda value: _three(value, -1e6),
    "std": lambda value: _three(value, 1e-6),
    "input_size": lambda value: _three(value, 1),
    "fixed_input_size": lambda value: isinstance(value, bool),
    "tag": lambda value: _short(value),
    "license": lambda value: _short(value),
    "classifier": lambda value: all(isinstance(one, str) for one in (value if isinstance(value, list) else [value])),
}
_OWN = set(inspect.signature(timm.create_model).parameters) | {"num_classes"}  # timm's own parameters, and ours


def check_arguments(arguments: Any, where: str) -> dict[str, Any]:
    """Return the arguments of a network; refuse those with which timm loads further files, such as `checkpoint_path`.

    Raises:
        UserError: for a forbidden argument; the message begins with `where` the arguments come from.
    """
    if not isinstance(arguments, dict):
        raise UserError(f"{where} must be an object of arguments, not a {type(arguments).__name__}")
    foreign = sorted(_OWN & arguments.keys())
    if foreign:
        raise UserError(f"{where}: {foreign[0]} is not an argument of a network: leave it out")
    return dict(arguments)


def local_config(folder: str | Path) -> dict[str, Any]:
    """Read timm's `config.json` from a folder and check the parts that are used.

    Raises:
        UserError: if the file is missing, a part is invalid, or timm does not know the architecture.
    """
    files = LocalFiles(folder)
    if not files.exists(CONFIG):
        raise UserError(f"{LOCAL}{folder} has no {CONFIG}: give a folder with timm's {CONFIG} and model.safetensors")
    config, where = read_object(files, CONFIG), place(files, CONFIG)
    name = config.get("architecture")
    if not isinstance(name, str) or not timm.is_model(name):
        raise UserError(f"{where}: architecture {name!r} is not known to timm: see timm.list_models()")
    known = config.get("pretrained_cfg") or {}
    if not isinstance(known, dict):
        raise UserError(f"{where}: pretrained_cfg must be an object, as timm writes it")
    for key, fits in _KNOWN.items():
        if known.get(key) is not None and not fits(known[key]):
            raise UserError(f"{where}: pretrained_cfg.{key} is {str(known[key])[:80]}, which timm does not write")
    check_arguments(config.get("model_args") or {}, f"{where}: model_args")
    return config


def check_local(folder: str | Path) -> dict[str, Any]:
    """Return the configuration of a local backbone, its size bounded by its weights; raises UserError if invalid."""
    config, files = local_config(folder), LocalFiles(folder)
    stored = stored_tensors(files, "", STEM)
    # timm reads the rest of the configuration itself.
    described(place(files, CONFIG), stored, lambda: timm.create_model(f"{LOCAL}{folder}", num_classes=0))
    return config


def load_local(network: nn.Module, folder: str | Path) -> None:
    """Load a folder's weights into a network without a head, as timm would, but strictly.

    timm ignores missing tensors once the head differs. Old tensor names and other image sizes are converted by the
    filter that timm keeps in the network's module.

    Raises:
        UserError: naming the tensors that do not fit or are not finite.
    """
    files = LocalFiles(folder)
    weights = dict(read_tensors(files, stored_tensors(files, "", STEM)))
    where = f"the weights in {place(files, STEM)}.safetensors"
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    wanted = network.state_dict()
    if convert is not None and not _fit(weights, wanted):
        try:
            weights = dict(convert(dict(weights), network))
        except Exception as error:  # timm's filter may raise anything for the tensor names of another network
            raise UserError(f"{where} are not this network's: {' '.join(str(error).split())[:200]}") from None
    for name, tensor in wanted.items():  # counts of batches, which weights of early versions of PyTorch lack
        if name.endswith("num_batches_tracked"):
            weights.setdefault(name, tensor)
    known: Any = network.pretrained_cfg
    heads = known.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    dropped = {f"{head}.{part}" for head in heads for part in ("weight", "bias")} - wanted.keys()
    weights = {name: tensor for name, tensor in weights.items() if name not in dropped}
    compare_tensors(where, wanted, weights)
    network.load_state_dict(weights)


def provenance(folder: str | Path) -> dict[str, str]:
    """Say which weights a folder holds: `architecture`, `sha256` of the files; timm's `tag` and `license` if known.

    Raises:
        UserError: as `local_config`, and for weights that are missing or broken.
    """
    config, files = local_config(folder), LocalFiles(folder)
    known = config.get("pretrained_cfg") or {}
    said = {key: known[key] for key in ("tag", "license") if known.get(key)}
    digest = hashlib.sha256()
    for name in sorted({tensor.file for tensor in stored_tensors(files, "", STEM).values()}):
        with open(place(files, name), "rb") as file:
            while part := file.read(1 << 24):
                digest.update(part)
    return {"architecture": config["architecture"], **said, "sha256": digest.hexdigest()}


def _fit(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    return all(name in weights and weights[name].shape == tensor.shape for name, tensor in wanted.items())


def saved_classifier(files: Files, part: str = "") -> dict[str, Any]:
    """Read the configuration that `SpoofClassifier.save` wrote into a folder, and check the type of every value.

    Raises:
        UserError: naming the key at fault.
    """
    name = f"{part}/{CONFIG}" if part else CONFIG
    config, where = read_object(files, name), place(files, name)
    for key in ("styles", "live_styles"):
        value = config.get(key)
        if not isinstance(value, list) or not all(isinstance(style, str) for style in value):
            raise UserError(
                f"{where}: {key} must be a list of names: it is not a folder that SpoofClassifier.save wrote"
            )
    if not isinstance(config.get("architecture"), str):
        raise UserError(f"{where}: architecture must be a name of timm's")
    scale: Any = config.get("scale")
    size: Any = config.get("image_size")
    if type(scale) not in (int, float) or not 0 < scale <= 1e9:
        raise UserError(f"{where}: scale {str(scale)[:40]} must be a number above 0")
    if size is not None and (type(size) is not int or not 1 <= size <= 1 << 16):
        raise UserError(f"{where}: image_size {str(size)[:40]} must be a number of pixels, or null")
    check_arguments(config.get("backbone_args"), f"{where}: backbone_args")
    _check_patches(config, where)
    pretrained = config.get("pretrained", {})
    if not isinstance(pretrained, dict) or not all(_short(value) for value in pretrained.values()):
        raise UserError(f"{where}: pretrained must be an object of short names")
    known = ("architecture", "backbone_args", "image_size", "live_styles", "scale", "styles", "patches", "pretrained")
    for key in config:
        if key not in known:
            raise UserError(f"{where}: key {key!r} is unknown; a classifier has {', '.join(known)}")
    return config


def _check_patches(config: dict[str, Any], where: str) -> None:
    """Check the patches that a classifier looks at, if it has any."""
    if "patches" not in config:
        return
    given: Any = config["patches"]
    fits = isinstance(given, dict) and given.keys() == {"side", "grid"}
    if not fits or not all(type(one) is int for one in given.values()):
        raise UserError(f"{where}: patches {str(given)[:80]} must be whole numbers side and grid")
    if not (1 <= given["side"] <= 1 << 16 and 1 <= given["grid"] <= 32):
        raise UserError(f"{where}: patches {given}: side must be 1 to 65536, grid 1 to 32")
    size = config.get("image_size")
    if size is not None and given["side"] > size:
        raise UserError(f"{where}: patches of {given['side']} pixels do not fit into images of {size}")
