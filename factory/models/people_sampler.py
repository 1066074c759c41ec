"""Generators of new people: the folders that fit-dsdg writes, and what samples pairs with them in the line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from difffas.errors import UserError
from factory.models.tensors import to_pixels
from factory.storage import Storage

if TYPE_CHECKING:
    import torch

VAE = "vae"
KIND = "PairedVAE"
_INDEX = {"_class_name": KIND, VAE: ["difffas.dsdg", KIND]}
INDEX = "model_index.json"


class PeopleFacts(NamedTuple):
    """What a generator of people knows: its spoof styles, the split of its people, and the side of its images."""

    styles: tuple[str, ...]
    split: str
    size: int


def write_vae_index(folder: Path) -> None:
    """Write the index file of a folder that holds `vae/`."""
    (folder / INDEX).write_text(json.dumps(_INDEX, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def makes_people(storage: Storage) -> bool:
    """Whether a model folder samples new people, as those of fit-dsdg do, instead of editing live faces."""
    from difffas.model_files import read_object

    return storage.exists(INDEX) and read_object(storage, INDEX).get("_class_name") == KIND


def refuse_people(storage: Storage) -> None:
    """Raise UserError for a generator of new people, where a generator that edits live faces is needed."""
    if makes_people(storage):
        raise UserError(
            f"{storage.url} samples new people (fit-dsdg) and edits no live face: only generate takes it; "
            "give a folder of fit-generator here"
        )


def check_people(storage: Storage) -> None:
    """Check that a folder is complete: an index that names only our part, and finite weights that fit.

    Raises:
        UserError: in one line, naming the fault.
    """
    from difffas.dsdg import PairedVAE
    from difffas.model_files import place, read_object
    from difffas.strict import check_network

    if read_object(storage, INDEX) != _INDEX:
        raise UserError(f"{place(storage, INDEX)} must name the part {VAE} alone: bring it back from a copy")
    check_network(PairedVAE, storage, VAE)


def people_facts(storage: Storage) -> PeopleFacts:
    """The facts in the configuration of a generator of people; raises UserError if it is invalid."""
    from difffas.dsdg import PairedVAE
    from difffas.strict import network_config

    config = network_config(PairedVAE, storage, VAE)
    return PeopleFacts(tuple(config["styles"]), config["split"], config["size"])


class PeopleMade(NamedTuple):
    """Both halves of the pairs, uint8 (N, H, W, 3) each, and the places of pairs with NaN or infinity, in black."""

    live: np.ndarray
    spoof: np.ndarray
    broken: list[int]


class PeopleSampler:
    """Samples pairs in batches of one shape.

    Args:
        folder: a local model folder. batch_size: pairs per call; a short last batch is padded.
        threads: PyTorch's threads on a CPU; equal bytes need an equal number.
    """

    def __init__(self, folder: str, batch_size: int, threads: int) -> None:
        import torch

        from difffas.dsdg import PairedVAE

        torch.set_num_threads(threads)
        self._vae = PairedVAE.from_pretrained(folder, subfolder=VAE).eval().requires_grad_(False)
        self._batch_size, self.device = batch_size, "cpu"
        if torch.cuda.is_available():
            self._vae.to("cuda")
            self.device = torch.cuda.get_device_name()

    def __call__(self, styles: Sequence[str], seeds: np.ndarray) -> PeopleMade:
        """The pairs of these styles and seeds.

        Raises:
            FloatingPointError: if none of them is finite.
        """
        size = self._vae.config["size"]
        live, spoof = (np.zeros((len(seeds), size, size, 3), np.uint8) for _ in range(2))
        broken: list[int] = []
        for first in range(0, len(seeds), self._batch_size):
            rows = np.arange(first, min(first + self._batch_size, len(seeds)))
            padded = np.resize(rows, self._batch_size)
            made = self._vae.sample([styles[int(row)] for row in padded], [int(seeds[row]) for row in padded])
            finite = _finite(*made)[: len(rows)]
            broken += rows[~finite].tolist()
            for pixels, images in zip((live, spoof), made, strict=True):
                pixels[rows[finite]] = to_pixels(images[: len(rows)][finite])
        if len(broken) == len(seeds):
            raise FloatingPointError("every pair came out as NaN or infinity: the generator's weights are broken")
        return PeopleMade(live, spoof, broken)


def _finite(live: torch.Tensor, spoof: torch.Tensor) -> np.ndarray:
    """Which pairs are finite in both halves; bool (B,)."""
    return np.asarray((live.isfinite() & spoof.isfinite()).flatten(1).all(1).cpu().numpy())
