"""Convert the authors' released checkpoint files into a model folder of this project."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from factory.config import Config
from factory.progress import say
from factory.storage import Storage
from factory.train import publish_model


class ImportConfig(Config):
    """One conversion. `entry` chooses the weights: the release samples with `model`."""

    checkpoint: str
    encoder: str
    out: str
    entry: str = "model"
    mean_patch: int = 5
    variance_patch: int = 3


def run(config: ImportConfig) -> dict[str, Any]:
    """Write `OUT` as a folder that `SpoofPipeline.from_pretrained` loads; refuses a folder that has one already."""
    from difffas.checkpoint import module_state, read_checkpoint
    from difffas.official import load_style_encoder, load_unet
    from difffas.pipeline import SpoofPipeline

    storage = Storage(config.out)
    if storage.exists("model_index.json"):
        raise ValueError(f"{storage.url} holds a model already: give another out folder")
    checkpoint = read_checkpoint(config.checkpoint)
    if not isinstance(checkpoint, dict) or config.entry not in checkpoint:
        entries = ", ".join(map(str, checkpoint)) if isinstance(checkpoint, dict) else "none"
        raise ValueError(f"checkpoint {config.checkpoint} has no entry {config.entry!r}; it has: {entries}")
    unet = load_unet(module_state(checkpoint[config.entry]), config.mean_patch, config.variance_patch)
    encoder = load_style_encoder(module_state(read_checkpoint(config.encoder)))
    with tempfile.TemporaryDirectory() as folder:
        SpoofPipeline(unet, encoder).save_pretrained(folder)
        publish_model(storage, Path(folder))
    if config.entry == "ema":
        say("import-official: the release never averaged the BatchNorm statistics of `ema`; they are those of a start")
    sides = f"{config.mean_patch} and {config.variance_patch}"
    say(f"import-official: the patch sides, here {sides}, are not in the file: make sure of them")
    return {"model": storage.url, "parameters": sum(p.numel() for p in unet.parameters())}
