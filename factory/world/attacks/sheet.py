"""A sheet before a face: bent without stretching, curled at its edges, held at a tilt. Displays are flat sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from factory.world.scene import Floats, Material, Mesh, Strands

Doubles = NDArray[np.float64]
STEPS = 801  # of the numerical profile
CREASE = 0.012  # metres: half the width of a fold


@dataclass(frozen=True)
class Sheet:
    """Where each place of a sheet is in the world; a place is (s, t) in metres to the right and up from the origin.

    Args:
        width: Metres.
        height: Metres.
        middle: Place of the sheet's middle; the origin is where the face in the picture has its middle.
        centre: Where the origin is in the world.
        tilt: Turns about y, x and z in radians; without any the sheet faces z.
        bend: Curvature through the origin, 1 / metre; positive takes the edges away from the camera.
        fold: Radians by which either half turns away from the camera at a crease through the origin.
        curl: Radians by which the last quarter on either side turns to the camera.
        across: Direction in which it is bent, in radians from s towards t.
        cockle: Metres of the waves of damp or handled paper.
    """

    width: float
    height: float
    middle: tuple[float, float] = (0.0, 0.0)
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    tilt: tuple[float, float, float] = (0.0, 0.0, 0.0)
    bend: float = 0.0
    fold: float = 0.0
    curl: float = 0.0
    across: float = 0.0
    cockle: float = 0.0

    def at(self, places: ArrayLike, above: ArrayLike = 0.0) -> Floats:
        """Points in the world (..., 3) of places (..., 2), `above` the sheet by metres towards the camera."""
        place = np.asarray(places, np.float64)
        along, side = (
            np.array([np.cos(self.across), np.sin(self.across)]),
            np.array([-np.sin(self.across), np.cos(self.across)]),
        )
        length = place @ along
        steps, x, z, angle = self._profile()
        forth, turned = np.interp(length, steps, x), np.interp(length, steps, angle)
        high = np.asarray(above, np.float64)
        flat = (forth - high * np.sin(turned))[..., None] * along + (place @ side)[..., None] * side
        depth = np.interp(length, steps, z) + high * np.cos(turned) + self._waves(place)
        local = np.concatenate([flat, depth[..., None]], axis=-1)
        return np.asarray(local @ _turn(self.tilt).T + self.centre, np.float32)

    def mesh(self, material: Material, columns: int = 28, rows: int = 36) -> Mesh:
        """The sheet with its texture upright."""
        u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
        uv = np.stack([u.ravel(), v.ravel()], 1)
        return Mesh(self.at(self.places(uv)), grid(columns, rows), np.asarray(uv, np.float32), material)

    def places(self, uv: ArrayLike) -> Doubles:
        """Places (..., 2) of texture coordinates (..., 2)."""
        return np.asarray(
            (np.asarray(uv, np.float64) - 0.5) * [self.width, self.height] + self.middle,
        )

    def before(self, points: ArrayLike, clearance: float) -> Sheet:
        """The sheet moved along its normal until it clears all points (N, 3) that it covers, by metres."""
        turn = _turn(self.tilt)
        local = (np.asarray(points, np.float64) - self.centre) @ turn
        along = np.array([np.cos(self.across), np.sin(self.across)])
        steps, x, z, _ = self._profile()
        forth = local[:, :2] @ along
        place = local[:, :2] + (np.interp(forth, x, steps) - forth)[:, None] * along  # unrolled
        covered = (np.abs(place - self.middle) < [self.width / 2, self.height / 2]).all(axis=1)
        if not covered.any():
            return self
        gap = (local[:, 2] - np.interp(forth, x, z))[covered].max() + clearance + self.cockle
        moved = np.asarray(self.centre) + turn @ [0, 0, gap]
        return replace(self, centre=(float(moved[0]), float(moved[1]), float(moved[2])))

    def _profile(self) -> tuple[Doubles, Doubles, Doubles, Doubles]:
        """Length along the sheet; there its distance sideways, its depth and its angle."""
        reach = np.hypot(self.width, self.height) / 2 + np.hypot(*self.middle) + 0.05
        steps = np.linspace(-reach, reach, STEPS)
        half = max(self.width, self.height) / 2
        late = np.clip((np.abs(steps) - half / 2) / (half / 2), 0, 1.3)
        angle = -self.bend * steps - self.fold * np.tanh(steps / CREASE) + np.sign(steps) * self.curl * late**2
        step = steps[1] - steps[0]
        x, z = np.cumsum(np.cos(angle)) * step, np.cumsum(np.sin(angle)) * step
        return steps, x - x[STEPS // 2], z - z[STEPS // 2], angle

    def _waves(self, place: Doubles) -> Doubles:
        s, t = place[..., 0], place[..., 1]
        waves = np.sin(31 * s + 17 * t) + np.sin(-23 * s + 41 * t + 1) + 0.7 * np.sin(67 * s - 29 * t + 2)
        return np.asarray(self.cockle / 2.7 * waves)


def grid(columns: int, rows: int) -> NDArray[np.uint32]:
    """T, 3: triangles of a grid of points in rows, counter-clockwise where columns go right and rows go up."""
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    lower = np.stack([corner, corner + 1, corner + columns + 1], 1)
    upper = np.stack([corner, corner + columns + 1, corner + columns], 1)
    return np.concatenate([lower, upper]).astype(np.uint32)


def points_of(bodies: Sequence[Mesh | Strands]) -> Floats:
    """N, 3: all points of bodies."""
    return np.concatenate([body.points.reshape(-1, 3) for body in bodies])


def _turn(tilt: tuple[float, float, float]) -> Doubles:
    """3, 3: about z, then x, then y."""
    (sy, sx, sz), (cy, cx, cz) = np.sin(tilt), np.cos(tilt)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)
