"""Checks and loads the models that stations use: every folder is checked before a run claims its output folder.

The checks are those of `difffas.strict`.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from difffas.errors import UserError
from difffas.presets import PRESETS
from factory.cluster.compiler import check_compiler
from factory.core.config import fingerprint
from factory.core.homes import private_folder
from factory.models.generators import BUILT_IN, DUMMY, RECOLOUR, SIMULATE, DummyGenerator, Generator
from factory.models.people_sampler import VAE, PeopleSampler, check_people, makes_people, refuse_people
from factory.models.settings import SamplerConfig
from factory.models.taught import check_student
from factory.storage import Storage

if TYPE_CHECKING:
    import torch

    from difffas.classifier import SpoofClassifier
    from difffas.matching import Statistics

UNET, ENCODER, STUDENT, CLASSIFIER = "unet", "style_encoder", "student", "classifier"
MODEL_INDEX = "model_index.json"
STATISTICS = "style_statistics"

_whole: set[str] = set()  # digests of generators that this process has checked


def check_generator(storage: Storage, digest: str) -> None:
    """Check that a generator's folder is complete and valid, once for each content digest.

    Raises:
        UserError: in one line that names the file and the key or tensor at fault.
    """
    from difffas.model_folder import check_pipeline
    from difffas.style_statistics import read_statistics

    if digest in _whole:
        return
    if makes_people(storage):
        check_people(storage)
    else:
        check_pipeline(storage)
        read_statistics(storage)
    _whole.add(digest)


def check_encoder(storage: Storage) -> None:
    """Check the style encoder in a folder of fit-style or fit-generator; raises UserError in one line."""
    from difffas.model_folder import check_encoder as check

    check(storage)


def encoder_digest(storage: Storage) -> str:
    """Digest of the style encoder's files.

    Raises:
        UserError: if the folder holds no style encoder, or an incomplete one.
    """
    names = storage.names(ENCODER)
    if not names:
        raise UserError(f"{storage.url} holds no style_encoder: give a folder of fit-style or fit-generator")
    check_encoder(storage)
    return fingerprint({name: hashlib.sha256(storage.read(f"{ENCODER}/{name}")).hexdigest() for name in names})


def unet_config(storage: Storage) -> dict[str, Any]:
    """Return the checked arguments of a generator's U-Net, defaults filled in; raises UserError."""
    from difffas.model_folder import unet_config as read

    refuse_people(storage)
    return read(storage)


def encoder_config(storage: Storage) -> dict[str, Any]:
    """Return the checked arguments of a folder's style encoder, defaults filled in; raises UserError."""
    from difffas.model_folder import encoder_config as read

    return read(storage)


def load_style_encoder(url: str) -> Any:
    """Return the frozen encoder of a fit-style folder or a model folder, local or `s3://`; float32, in eval mode.

    Raises:
        UserError: if the encoder is incomplete or invalid.
    """
    from difffas.style_encoder import StyleEncoder

    storage = Storage(url)
    check_encoder(storage)  # before copying: an error about the copy would name a path unknown to the user
    with tempfile.TemporaryDirectory() as folder:
        for name in storage.names(ENCODER):
            (Path(folder) / name).write_bytes(storage.read(f"{ENCODER}/{name}"))
        encoder = StyleEncoder.from_pretrained(folder, use_safetensors=True, low_cpu_mem_usage=False)
    return encoder.float().eval().requires_grad_(False)


def load_unet(network: torch.nn.Module, url: str) -> None:
    """Fill a network with the weights and statistics of a model folder, local or `s3://`.

    Raises:
        UserError: if they belong to another network, or are incomplete or not finite.
    """
    from difffas.model_files import read_tensors, stored_tensors
    from difffas.strict import check_weights

    storage = Storage(url)
    stored = stored_tensors(storage, UNET)
    check_weights(storage, stored, network)
    network.load_state_dict(dict(read_tensors(storage, stored)))


def load_classifier(storage: Storage) -> SpoofClassifier:
    """Return the classifier that fit-classifier or export-classifier wrote, local or `s3://`, in eval mode.

    Raises:
        UserError: if the classifier is missing or incomplete.
    """
    from difffas.classifier import SpoofClassifier

    part = CLASSIFIER if storage.names(CLASSIFIER) else ""
    if not storage.exists(f"{part}/config.json" if part else "config.json"):
        raise UserError(f"{storage.url} holds no classifier: run `difffas fit-classifier` to its end first")
    return SpoofClassifier.read(storage, part)


def model_digest(storage: Storage) -> str:
    """Return the digest of a model folder: of names and sha256 of its configuration and weight files.

    `pipeline.py`, which our loader does not read, is excluded, and so is the index's mention of it.

    Raises:
        UserError: if the folder is not a finished model folder, or its model is incomplete.
    """
    from difffas.model_folder import decisive_index

    if not storage.exists(MODEL_INDEX):
        raise UserError(f"{storage.url} is not a model folder: run `difffas fit-generator` to its end first")
    sums = {name: hashlib.sha256(storage.read(name)).hexdigest() for name in part_names(storage)}
    sums[MODEL_INDEX] = hashlib.sha256(decisive_index(storage)).hexdigest()
    digest = fingerprint(sums)
    check_generator(storage, digest)
    _check_students_teacher(storage, _digest_of_parts(sums))
    return digest


