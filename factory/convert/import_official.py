"""Convert the authors' released checkpoint files into a model folder of this project."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from difffas.errors import UserError
from factory.core.config import Config, PathHere, PathOrUrl
from factory.core.progress import say
from factory.storage import Storage
from factory.train import commit_model

if TYPE_CHECKING:
    from torch import nn

    from difffas.unet import SpoofUNet


class ImportConfig(Config):
    """One conversion. `entry` chooses the weights: the release samples with `model`."""

    checkpoint: PathHere
    encoder: PathHere | None = None
    out: PathOrUrl
    entry: str = "model"
    mean_patch: int = 5
    variance_patch: int = 3


class Imported(TypedDict):
    """Where an imported model lies, and its number of parameters."""

    model: str
    parameters: int


def run(config: ImportConfig) -> Imported:
    """Write `OUT` as a folder that `SpoofPipeline.from_pretrained` loads; refuse a folder that already has a model.

    With only one file, `OUT` is that network's folder, for `SpoofUNet.from_pretrained` or
    `StyleEncoder.from_pretrained`.
    """
    from difffas.checkpoint import module_state, read_checkpoint
    from difffas.official import load_style_encoder
    from difffas.pipeline import SpoofPipeline

    storage = Storage(config.out)
    if held := [name for name in ("model_index.json", "config.json") if storage.exists(name)]:
        raise UserError(f"{storage.url} holds a model already ({held[0]}): give another out folder")
    given = read_checkpoint(config.checkpoint)
    if config.encoder is not None:
        unet = _unet(config, given)
        encoder = load_style_encoder(module_state(read_checkpoint(config.encoder)))
        model: Any = SpoofPipeline(unet, encoder)
        count = _parameters(unet)
    else:
        is_encoder = "conv1.weight" in module_state(given)
        model = load_style_encoder(module_state(given)) if is_encoder else _unet(config, given)
        count = _parameters(model)
        name = "style encoder" if is_encoder else "U-Net"
        say(
            f"import-official: {storage.url} holds the {name} alone; the U-Net's file with --encoder makes a generator"
        )
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        commit_model(storage, Path(folder))
    return {"model": storage.url, "parameters": count}


def _unet(config: ImportConfig, given: Any) -> SpoofUNet:
    """The U-Net of a checkpoint or of a plain state dict; prints caveats about its weights."""
    from difffas.checkpoint import module_state
    from difffas.official import load_unet

    plain = isinstance(given, dict) and "input_blocks.0.0.weight" in given
    if not plain and (not isinstance(given, dict) or config.entry not in given):
        entries = ", ".join(map(str, list(given)[:5])) if isinstance(given, dict) else "none"
        raise UserError(f"checkpoint {config.checkpoint} has no entry {config.entry!r}; it has: {entries}")
    state = module_state(given if plain else given[config.entry])
    unet = load_unet(state, config.mean_patch, config.variance_patch)
    if (channels := unet.config["in_channels"]) != 6:
        raise UserError(
            f"checkpoint {config.checkpoint} takes {channels} channels, not the 6 of noisy ⊕ live: "
            f"take one that was trained with use_pair"
        )
    say(f"import-official: {_caveat(config.entry, plain)}")
    sides = f"{config.mean_patch} and {config.variance_patch}"
    say(f"import-official: the patch sides, here {sides}, are not in the file: make sure of them")
    return unet


def _caveat(entry: str, plain: bool) -> str:
    """The consequences of the release's conventions for these weights and their BatchNorm statistics."""
    if plain:
        return "a plain state dict does not say whether it is `model` or `ema`; of `ema` BatchNorm was never averaged"
    if entry == "ema":
        return "the release never averaged the BatchNorm statistics of `ema`; they are those of a start"
    return f"`{entry}` holds the last step's weights, no average; its BatchNorm statistics are the trained ones"


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
