"""Measure how far a spoof's face is from its live face, by the distance of embeddings from a configured embedder."""

from __future__ import annotations

import hashlib
import importlib.util
import typing
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from difffas.errors import UserError
from factory.images import FACE_MARGIN, resize

EMBEDDERS = ("dlib", "structure")
EmbedderName = Literal["dlib", "structure"]
_CHIP = 150  # pixels: the size that dlib's network was trained on
_LANDMARKS_AT = 256  # image side for finding landmarks: the predictor reads single pixels
_PADDING = 0.25  # around the face in a chip, as in the network's training
_STRUCTURE = 16  # side of the compared structure


class FaceEmbedder(typing.Protocol):
    """Maps faces to vectors whose Euclidean distance says how different the persons are."""

    digest: str  # digest of everything that decides the vectors
    recognises_faces: bool  # whether vectors are of faces alone, so that a face and its mirror image are near

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """Map face crops, uint8 (N, H, W, 3), to vectors, float64 (N, D)."""


class Dlib:
    """dlib's face recognition network: 128 numbers per face; for photographs, its author uses 0.6 as the limit.

    The crops come from `difffas prepare` or a similar tool, so the face's place is known: five landmarks are found
    there without a detector that could miss the face, and they serve to turn the face upright [ours]. Weights: CC0,
    from the PyPI package `face_recognition_models`, read as files, offline. The package's 68-landmark model is not
    used, because its training data are not free.

    Raises:
        UserError: if dlib or the weights are not installed.
    """

    recognises_faces = True

    def __init__(self) -> None:
        spec = importlib.util.find_spec("face_recognition_models")
        if spec is None or spec.origin is None or importlib.util.find_spec("dlib") is None:
            raise UserError("identity dlib is not installed: pip install 'difffas-factory[identity]'")
        import dlib

        models = Path(spec.origin).parent / "models"  # its own module needs pkg_resources, which no longer exists
        files = [models / f"{name}.dat" for name in (_NETWORK, _PREDICTOR)]
        self.digest = hashlib.sha256(b"".join(map(_sha256, files))).hexdigest()
        self._network = dlib.face_recognition_model_v1(str(files[0]))
        self._predictor = dlib.shape_predictor(str(files[1]))
        self._dlib = dlib

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """See `FaceEmbedder`; float64 (N, 128)."""
        chips = [self._chip(face) for face in faces]
        return np.array([self._network.compute_face_descriptor(chip) for chip in chips]).reshape(-1, 128)

    def _chip(self, face: np.ndarray) -> np.ndarray:
        image = resize(face, _LANDMARKS_AT)
        edge = round(_LANDMARKS_AT * (1 - 1 / FACE_MARGIN) / 2)
        box = self._dlib.rectangle(edge, edge, _LANDMARKS_AT - edge, _LANDMARKS_AT - edge)
        return np.asarray(self._dlib.get_face_chip(image, self._predictor(image, box), _CHIP, _PADDING))


_NETWORK, _PREDICTOR = "dlib_face_recognition_resnet_model_v1", "shape_predictor_5_face_landmarks"


class Structure:
    """Coarse structure without face recognition: luminance at 16 × 16, minus its mean, at unit length. [ours]

    The distance is √(2 − 2r), where r is the correlation of two images: 0 if they differ only in brightness and
    contrast, √2 if they have nothing in common. It tells whether the head kept its position, not who the person is.
    """

    digest = f"structure-{_STRUCTURE}"
    recognises_faces = False

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        """See `FaceEmbedder`; float64 (N, 256)."""
        side = (_STRUCTURE, _STRUCTURE)
        small = [np.asarray(Image.fromarray(face).convert("L").resize(side, Image.Resampling.BOX)) for face in faces]
        values = np.stack(small).reshape(len(faces), -1).astype(np.float64)
        values -= values.mean(axis=1, keepdims=True)
        return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True).clip(1e-9))


def load_embedder(name: EmbedderName) -> FaceEmbedder:
    """The embedder of this name; raises UserError if it is not installed."""
    return Dlib() if name == "dlib" else Structure()


def recognises_faces(name: EmbedderName) -> bool:
    """Whether the vectors of the embedder of this name are of faces alone."""
    return (Dlib if name == "dlib" else Structure).recognises_faces


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distances of vectors (N, D) and (N, D); float64 (N,)."""
    return np.asarray(np.linalg.norm(first - second, axis=1))


def mirror_distances(embed: FaceEmbedder, faces: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Distances of faces, uint8 (N, H, W, 3), to their mirror images; NaN if the embedder does not recognise faces.

    A face and its mirror image are the same person to an embedder as long as it finds a face there: where eyes and
    mouth are melted, landmarks and embedding change [ours; figures in docs/auditing.md].

    Args:
        vectors: the embeddings of the faces, (N, D).
    """
    if not embed.recognises_faces:
        return np.full(len(faces), np.nan)
    return distances(vectors, embed(np.ascontiguousarray(faces[:, :, ::-1])))


def _sha256(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