def parts_digest(storage: Storage) -> str:
    """The digest of a model folder's parts without its student: of what a student must lie beside."""
    return _digest_of_parts({name: hashlib.sha256(storage.read(name)).hexdigest() for name in part_names(storage)})


def _digest_of_parts(sums: Mapping[str, str]) -> str:
    return fingerprint(
        {name: each for name, each in sums.items() if name != MODEL_INDEX and not name.startswith(f"{STUDENT}/")}
    )


def _check_students_teacher(storage: Storage, parts: str) -> None:
    """Refuse a student beside parts of another generator than its teacher's; early students do not name the parts."""
    from difffas.model_folder import has_student, student_config

    if has_student(storage) and student_config(storage)["parts"] not in ("", parts):
        raise UserError(
            f"{storage.path(STUDENT)} is the student of another generator than this folder's: bring back the folder "
            "that `difffas fit-student` wrote"
        )


def part_names(storage: Storage) -> list[str]:
    """The files of a model folder's parts, without its index."""
    parts = (UNET, ENCODER, STUDENT, VAE, "scheduler", STATISTICS)
    return [f"{part}/{name}" for part in parts for name in storage.names(part)]


def check_sampler(name: str, sampler: SamplerConfig, styles: Collection[str] = ()) -> None:
    """Refuse a T₀ range beyond the timesteps of a generator's training, and what its student was not taught.

    Raises:
        UserError: naming the range and the limit; for a preset of the student, the student that is missing, or the
            match, range or style that it was not taught.
    """
    if name in BUILT_IN:
        return
    if PRESETS[sampler.preset].of_student:
        check_student(name, sampler, styles)
    trained = unet_config(Storage(name))["timesteps"]
    for key, ranges in sampler.all_ranges():
        if ranges.t0[1] > trained:
            raise UserError(
                f"{key}.t0 {list(ranges.t0)}: generator {name} was trained for T₀ up to {trained}; lower it"
            )


def check_side(name: str, side: int) -> None:
    """Refuse images whose smallest feature map a generator of the official form cannot cut into its patches.

    `side` is the shorter side in pixels. Raises UserError that names this side and the least that fits.
    """
    if name in BUILT_IN:
        return
    network = unet_config(Storage(name))
    if network["form"] != "official" or network["variant"] in ("adain", "no_patches"):
        return
    least = 32 * max(network["mean_patch"], network["variance_patch"])
    if side < least:
        raise UserError(
            f"images of side {side}: generator {name} is of the official form; its patches of {least // 32} must fit "
            f"at stride 32: prepare them with size {least} or more"
        )


def load_generator(
    name: str,
    sampler: SamplerConfig,
    threads: int,
    compiled: bool = False,
    digest: str | None = None,
    statistics: Mapping[str, Statistics] | None = None,
) -> Generator:
    """Return the generator that `inputs.generator` names: one of `BUILT_IN` or a model folder, local or remote.

    `digest` is the folder's `model_digest` if the caller knows it: then a node that has a copy reads nothing more.
    `statistics` are those that `sampler.match` and `recolour` need (see `factory.corpus.style_statistics`).

    Raises:
        UserError: if the model is incomplete, or no longer matches the digest.
    """
    if name == DUMMY:
        return DummyGenerator()
    if name == RECOLOUR:
        from factory.models.recolour_generator import RecolourGenerator

        return RecolourGenerator(statistics or {}, threads)
    if name == SIMULATE:
        from factory.models.simulate_generator import SimulateGenerator

        return SimulateGenerator()
    if compiled:
        check_compiler()
    from factory.models.diffusion_generator import DiffusionGenerator

    storage = Storage(name)
    folder = _local(storage, digest)
    refuse_people(Storage(folder))
    return DiffusionGenerator(folder, sampler, threads, compiled, statistics)


def load_people(name: str, batch_size: int, threads: int, digest: str | None = None) -> PeopleSampler:
    """Return the sampler of a model folder of fit-dsdg, local or remote; `digest` as for `load_generator`."""
    return PeopleSampler(_local(Storage(name), digest), batch_size, threads)


def _local(storage: Storage, digest: str | None) -> str:
    """A model folder on this node."""
    return storage.folder or str(_fetch(storage, digest or model_digest(storage)))


def _fetch(storage: Storage, digest: str) -> Path:
    """Copy a remote model folder to this node, once for each content digest."""
    folder = private_folder("models") / digest[:16]
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as name:
        copy = Storage(f"{name}/model")
        for part in [*part_names(storage), MODEL_INDEX]:
            copy.create(part, storage.read(part))
        if model_digest(copy) != digest:
            raise UserError(f"{storage.url} was changed while it was in use: give a model folder that stays as it is")
        with contextlib.suppress(OSError):  # another process on this node may have been faster
            Path(name, "model").rename(folder)
    return folder
