"""Make spoofs with one sampler, and measure whether each reaches its style and keeps the person."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypedDict, cast

import numpy as np

from difffas.errors import UserError
from factory.audit.identity import FaceEmbedder, Structure
from factory.audit.style import StyleJudge
from factory.calibrate.faces import Faces
from factory.calibrate.knee import Figures
from factory.models.generators import Generator, Request
from factory.tables.sheet import plain


class Measured(NamedTuple):
    """Measures of N spoofs."""

    reached: np.ndarray  # bool, whether the judge's likeliest style is the wanted one
    own: np.ndarray  # bool, whether the nearest live face of the gallery is of the same person
    structure: np.ndarray  # float64, correlation of coarse structure with the live face


class Meter:
    """Measures the spoofs of some faces.

    Args:
        judge: knows every wanted style.
        embed: finds the nearest live face.
    """

    def __init__(self, judge: StyleJudge, embed: FaceEmbedder, faces: Faces) -> None:
        self._judge, self._embed, self._faces = judge, embed, faces
        self._gallery = embed(faces.gallery)
        self._structure = Structure()(faces.live)

    def __call__(self, spoofs: np.ndarray) -> Measured:
        """The measures of these spoofs, uint8 (N, H, W, 3), one for each of the faces."""
        _, reached = self._judge.judged(spoofs, self._faces.styles)
        vectors = self._embed(spoofs)
        nearest = [int(np.linalg.norm(self._gallery - vector, axis=1).argmin()) for vector in vectors]
        structure = (Structure()(spoofs) * self._structure).sum(axis=1)
        return Measured(reached, self._faces.gallery_person[nearest] == self._faces.person, structure)


def sample(generator: Generator, faces: Faces, t0: np.ndarray, cfg_scale: np.ndarray) -> np.ndarray:
    """The spoofs of these faces, uint8 (N, H, W, 3); raises UserError if one comes out as NaN or infinity."""
    count = len(faces.live)
    request = Request(faces.live, faces.guides, np.arange(count), t0, cfg_scale, faces.seed, faces.routes)
    made = generator(request)
    if made.broken:
        raise UserError(
            f"T₀ {t0.min()} to {t0.max()}, w {cfg_scale.min():g} to {cfg_scale.max():g}: {len(made.broken)} of "
            f"{count} spoofs came out as NaN or infinity: lower w"
        )
    return made.pixels


class Sample(TypedDict):
    """A line of a measures file: one spoof."""

    style: str
    live_key: str
    guide_key: str
    within: int  # 1 if the live face is of the guide's domain
    t0: int
    cfg_scale: float
    seed: int
    reached: int
    own: int
    structure: float


def samples(faces: Faces, t0: np.ndarray, cfg_scale: np.ndarray, measured: Measured) -> list[Sample]:
    """The lines of all faces."""
    return [
        {
            "style": route.spoof,
            "live_key": live,
            "guide_key": guide,
            "within": int(route.live == route.condition),
            "t0": int(t0[face]),
            "cfg_scale": float(cfg_scale[face]),
            "seed": int(faces.seed[face]),
            "reached": int(measured.reached[face]),
            "own": int(measured.own[face]),
            "structure": float(measured.structure[face]),
        }
        for face, (route, (live, guide)) in enumerate(zip(faces.routes, faces.keys, strict=True))
    ]


def read_samples(data: bytes) -> list[Sample]:
    """The lines of a measures file."""
    numbers = {"within": int, "t0": int, "cfg_scale": float, "seed": int, "reached": int, "own": int}
    numbers["structure"] = float
    lines = csv.DictReader(io.StringIO(data.decode()))
    return [
        cast("Sample", {name: numbers.get(name, plain)(cell) for name, cell in line.items()})  # type: ignore[operator]
        for line in lines
    ]


def figures(lines: Sequence[Sample]) -> Figures:
    """Means over some spoofs, at least one."""

    def mean(name: Literal["reached", "own", "structure"], within: tuple[int, ...] = (0, 1)) -> float | None:
        values = [line[name] for line in lines if line["within"] in within]
        return float(np.mean(values)) if values else None

    return {
        "faces": len(lines),
        "reach": mean("reached") or 0.0,
        "reach_within": mean("reached", (1,)),
        "reach_across": mean("reached", (0,)),
        "own": mean("own") or 0.0,
        "structure": mean("structure") or 0.0,
    }
