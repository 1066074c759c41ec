"""What a classifier sees of a fixed set of training rows at given steps, kept beside its run (Fig. 12).

`embeddings/rows.json` has the facts of the rows, `embeddings/features-NNNNNNNNNN.safetensors` their embeddings after
that many steps. Every file follows from the configuration and the weights at its step, and is written once.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config
from factory.core.documents import parse_json
from factory.corpus import Corpus
from factory.corpus.row import LIVE
from factory.models.tensors import to_tensor
from factory.run import checked_figures
from factory.storage import Storage

if TYPE_CHECKING:
    import torch

FOLDER, ROWS, TENSOR = "embeddings", "embeddings/rows.json", "features"
CHUNK = 64  # images
MOST_STEPS = 32
FEWEST = 8  # rows


class EmbeddingsConfig(Config):
    """Keep the embeddings of some training rows after these steps; 0 is before the first step."""

    steps: tuple[int, ...] = Field(
        min_length=1, max_length=MOST_STEPS, description="steps after which they are kept; 0: before the first"
    )
    rows: int = Field(400, ge=FEWEST, le=5000, description="training rows, real and generated; styles take turns")

    @model_validator(mode="after")
    def _check(self) -> EmbeddingsConfig:
        if list(self.steps) != sorted(set(self.steps)) or self.steps[0] < 0:
            raise UserError(f"embeddings.steps {list(self.steps)} must rise from 0 or more: write each step once")
        return self


class RowFacts(TypedDict):
    """A row whose embeddings are kept; `kind` is live, spoof or generated."""

    key: str
    kind: str
    style: str
    brisque: float | None


class RowsFile(TypedDict):
    """The content of `rows.json`, in the order of the embeddings."""

    rows: list[RowFacts]


def check_steps(config: EmbeddingsConfig | None, steps: int) -> None:
    """Refuse a step after the last one, before a folder is claimed."""
    if config is not None and config.steps[-1] > steps:
        raise UserError(f"embeddings.steps {list(config.steps)}: the last step is {steps} (train.steps)")


class Embeddings:
    """The chosen rows, and their embeddings as files.

    Args:
        corpora: the corpora of the training rows, the real one first. numbers: numbers of the training rows, which are
            counted through all corpora.
    """

    def __init__(self, config: EmbeddingsConfig, corpora: Sequence[Corpus], numbers: np.ndarray) -> None:
        self.steps, self._corpora = frozenset(config.steps), corpora
        starts = np.cumsum([0, *map(len, corpora)])
        corpus = np.searchsorted(starts, numbers, side="right") - 1
        places = list(zip(corpus.tolist(), (numbers - starts[corpus]).tolist(), strict=True))
        self._places = self._chosen(sorted(set(places)), config.rows)
        self._pixels: np.ndarray | None = None

    def keep(self, step: int, embed: Callable[[torch.Tensor], torch.Tensor], device: torch.device) -> dict[str, bytes]:
        """The files of one of the steps, by name; `embed` gives (N, D) of images (N, 3, H, W)."""
        import torch
        from safetensors.numpy import save

        if self._pixels is None:
            self._pixels = self._read()
        chunks = np.array_split(self._pixels, math.ceil(len(self._pixels) / CHUNK))
        with torch.no_grad():
            found = torch.cat([embed(to_tensor(chunk, device)).float().cpu() for chunk in chunks]).numpy()
        unit = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        rows: RowsFile = {"rows": [self._facts(*place) for place in self._places]}
        return {ROWS: json.dumps(rows, indent=1).encode(), name_of(step): save({TENSOR: unit.astype(np.float16)})}

    def _chosen(self, places: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
        """The places (corpus, position) of the kept rows: styles of each corpus take turns, hashes of keys choose."""
        columns = [(corpus.column("key"), corpus.column("style")) for corpus in self._corpora]

        def rank(place: tuple[int, int]) -> bytes:
            return hashlib.blake2b(f"{place[0]}/{columns[place[0]][0][place[1]]}".encode(), digest_size=8).digest()

        turns: dict[tuple[int, str], int] = {}
        order = []
        for place in sorted(places, key=rank):
            group = place[0], str(columns[place[0]][1][place[1]])
            turns[group] = turns.get(group, 0) + 1
            order.append((turns[group], *group, place))
        return sorted(place for *_, place in sorted(order)[:count])

    def _read(self) -> np.ndarray:
        parts = []
        for number, corpus in enumerate(self._corpora):
            mine = np.array([position for of, position in self._places if of == number], dtype=np.int64)
            parts += [corpus.pixels(mine)] if len(mine) else []
        return np.concatenate(parts)

    def _facts(self, corpus: int, position: int) -> RowFacts:
        line = self._corpora[corpus].index.slice(position, 1).to_pylist()[0]
        brisque = line["brisque"]
        real = "live" if line["label"] == LIVE else "spoof"
        return {
            "key": line["key"],
            "kind": real if line["generator"] is None else "generated",
            "style": line["style"],
            "brisque": None if brisque is None or not math.isfinite(brisque) else brisque,
        }


def name_of(step: int) -> str:
    """The name of a step's file in a run's storage."""
    return f"{FOLDER}/{TENSOR}-{step:010d}.safetensors"


def kept_steps(storage: Storage) -> list[int]:
    """The steps of which a run's folder has embeddings, ascending."""
    names = [name for name in storage.names(FOLDER) if name.startswith(f"{TENSOR}-") and name.endswith(".safetensors")]
    return sorted(
        int(digits) for name in names if (digits := name.removeprefix(f"{TENSOR}-").partition(".")[0]).isdigit()
    )


def read_rows_file(storage: Storage) -> list[RowFacts]:
    """The rows whose embeddings a run's folder has; raises UserError if the file is missing or has another form."""
    if not storage.exists(ROWS):
        raise UserError(f"{storage.url} holds no embeddings: fit the classifier with embeddings.steps=[…]")
    content: Any = parse_json(storage.read(ROWS), storage.path(ROWS))
    return checked_figures(storage, content, RowsFile, ROWS)["rows"]


def read_embeddings(storage: Storage, step: int, rows: int) -> np.ndarray:
    """The embeddings after a step, float64 (rows, D).

    Raises:
        UserError: if the file is broken, has another number of rows, or holds values that are not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = storage.path(name_of(step))
    try:
        tensors = load(storage.read(name_of(step)))
    except SafetensorError as error:
        raise UserError(f"{path} is not a file of tensors ({error}): fit the classifier again") from None
    found = tensors.get(TENSOR)
    if found is None or found.ndim != 2 or len(found) != rows:
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        raise UserError(f"{path} has tensors {shapes}, not the embeddings of {rows} rows: fit the classifier again")
    if not np.isfinite(found).all():
        raise UserError(f"{path} holds values that are not finite: the training had diverged by step {step}")
    return np.asarray(found.astype(np.float64))
