"""The classifier's backbone as a setting: where its weights lie, how they are identified, which images it takes.

A name of timm's without a tag starts from random weights. A tag (`resnet18.tv_in1k`) stands for weights, and so do
`hf-hub:OWNER/NAME` and `local-dir:FOLDER`: they are found, or the command ends before it claims a folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from difffas.errors import UserError
from factory.core.progress import say
from factory.models.hub import CONFIG, LOCAL, WEIGHTS, digest_of, find, is_named, names_of

NAMES = "any timm name for random weights; NAME.TAG, hf-hub:OWNER/NAME or local-dir:FOLDER for trained ones"
FOLDERS = "folder of timm folders named NAME.TAG, to be looked in before the hub"


def located(backbone: str, folders: str | None = None) -> str:
    """Return the setting for workers, which run in other folders and perhaps on other nodes.

    It has the absolute path of a local folder, or the commit of weights on the hub. `folders` may hold timm folders
    under the names of their weights; they are looked for there first.

    Raises:
        UserError: if the name stands for weights that are not here and that the hub does not give.
    """
    if backbone.startswith(LOCAL):
        return LOCAL + os.path.abspath(_folder(backbone))
    if not is_named(backbone):
        return backbone
    if folders is not None and (Path(folders) / backbone / CONFIG).is_file():
        return LOCAL + os.path.abspath(Path(folders) / backbone)
    return find(backbone).pinned


def found(backbone: str, folders: str | None = None) -> str:
    """`located`, for weights that are whole; raises UserError also for a local folder that lacks a file."""
    if backbone.startswith(LOCAL):
        _require(backbone, _folder(backbone))
    return located(backbone, folders)


def here(backbone: str) -> str:
    """Return what `SpoofClassifier` takes on this node: timm's plain name, or a local folder with the weights."""
    return f"{LOCAL}{find(backbone).folder}" if is_named(backbone) else backbone


def say_start(station: str, backbone: str) -> None:
    """Print which weights a located backbone starts from."""
    if backbone.startswith(LOCAL) or is_named(backbone):
        say(f"{station}: the backbone starts from the weights of {backbone}")
        return
    trained = names_of(backbone)
    other = f"; for trained ones give a tag, such as {trained[0]}" if trained else ""
    say(f"{station}: backbone {backbone} starts from random weights{other}")


def identity(backbone: str) -> str:
    """Return the backbone's identity for a fingerprint: timm's plain name, or a digest of the weights' timm folder.

    Equal folders are one backbone, whether they lie here or come from the hub.

    Raises:
        UserError: if the folder lacks timm's configuration or weights.
    """
    setting = here(backbone)
    if not setting.startswith(LOCAL):
        return backbone
    _require(backbone, _folder(setting))
    return LOCAL + digest_of(_folder(setting))


def arguments(backbone: str, size: int) -> dict[str, int]:
    """Return extra arguments of `timm.create_model` for images of size × size pixels; empty for most networks.

    A network built for a fixed image size, such as a ViT, is built for this size; timm interpolates its pretrained
    weights.
    """
    setting = here(backbone)
    if setting.startswith(LOCAL):
        from difffas.backbones import local_config

        fixed = (local_config(_folder(setting)).get("pretrained_cfg") or {}).get("fixed_input_size")
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

    setting = name = here(backbone)
    given = {}
    if setting.startswith(LOCAL):
        config = check_local(_folder(setting))
        name, given = config["architecture"], dict(config.get("model_args") or {})
    try:
        with torch.device("meta"), torch.no_grad():
            given |= arguments(setting, size)
            network = SpoofClassifier(("0", "1"), ("0",), backbone=name, backbone_args=given).eval()
            network.features(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"backbone {backbone!r} takes no images of {size} × {size}: {reason}") from None
    if setting.startswith(LOCAL):
        check_whole(_folder(setting), arguments(setting, size))


def check_whole(folder: Path, given: Mapping[str, Any] | None = None) -> None:
    """Load a timm folder's weights into its network; raises UserError if they do not fill it or are not finite."""
    import torch

    from difffas.classifier import SpoofClassifier

    with torch.random.fork_rng():
        SpoofClassifier(("0", "1"), ("0",), backbone=f"{LOCAL}{folder}", backbone_args=given)


def _require(backbone: str, folder: Path) -> None:
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(f"{backbone} has no {name}: give a folder with timm's {CONFIG} and {WEIGHTS}")


def _folder(backbone: str) -> Path:
    return Path(backbone.removeprefix(LOCAL))
