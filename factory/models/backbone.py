"""The classifier's backbone as a setting: where its weights are, what stands for them, which images it takes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from difffas.errors import UserError
from factory.core.config import fingerprint

LOCAL = "local-dir:"  # timm's, before a folder with its config.json and model.safetensors
CONFIG, WEIGHTS = "config.json", "model.safetensors"


def located(backbone: str) -> str:
    """The same with the whole path of a local folder, since workers run in folders of their own."""
    return LOCAL + os.path.abspath(_folder(backbone)) if backbone.startswith(LOCAL) else backbone


def identity(backbone: str) -> str:
    """What stands for it in a fingerprint: timm's name, or a digest of what the local folder holds.

    Raises:
        ValueError: if the folder lacks timm's configuration or weights.
    """
    if not backbone.startswith(LOCAL):
        return backbone
    paths = [_folder(backbone) / name for name in (CONFIG, WEIGHTS)]
    for path in paths:
        if not path.is_file():
            raise UserError(f"{backbone} has no {path.name}: give a folder with timm's {CONFIG} and {WEIGHTS}")
    return LOCAL + fingerprint({path.name: _sha256(path) for path in paths})


def arguments(backbone: str, size: int) -> dict[str, Any]:
    """What `timm.create_model` must be told for images of size × size: nothing, for most networks.

    One that is made for images of a fixed size, such as a ViT, is made for this size; timm interpolates the weights
    that it comes with.
    """
    if backbone.startswith(LOCAL):
        from difffas.backbones import local_config

        fixed = (local_config(_folder(backbone)).get("pretrained_cfg") or {}).get("fixed_input_size")
    else:
        import timm

        fixed = getattr(timm.get_pretrained_cfg(backbone), "fixed_input_size", False)
    return {"img_size": size} if fixed else {}


def check_size(backbone: str, size: int) -> None:
    """Raise ValueError for a network that timm does not know, or cannot make for images of size × size.

    Takes no memory, except for a local folder: its weights are loaded once, to see that they are whole and finite.
    """
    import torch

    from difffas.backbones import check_local
    from difffas.classifier import SpoofClassifier

    name, given = backbone, {}
    if backbone.startswith(LOCAL):
        config = check_local(_folder(backbone))
        name, given = config["architecture"], dict(config.get("model_args") or {})
    try:
        with torch.device("meta"), torch.no_grad():
            given |= arguments(backbone, size)
            network = SpoofClassifier(("0", "1"), ("0",), backbone=name, backbone_args=given).eval()
            network.features(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"backbone {backbone!r} takes no images of {size} × {size}: {reason}") from None
    if backbone.startswith(LOCAL):
        with torch.random.fork_rng():
            SpoofClassifier(("0", "1"), ("0",), backbone=backbone, backbone_args=arguments(backbone, size))


def _folder(backbone: str) -> Path:
    return Path(backbone.removeprefix(LOCAL))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
