"""The classifier's backbone as a setting: where its weights lie, how they are identified, which images it takes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from difffas.errors import UserError
from factory.core.config import fingerprint

LOCAL = "local-dir:"  # timm's prefix of a folder that holds config.json and model.safetensors
CONFIG, WEIGHTS = "config.json", "model.safetensors"


def located(backbone: str) -> str:
    """Return the setting with the absolute path of a local folder, since workers run in other folders."""
    return LOCAL + os.path.abspath(_folder(backbone)) if backbone.startswith(LOCAL) else backbone


def identity(backbone: str) -> str:
    """Return the backbone's identity for a fingerprint: timm's name, or a digest of the local folder's content.

    Raises:
        UserError: if the folder lacks timm's configuration or weights.
    """
    if not backbone.startswith(LOCAL):
        return backbone
    paths = [_folder(backbone) / name for name in (CONFIG, WEIGHTS)]
    for path in paths:
        if not path.is_file():
            raise UserError(f"{backbone} has no {path.name}: give a folder with timm's {CONFIG} and {WEIGHTS}")
    return LOCAL + fingerprint({path.name: _sha256(path) for path in paths})


def arguments(backbone: str, size: int) -> dict[str, int]:
    """Return extra arguments of `timm.create_model` for images of size × size pixels; empty for most networks.

    A network built for a fixed image size, such as a ViT, is built for this size; timm interpolates its pretrained
    weights.
    """
    if backbone.startswith(LOCAL):
        from difffas.backbones import local_config

        fixed = (local_config(_folder(backbone)).get("pretrained_cfg") or {}).get("fixed_input_size")
    else:
        import timm

        fixed = getattr(timm.get_pretrained_cfg(backbone), "fixed_input_size", False)
    return {"img_size": size} if fixed else {}


def check_size(backbone: str, size: int) -> None:
    """Raise UserError if timm does not know the network, or cannot build it for images of size × size pixels.

    The check takes no memory, except for a local folder, whose weights are loaded once to see that they are whole and
    finite.
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
