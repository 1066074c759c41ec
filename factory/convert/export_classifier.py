"""Export a fitted classifier: our folder, its backbone as a timm folder, and an ONNX file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypedDict

from pydantic import Field

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl
from factory.models.load import load_classifier
from factory.storage import Storage
from factory.train import commit_model

ONNX, BACKBONE = "classifier.onnx", "backbone"
LARGEST = 4096  # largest image side that a network is tried on


class ExportConfig(Config):
    """One export; `size` is the image side, needed if the folder does not record the side used for fitting."""

    folder: PathOrUrl
    out: PathOrUrl
    size: int | None = Field(None, ge=32, le=LARGEST)


class Exported(TypedDict):
    """Where an export lies, the images that the network takes, and its styles in the order of its outputs."""

    classifier: str
    backbone: str
    onnx: str
    images: str
    styles: list[str]


def run(config: ExportConfig) -> Exported:
    """Write `OUT` for `SpoofClassifier.load`, `OUT/backbone` for timm and `OUT/classifier.onnx`.

    Raises:
        UserError: if the folder holds no classifier, its image size is unknown or differs from `size`, OUT already
            holds a classifier, or the packages for ONNX are missing.
    """
    from difffas.onnx_export import INPUT, export_onnx
    from difffas.timm_export import CARD, card, export_timm

    storage = Storage(config.out)
    if storage.exists("model.safetensors"):  # the last file that is written
        raise UserError(f"{storage.url} holds a model already: give another out folder")
    classifier = load_classifier(Storage(config.folder))
    size = _size(config, classifier.image_size)
    with tempfile.TemporaryDirectory() as name:
        classifier.save(name)
        export_timm(classifier, Path(name) / BACKBONE, size)
        text = card(classifier, size, BACKBONE, _terms(Storage(config.folder)))
        (Path(name) / CARD).write_text(text, encoding="utf-8")
        export_onnx(classifier, Path(name) / ONNX, size)
        commit_model(storage, Path(name))
    return {
        "classifier": storage.url,
        "backbone": f"local-dir:{storage.path(BACKBONE)}" if storage.folder else storage.path(BACKBONE),
        "onnx": storage.path(ONNX),
        "images": f"{INPUT}; H = W = {size}",
        "styles": list(classifier.styles),
    }


def _terms(storage: Storage) -> str:
    """The lines of the licence in the card of the folder that is exported, if it has one."""
    if not storage.exists("README.md"):
        return ""
    front = storage.read("README.md").decode(errors="replace").partition("\n---\n")[0]
    return "".join(f"{line}\n" for line in front.splitlines() if line.startswith("license"))


def _size(config: ExportConfig, fitted: int | None) -> int:
    if config.size is None and fitted is None:
        raise UserError(f"{config.folder} does not say the size of the images it was fitted on: give --size")
    if None not in (config.size, fitted) and config.size != fitted:
        raise UserError(f"--size {config.size}: {config.folder} was fitted on images of {fitted}; leave --size out")
    size = config.size or fitted
    assert size is not None
    if size > LARGEST:
        raise UserError(f"{config.folder} says that its images have a side of {size}: {LARGEST} is the most")
    return size
