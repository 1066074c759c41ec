"""The models that stations are given: every folder is found whole before a run claims anything (`difffas.strict`)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.storage import Storage

if TYPE_CHECKING:
    import torch

    from difffas.classifier import SpoofClassifier

UNET, ENCODER, CLASSIFIER = "unet", "style_encoder", "classifier"

_whole: set[str] = set()  # digests of generators that this process has found whole


def check_generator(storage: Storage, digest: str) -> None:
    """Find a generator's folder whole, once for each content.

    Raises:
        ValueError: in one line, naming the file and the key or tensor at fault.
    """
    from difffas.model_folder import check_pipeline

    if digest not in _whole:
        check_pipeline(storage)
        _whole.add(digest)


def check_encoder(storage: Storage) -> None:
    """Find the style encoder of a folder of fit-style or fit-generator whole; raises ValueError in one line."""
    from difffas.model_folder import check_encoder as check

    check(storage)


def unet_config(storage: Storage) -> dict[str, Any]:
    """The checked arguments of a generator's U-Net, defaults filled in; raises ValueError."""
    from difffas.model_folder import unet_config as read

    return read(storage)


def encoder_config(storage: Storage) -> dict[str, Any]:
    """The checked arguments of a folder's style encoder, defaults filled in; raises ValueError."""
    from difffas.model_folder import encoder_config as read

    return read(storage)


def load_style_encoder(url: str) -> Any:
    """The frozen encoder of a folder of fit-style or a model folder, local or `s3://`, float32, in eval mode.

    Raises:
        ValueError: if it is not whole.
    """
    from difffas.style_encoder import StyleEncoder

    storage = Storage(url)
    check_encoder(storage)  # of the copy below nobody would know the place
    with tempfile.TemporaryDirectory() as folder:
        for name in storage.names(ENCODER):
            (Path(folder) / name).write_bytes(storage.read(f"{ENCODER}/{name}"))
        encoder = StyleEncoder.from_pretrained(folder, use_safetensors=True, low_cpu_mem_usage=False)
    return encoder.float().eval().requires_grad_(False)


def load_unet(network: torch.nn.Module, url: str) -> None:
    """Fill a network with the weights and statistics of a model folder, local or `s3://`.

    Raises:
        ValueError: if they are not those of this network, whole and finite.
    """
    from difffas.model_files import read_tensors, stored_tensors
    from difffas.strict import check_weights

    storage = Storage(url)
    stored = stored_tensors(storage, UNET)
    check_weights(storage, stored, network)
    network.load_state_dict(dict(read_tensors(storage, stored)))


def load_classifier(storage: Storage) -> SpoofClassifier:
    """The classifier that fit-classifier or export-classifier wrote, local or `s3://`, in eval mode.

    Raises:
        ValueError: if there is none, or one that is not whole.
    """
    from difffas.classifier import SpoofClassifier

    part = CLASSIFIER if storage.names(CLASSIFIER) else ""
    if not storage.exists(f"{part}/config.json" if part else "config.json"):
        raise ValueError(f"{storage.url} holds no classifier: run `difffas fit-classifier` to its end first")
    return SpoofClassifier.read(storage, part)
