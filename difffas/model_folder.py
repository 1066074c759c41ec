"""Check that a generator's folder is complete before loading it: index, scheduler, U-Net, style encoder, student."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import diffusers
from diffusers.schedulers.scheduling_utils import SchedulerMixin

from difffas.errors import UserError
from difffas.model_files import Files, json_object, place, read_object
from difffas.schedule import TIMESTEPS
from difffas.schedulers import check_process
from difffas.strict import check_network, network_config
from difffas.student import SpoofStudent
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet

INDEX, SCHEDULER = "model_index.json", "scheduler/scheduler_config.json"
NETWORKS = {"unet": ("difffas.unet", "SpoofUNet"), "style_encoder": ("difffas.style_encoder", "StyleEncoder")}
CODE = "pipeline.py"
# diffusers takes the class of a folder from the folder's code, and only if told to trust it; SpoofPipeline does not.
CLASS, CLASS_BY_CODE = "SpoofPipeline", ["pipeline", "SpoofPipeline"]
_CODE = '''"""Loads this folder with `DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)` of diffusers.

The networks are not in this file: it imports them from the package difffas-factory. With that package at hand,
`difffas.SpoofPipeline.from_pretrained(folder)` does the same and runs no code of the folder.
"""

import importlib

try:
    SpoofPipeline = importlib.import_module("difffas.pipeline").SpoofPipeline
except ModuleNotFoundError as error:
    if error.name != "difffas":
        raise
    raise ImportError("this model is loaded by the package difffas-factory: pip install difffas-factory") from None
'''
STUDENT, STUDENT_CLASS = "student", ("difffas.student", "SpoofStudent")  # a part that a folder may lack


def check_pipeline(files: Files, variant: str | None = None) -> None:
    """Check that the folder holds a complete generator that `SpoofPipeline.from_pretrained` would load.

    Raises:
        UserError: in one line, naming the file and the key or tensor at fault.
    """
    check_parts(files)
    unet, _ = check_network(SpoofUNet, files, "unet", variant)
    encoder, _ = check_network(StyleEncoder, files, "style_encoder", variant)
    if unet.conv_in.in_channels != 6:
        raise UserError(f"{place(files, 'unet')} takes {unet.conv_in.in_channels} channels, not the 6 of noisy ⊕ live")
    if unet.style_channels != encoder.style_channels:
        raise UserError(
            f"{files.url}: the U-Net has {unet.style_channels} channels at strides 8, 16, 32, the style encoder "
            f"{encoder.style_channels}: bring back the encoder that it was fitted with"
        )
    if has_student(files):
        student, _ = check_network(SpoofStudent, files, STUDENT, variant)
        if student.style_channels != encoder.style_channels:
            raise UserError(
                f"{place(files, STUDENT)} is {student.style_channels} channels wide at strides 8, 16, 32, the style "
                f"encoder {encoder.style_channels}: bring back the student of this generator"
            )


def check_parts(files: Files) -> None:
    """Check that `model_index.json` names only our parts, because any other would be imported; check the scheduler.

    Raises:
        UserError: naming the part or key at fault.
    """
    index, where = read_object(files, INDEX), place(files, INDEX)
    if index.get("_class_name") not in (CLASS, CLASS_BY_CODE):
        raise UserError(f"{where} is that of a {index.get('_class_name')!r}, not of a SpoofPipeline")
    parts = {name: value for name, value in index.items() if not name.startswith("_")}
    for name, wanted in NETWORKS.items():
        if parts.pop(name, None) != list(wanted):
            raise UserError(f"{where}: {name} must be {list(wanted)}: bring it back from a copy")
    scheduler = parts.pop("scheduler", None)
    if parts.pop(STUDENT, list(STUDENT_CLASS)) not in ([None, None], list(STUDENT_CLASS)):
        raise UserError(f"{where}: {STUDENT} must be {list(STUDENT_CLASS)}: bring it back from a copy")
    if parts:
        raise UserError(f"{where}: part {next(iter(parts))!r} is unknown: bring it back from a copy")
    if scheduler not in (None, [None, None]):
        _check_scheduler(files, scheduler)


def unet_config(files: Files) -> dict[str, Any]:
    """The checked arguments of a generator's U-Net; raises UserError if they are invalid."""
    return network_config(SpoofUNet, files, "unet")


def has_student(files: Files) -> bool:
    """Whether a model folder's index names a student."""
    return read_object(files, INDEX).get(STUDENT) == list(STUDENT_CLASS)


def code() -> bytes:
    """The `pipeline.py` of a model folder, with which diffusers' own loader reads it."""
    return _CODE.encode()


def index_bytes(index: Mapping[str, Any]) -> bytes:
    """A model folder's index as a file."""
    return (json.dumps(index, indent=2, sort_keys=True) + "\n").encode()


def decisive_index(files: Files) -> bytes:
    """The part of an index that decides what the folder makes, as bytes for a digest.

    Where diffusers finds the class does not: folders of earlier versions, without `pipeline.py`, have the same bytes.
    """
    data = files.read(INDEX)
    index = json_object(data, place(files, INDEX))
    return index_bytes({**index, "_class_name": CLASS}) if index.get("_class_name") == CLASS_BY_CODE else data


def index_with_student(files: Files) -> bytes:
    """A generator's index as that of a folder which holds its student, too."""
    return index_bytes({**read_object(files, INDEX), "_class_name": CLASS_BY_CODE, STUDENT: list(STUDENT_CLASS)})


def student_config(files: Files) -> dict[str, Any]:
    """The checked arguments of a folder's student; raises UserError if they are invalid."""
    return network_config(SpoofStudent, files, STUDENT)


def encoder_config(files: Files) -> dict[str, Any]:
    """The checked arguments of a folder's style encoder; raises UserError if they are invalid."""
    return network_config(StyleEncoder, files, "style_encoder")


def check_encoder(files: Files) -> None:
    """Check that `style_encoder/` holds a complete style encoder; raises UserError as `check_pipeline` does."""
    check_network(StyleEncoder, files, "style_encoder")


def _check_scheduler(files: Files, named: Any) -> None:
    """Check that the folder's scheduler is one of diffusers', set for this method's process."""
    where = place(files, SCHEDULER)
    library, name = named if isinstance(named, list) and len(named) == 2 else (None, None)
    kind = getattr(diffusers, name, None) if library == "diffusers" and isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, SchedulerMixin)):
        raise UserError(f"{place(files, INDEX)}: scheduler {named!r} is not one of diffusers'")
    config = read_object(files, SCHEDULER)
    levels = config.get("num_train_timesteps", TIMESTEPS)
    if type(levels) is not int or levels != TIMESTEPS:  # check before the scheduler builds tables of that length
        raise UserError(f"{where}: num_train_timesteps is {str(levels)[:40]}, this method's are {TIMESTEPS}")
    betas = config.get("trained_betas")
    if betas is not None and not (isinstance(betas, list) and len(betas) == TIMESTEPS):
        raise UserError(f"{where}: trained_betas must be a list of {TIMESTEPS} numbers, or null")
    try:
        scheduler = kind.from_config(config)  # type: ignore[attr-defined]
    except Exception as error:  # a constructor may raise anything for values that are not meant for it
        raise UserError(f"{where} does not describe a {name}: {' '.join(str(error).split())[:200]}") from None
    try:
        check_process(scheduler)
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
