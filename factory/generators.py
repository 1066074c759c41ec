"""What the generate station runs on its actors: a generator, of which the dummy one is for plumbing tests."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from factory.compiler import check_compiler
from factory.config import fingerprint
from factory.homes import private_folder
from factory.models import check_generator, unet_config
from factory.plan import SamplerConfig
from factory.storage import Storage

DUMMY = "dummy"  # the name that `inputs.generator` takes instead of a model folder


@dataclasses.dataclass(frozen=True)
class Request:
    """One shard's worth of work; N faces, G distinct guides."""

    live: np.ndarray  # uint8 N, H, W, 3
    guides: np.ndarray  # uint8 G, H, W, 3
    guide_of: np.ndarray  # N, which guide each face gets
    t0: np.ndarray  # N
    cfg_scale: np.ndarray  # N
    seed: np.ndarray  # N


class Made(NamedTuple):
    """A shard's spoofs, in the order of the live faces."""

    pixels: np.ndarray  # uint8 N, H, W, 3
    broken: list[int] = []  # places of spoofs that came out as NaN or infinity; black here
    splits: int = 0  # how often a batch was cut in two for want of memory: its shape decides the last bits


class Generator(Protocol):
    """Makes a shard's spoofs."""

    device: str  # "cpu" or the GPU's name, for the ledger

    def __call__(self, request: Request) -> Made:
        """The spoofs; raises FloatingPointError if not one of them is finite."""


class DummyGenerator:
    """A live face tinted by its guide and grained by its seed: fast, and visibly wrong if rows are mixed up."""

    device = "cpu"

    def __call__(self, request: Request) -> Made:
        """Spoofs as `Generator` says; T₀ and w are ignored."""
        tint = request.guides.mean(axis=(1, 2))[request.guide_of][:, None, None, :]
        mixed = 0.7 * request.live + 0.3 * tint
        for image, value in zip(mixed, request.seed, strict=True):
            image += np.random.default_rng(int(value)).normal(0.0, 4.0, image.shape)
        spoofs: np.ndarray = mixed.round().clip(0, 255).astype(np.uint8)
        return Made(spoofs)


def to_tensor(pixels: np.ndarray) -> Any:
    """uint8 (N, H, W, 3) to float32 (N, 3, H, W) in [-1, 1]."""
    import torch

    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def to_pixels(images: Any) -> np.ndarray:
    """float (N, 3, H, W) in [-1, 1] to uint8 (N, H, W, 3), rounded to nearest.

    Raises:
        FloatingPointError: on NaN or infinity, which a cast would hide.
    """
    if not bool(images.isfinite().all()):
        raise FloatingPointError(
            "the generator produced non-finite pixels: train it longer or lower its learning rate"
        )
    scaled = (images.float().clamp(-1, 1) + 1.0) * 127.5
    return np.asarray(scaled.round().byte().permute(0, 2, 3, 1).cpu().numpy())


def model_digest(storage: Storage) -> str:
    """Digest of a model folder: names and sha256 of its configuration and weight files.

    Raises:
        ValueError: if the folder is no finished model folder, or its model is not whole.
    """
    if not storage.exists("model_index.json"):
        raise ValueError(f"{storage.url} is no model folder: run `difffas fit-generator` to its end first")
    names = [f"{part}/{name}" for part in ("unet", "style_encoder", "scheduler") for name in storage.names(part)]
    digest = fingerprint({n: hashlib.sha256(storage.read(n)).hexdigest() for n in ["model_index.json", *names]})
    check_generator(storage, digest)
    return digest


def check_t0(name: str, sampler: SamplerConfig) -> None:
    """Refuse a T₀ range beyond the timesteps that a generator was trained on.

    Raises:
        ValueError: naming both.
    """
    if name == DUMMY:
        return
    trained = unet_config(Storage(name))["timesteps"]
    if sampler.t0[1] > trained:
        raise ValueError(
            f"sampler.t0 {list(sampler.t0)}: generator {name} was trained for T₀ up to {trained}; lower it"
        )


def check_side(name: str, side: int) -> None:
    """Refuse images whose smallest map a generator of the official form cannot cut into its patches.

    `side` is the shorter one in pixels. Raises ValueError naming it and the least that fits.
    """
    if name == DUMMY:
        return
    network = unet_config(Storage(name))
    if network["form"] != "official" or network["variant"] in ("adain", "no_patches"):
        return
    least = 32 * max(network["mean_patch"], network["variance_patch"])
    if side < least:
        raise ValueError(
            f"images of side {side}: generator {name} is of the official form; its patches of {least // 32} must fit "
            f"at stride 32: prepare them with size {least} or more"
        )


def load_generator(name: str, sampler: SamplerConfig, threads: int, compiled: bool = False) -> Generator:
    """The generator that `inputs.generator` names: `dummy` or a model folder, local or `s3://`."""
    if name == DUMMY:
        return DummyGenerator()
    if compiled:
        check_compiler()
    from factory.diffusion_generator import DiffusionGenerator

    storage = Storage(name)
    folder = storage.url if storage.local else str(_fetch(storage))
    return DiffusionGenerator(folder, sampler, threads, compiled)


def _fetch(storage: Storage) -> Path:
    """Copy a remote model folder to this node, once per content."""
    folder = private_folder("models") / model_digest(storage)[:16]
    local = Storage(str(folder))
    for part in ("unet", "style_encoder", "scheduler"):
        for name in storage.names(part):
            local.create(f"{part}/{name}", storage.read(f"{part}/{name}"))
    local.create("model_index.json", storage.read("model_index.json"))
    return folder
