"""Which way a surface of triangles faces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def point_normals(points: NDArray[np.float64], triangles: NDArray[Any]) -> NDArray[np.float64]:
    """V, 3: unit normals at points (V, 3), averaged by area over the triangles (T, 3) that meet there."""
    corners = points[triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros_like(points)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], across)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-20))
