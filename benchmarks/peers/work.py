"""The work that all tools do: batches of faces through a stand-in for a model, then PNG and BRISQUE."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

WORKERS = 2  # processes that hold a model, and Ray's logical CPUs
BATCH = 16  # faces that a model takes at once
SECONDS = 0.005  # of a model for each face; it sleeps, as a model on a GPU leaves the processors alone
LOG = "PEERS_LOG"  # the environment variable that names the file to which models write


def decode(image: bytes) -> np.ndarray:
    """Return an image's pixels, uint8 (H, W, 3)."""
    with Image.open(io.BytesIO(image)) as opened:
        return np.asarray(opened.convert("RGB"))


def model(faces: np.ndarray) -> np.ndarray:
    """Mirror the faces of a batch, uint8 (N, H, W, 3), and note when that was done."""
    time.sleep(SECONDS * len(faces))
    with open(os.environ[LOG], "ab", buffering=0) as log:  # one short write: lines of several processes stay whole
        log.write(f"{time.time():.3f} {len(faces)}\n".encode())
    return np.ascontiguousarray(faces[:, :, ::-1])


def finish(faces: np.ndarray) -> tuple[list[bytes], list[float]]:
    """Return the PNG files and BRISQUE scores of a batch: the settings and the code of this line."""
    from difffas.brisque import brisque
    from factory.corpus.encode import encode
    from factory.corpus.provenance import CAPTURE
    from factory.corpus.shards import OutputConfig

    output = OutputConfig()
    scores, _ = brisque(faces)
    return [encode(face, output, CAPTURE) for face in faces], scores.tolist()


def make(images: Sequence[bytes]) -> tuple[list[bytes], list[float]]:
    """Do the whole work for one batch of encoded faces."""
    return finish(model(np.stack([decode(image) for image in images])))


def single_thread() -> None:
    """Let PyTorch compute on one thread in this process, as Ray does in a task of one CPU."""
    import torch

    torch.set_num_threads(1)


def batches(count: int) -> list[slice]:
    """The slices of so many rows in batches."""
    return [slice(first, min(first + BATCH, count)) for first in range(0, count, BATCH)]


def shards(source: str, extension: str) -> list[Path]:
    """The files of the source corpus in one format, in order."""
    return sorted(Path(source, "data").glob(f"*.{extension}"))
