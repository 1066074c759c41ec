"""Detectors of other people as ONNX files: what they call live among spoofs, live faces and real spoofs."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field

from difffas.errors import UserError
from factory.core.config import Config, PathOrUrl
from factory.images import FACE_MARGIN, resize
from factory.storage import Storage


def _positive(values: tuple[float, float, float]) -> tuple[float, float, float]:
    if min(values) <= 0:
        raise UserError("must be above 0")
    return values


class DetectorConfig(Config):
    """One detector: (pixel · scale − mean) / std of a square around the face is its input, float32 (N, 3, H, W)."""

    file: PathOrUrl = Field(description="the .onnx file, with its weights inside")
    crop: float = Field(
        FACE_MARGIN, gt=0, le=8, description="side of the input square over the longer side of the face box"
    )
    size: int = Field(ge=8, le=1024, description="pixels of the input square's side")
    channels: Literal["rgb", "bgr"] = Field("rgb", description="order of the colours that the detector takes")
    scale: float = Field(1 / 255, gt=0, description="factor of a pixel from 0 to 255")
    mean: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="in the order of `channels`")
    std: Annotated[tuple[float, float, float], AfterValidator(_positive)] = Field(
        (1.0, 1.0, 1.0), description="divisor of each colour after the mean is taken away"
    )
    live_index: int = Field(1, ge=0, description="place of the live class; 0 for a single output")
    output: Literal["logits", "probabilities"] = Field(
        "logits", description="what the file gives: logits of a softmax, or probabilities"
    )

    @property
    def padded(self) -> float:
        """The share of the input's area that lies outside the stored crop and repeats its edge, in [0, 1)."""
        return max(0.0, 1.0 - (FACE_MARGIN / self.crop) ** 2)


_NOWHERE = "/nonexistent"


class Judged(NamedTuple):
    """What a detector says of N faces."""

    score: np.ndarray  # float64 (N,), probability of live
    live: np.ndarray  # bool (N,), whether live is the likeliest class


class Detector:
    """An ONNX file that is open on the CPU.

    Raises:
        UserError: if onnxruntime is not installed, or the file is missing or not such a network.
    """

    def __init__(self, name: str, config: DetectorConfig, threads: int = 1) -> None:
        if importlib.util.find_spec("onnxruntime") is None:
            raise UserError(f"detector {name} needs onnxruntime: pip install 'difffas-factory[onnx]'")
        import onnxruntime

        self._name, self._config = name, config
        content = _read(name, config)
        self.digest = hashlib.sha256(content).hexdigest()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 4
        # Weights in other files would be sought in the working folder, and the digest would not know them.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
        try:
            self._session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has its own types, which share no base
            raise UserError(f"detector {name}: {config.file} is not an ONNX network: {_line(error)}") from None
        inputs = self._session.get_inputs()
        self._input = inputs[0].name
        # A batch that is fixed in the file is one image as a rule.
        self._single = bool(inputs[0].shape) and inputs[0].shape[0] == 1
        self(np.zeros((1, config.size, config.size, 3), np.uint8))  # one line now instead of a fault on each shard

    def __call__(self, faces: np.ndarray) -> Judged:
        """Judge face crops, uint8 (N, H, W, 3).

        Raises:
            UserError: if the network does not take such an input or gives something else than N lines of classes.
        """
        values = prepared(faces, self._config)
        parts = np.split(values, len(values)) if self._single else [values]
        try:
            found = np.concatenate([self._session.run(None, {self._input: part})[0] for part in parts])
        except Exception as error:
            raise UserError(f"detector {self._name} does not take {values.shape} float32: {_line(error)}") from None
        classes = found.reshape(len(found), -1).astype(np.float64)
        if len(classes) != len(faces) or self._config.live_index >= classes.shape[1]:
            raise UserError(
                f"detector {self._name} gives {found.shape} for {len(faces)} faces: live_index "
                f"{self._config.live_index} is not among its classes"
            )
        if not np.isfinite(classes).all():
            raise UserError(f"detector {self._name} gives numbers that are not finite: check scale, mean and std")
        return judged(classes, self._config)


def prepared(faces: np.ndarray, config: DetectorConfig) -> np.ndarray:
    """Face crops, uint8 (N, H, W, 3), as a detector's input, float32 (N, 3, size, size).

    The stored crop has `FACE_MARGIN` times the face box. A smaller square is cut from its middle; for a larger one the
    crop's edge pixels are repeated, since the surroundings were not stored.
    """
    squares = np.stack([resize(_square(face, config.crop / FACE_MARGIN), config.size) for face in faces])
    if config.channels == "bgr":
        squares = squares[..., ::-1]
    values = (squares.astype(np.float32) * np.float32(config.scale) - np.array(config.mean, np.float32)) / np.array(
        config.std, np.float32
    )
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)


def judged(classes: np.ndarray, config: DetectorConfig) -> Judged:
    """Scores of live from a detector's outputs, float64 (N, K); a single output is that of live."""
    if classes.shape[1] == 1:
        score = classes[:, 0] if config.output == "probabilities" else 1 / (1 + np.exp(-classes[:, 0].clip(-700, 700)))
        return Judged(score, score > 0.5)
    if config.output == "logits":
        classes = np.exp(classes - classes.max(axis=1, keepdims=True))
        classes /= classes.sum(axis=1, keepdims=True)
    return Judged(classes[:, config.live_index], classes.argmax(axis=1) == config.live_index)


def detectors_identity(configs: Mapping[str, DetectorConfig]) -> dict[str, dict[str, Any]]:
    """What decides the detectors' scores: the files' digests and how they are used; checks every detector.

    Raises:
        UserError: see `Detector`.
    """
    found = {}
    for name, config in sorted(configs.items()):
        settings = config.model_dump(mode="json", exclude={"file"})
        found[name] = {"digest": Detector(name, config).digest, **settings}
    return found


def _square(face: np.ndarray, share: float) -> np.ndarray:
    """The middle square of a crop whose side is `share` of the crop's."""
    side = face.shape[0]
    length = max(1, round(share * side))
    places = (np.arange(length) + (side - length) // 2).clip(0, side - 1)
    return np.asarray(face[places[:, None], places])


def absolute(config: DetectorConfig) -> DetectorConfig:
    """The same detector for a worker, whose working folder is another."""
    storage, file = _place(config)
    return config.model_copy(update={"file": storage.path(file)})


def _place(config: DetectorConfig) -> tuple[Storage, str]:
    folder, _, file = config.file.rpartition("/")
    return Storage(folder or ("/" if config.file.startswith("/") else ".")), file


def _read(name: str, config: DetectorConfig) -> bytes:
    storage, file = _place(config)
    try:
        return storage.read(file)
    except FileNotFoundError:
        raise UserError(f"detector {name}: {config.file} does not exist") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
