"""The head as a height field z(u, v), and the pose that shows it.

u runs right and v down; the eyes lie on v = 0, the chin near v = 1.7; the unit is half the width of the cheekbones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from factory.drawn.portrait.people import Capture, Subject
from factory.simulate.fields import Array, bump, resized, ridge, sample, soft

_TABLE = 512  # entries of a tabulated curve


def _curve(at: list[float], values: list[float], start: float, end: float, smoothing: float) -> Array:
    """Smooth curve approximately through these points, as a table over start..end; ends are mirrored."""
    x = np.linspace(start, end, _TABLE)
    line = np.interp(x, at, values)
    reach = max(int(_TABLE * smoothing / (end - start)), 1)
    kernel = np.exp(-((np.arange(-3 * reach, 3 * reach + 1) / reach) ** 2))
    return np.convolve(np.pad(line, 3 * reach, "reflect"), kernel / kernel.sum(), "valid").astype(np.float32)


@lru_cache(maxsize=32)
def _outline(subject: Subject) -> Array:
    """Radius of the head by angle, from the chin (0 degrees) past the ear (90) to the crown (180)."""
    at = [0.0, 14, 28, 42, 58, 75, 90, 110, 130, 150, 166, 180]
    radius = np.array([1.70, 1.65, 1.46, 1.29, 1.16, 1.06, 1.0, 1.03, 1.16, 1.33, 1.42, 1.45])
    jaw, chin = 0.03 * subject.jaw, 0.02 * subject.chin
    radius *= 1 + np.array([0, -0.4 * chin, 0.5 * jaw - chin, jaw - 0.5 * chin, jaw, 0.4 * jaw, 0, 0, 0, 0, 0, 0])
    return _curve(at, list(radius), 0, 180, 7)


@lru_cache(maxsize=32)
def _profile(subject: Subject) -> Array:
    """Height of the bridge of the nose over v = -0.5 .. 1."""
    tip, bridge = nose_tip(subject), 0.02 * subject.nose_bridge
    at = [-0.5, -0.3, -0.1, 0.2, tip - 0.14, tip - 0.02, tip + 0.06, tip + 0.13, 1.0]
    return _curve(at, [0, 0.01, 0.07 + bridge, 0.17 + bridge, 0.26, 0.29, 0.2, 0, 0], -0.5, 1, 0.035)


def nose_tip(subject: Subject) -> float:
    """v of the tip of the nose."""
    return 0.66 + 0.025 * subject.nose_length


def eye_place(subject: Subject) -> tuple[float, float, float]:
    """u of the eye, half its width and the height of its opening above the centre."""
    return 0.465 + 0.016 * subject.eye_spacing, 0.235 + 0.01 * subject.eye_size, 0.115 + 0.012 * subject.eye_size


def mouth_corner(subject: Subject, capture: Capture) -> float:
    """Half the width of the mouth."""
    return 0.35 + 0.022 * subject.mouth_width + 0.045 * capture.smile - 0.02 * capture.mouth_open


def mouth_line(subject: Subject, capture: Capture, u: Array) -> Array:
    """v of the line between the lips: the corners rise with a smile, the upper lip dips in the middle."""
    p = u / mouth_corner(subject, capture)
    return np.asarray(1.07 - 0.11 * (capture.smile + 0.15) * (p * p - 0.3) + 0.014 * ridge(p, 0.22), np.float32)


def lip_height(subject: Subject) -> float:
    """Thickness of a lip."""
    return 0.085 * (1 + 0.2 * subject.lips)


def radius(subject: Subject, u: Array, v: Array) -> Array:
    """Distance from the centre of the face in units of the outline: 1 on the edge of the head."""
    place = np.arctan2(np.abs(u), v) * ((_TABLE - 1) / np.pi)
    return np.asarray(np.hypot(u, v) / _outline(subject)[place.astype(np.int32)], np.float32)


def _nose(subject: Subject, u: Array, v: Array) -> Array:
    place = np.clip((v + 0.5) * ((_TABLE - 1) / 1.5), 0, _TABLE - 1)
    width = 0.115 + 0.012 * subject.nose_width + 0.04 * soft(0.2, 0.6, v)
    return np.asarray(_profile(subject)[place.astype(np.int32)] * np.exp(-((u / width) ** 2)), np.float32)


def _relief(subject: Subject, capture: Capture, u: Array, v: Array) -> Array:
    """Brows, sockets, cheeks, nostrils, lips, chin and folds."""
    a, tip, eye = np.abs(u), nose_tip(subject), eye_place(subject)[0]
    wing, smile = 0.175 + 0.02 * subject.nose_width, capture.smile
    z = 0.06 * (0.3 + subject.strong) * bump(a, v, (0.4, -0.3), (0.35, 0.1))
    z -= 0.13 * bump(a, v, (0.42, -0.03), (0.26, 0.17))
    z += 0.075 * bump(a, v, (eye, 0.0), (0.17, 0.12))
    z += (0.05 + 0.04 * smile) * bump(a, v, (0.6, 0.45 - 0.07 * smile), (0.25, 0.22))
    z += 0.05 * bump(a, v, (0.0, tip - 0.01), (0.12, 0.1)) + 0.1 * bump(a, v, (wing, tip + 0.035), (0.075, 0.08))
    z += 0.1 * bump(a, v, (0.0, 1.05), (0.42, 0.25)) - 0.025 * bump(a, v, (0.0, 0.88), (0.045, 0.07))
    z += 0.15 * bump(a, v, (0.0, 1.5), (0.26, 0.16)) - 0.04 * bump(a, v, (0.0, 1.32), (0.26, 0.06))
    lip, line = lip_height(subject), v - mouth_line(subject, capture, u)
    wide = np.clip(1 - (a / mouth_corner(subject, capture)) ** 2, 0, 1)
    z += wide * (0.05 * ridge(line + 0.5 * lip, 0.6 * lip) + 0.07 * ridge(line - 0.75 * lip, 0.75 * lip))
    z -= 0.035 * wide * ridge(line, 0.025)
    fold = (
        ridge(a - (wing + 0.12 + 0.4 * np.clip(v - tip, 0, 1)), 0.06)
        * soft(tip - 0.05, tip + 0.12, v)
        * soft(1.25, 0.95, v)
    )
    z -= (0.005 + 0.028 * subject.age + 0.018 * max(smile, 0)) * fold
    if subject.age > 0.35:
        brow = np.sin((v + 0.06 * np.cos(3 * u)) * 42) * bump(a, v, (0.0, -0.75), (0.5, 0.2))
        feet = np.sin((v - 0.5 * (a - 0.75)) * 50) * bump(a, v, (0.8, 0.03), (0.1, 0.13))
        z += (subject.age - 0.35) * (0.007 * brow + 0.009 * feet - 0.03 * bump(a, v, (eye - 0.05, 0.2), (0.15, 0.03)))
    return np.asarray(z, np.float32)


@dataclass(frozen=True)
class Canvas:
    """Coordinates of every pixel; all H,W float32."""

    x: Array  # plane of the head, without depth
    y: Array
    u: Array  # point of the face seen here
    v: Array
    r: Array  # distance from the centre, 1 on the outline
    z: Array  # height
    pixel: float  # width of a pixel in units of the face
    turn: tuple[float, float]  # tangents of yaw and pitch


def _plane(capture: Capture, gx: Array, gy: Array) -> tuple[Array, Array]:
    """Map picture coordinates (-1 to 1) to the plane of the head; the crop follows a turning face half way."""
    roll, (yaw, pitch) = np.deg2rad(capture.roll), np.tan(np.deg2rad([capture.yaw, capture.pitch]))
    gx, gy = gx - capture.shift[0], gy - capture.shift[1]
    x = (gx * np.cos(roll) + gy * np.sin(roll)) / capture.zoom + 0.45 * yaw
    y = (gy * np.cos(roll) - gx * np.sin(roll)) / capture.zoom + 0.12 + 0.45 * pitch
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _reach(subject: Subject, u: Array, v: Array) -> Array:
    """Height by which the pose shifts: flat enough towards the sides for the fixed point below to converge, and above
    zero at the chin and the crown, which turn with the face."""
    side = np.clip(1 - (np.abs(u) / 1.05) ** 2.2, 0, 1)
    return np.asarray(
        side * (0.35 + 0.65 * soft(-1.6, -0.5, v) - 0.3 * soft(1.2, 2.0, v)) + _nose(subject, u, v), np.float32
    )


def pose(subject: Subject, capture: Capture, texture: Array, size: int) -> Canvas:
    """The head under yaw and pitch, as a shear: u = x - tan(yaw) z(u, v), by a fixed point at half of `size` pixels.

    `texture` is the noise of the person's skin.
    """
    grid = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    x, y = _plane(capture, *np.meshgrid(grid, grid))
    y = y / np.float32(1 + 0.015 * subject.length)
    yaw, pitch = (float(t) for t in np.tan(np.deg2rad([capture.yaw, capture.pitch])))
    small_x, small_y = resized(x, size // 2, size // 2), resized(y, size // 2, size // 2)
    depth = _reach(subject, small_x, small_y)
    for _ in range(3):
        depth = 0.3 * depth + 0.7 * _reach(subject, small_x - yaw * depth, small_y - pitch * depth)
    depth = resized(depth, size, size)
    u, v = x - yaw * depth, y - pitch * depth
    r = radius(subject, u, v)
    dome = 1.15 * np.sqrt(np.clip(1 - r ** (2.3 + 0.9 * soft(-0.3, 0.6, v)), 0.003, 1))
    z = dome + _nose(subject, u, v) + _relief(subject, capture, u, v)
    z += (0.5 + 0.5 * subject.age) * (
        0.004 * sample(texture, u * 11, v * 11) + 0.0016 * sample(texture, u * 33, v * 33)
    )
    return Canvas(x, y, u, v, r, np.asarray(z, np.float32), 2 / size / capture.zoom, (yaw, pitch))


def landmarks(subject: Subject, capture: Capture, size: int) -> Array:
    """Eyes, tip of the nose and corners of the mouth, left to right in the picture: 5,2 (x, y) in pixels."""
    eye, corner = eye_place(subject)[0], mouth_corner(subject, capture)
    u = np.array([-eye, eye, 0, -corner, corner], np.float32)
    v = np.array([0, 0, nose_tip(subject), 1.07, 1.07], np.float32)
    depth = _reach(subject, u, v)
    yaw, pitch = np.tan(np.deg2rad([capture.yaw, capture.pitch]))
    x, y = u + yaw * depth - 0.45 * yaw, (v + pitch * depth) * (1 + 0.015 * subject.length) - 0.12 - 0.45 * pitch
    roll = np.deg2rad(capture.roll)
    gx = (x * np.cos(roll) - y * np.sin(roll)) * capture.zoom + capture.shift[0]
    gy = (y * np.cos(roll) + x * np.sin(roll)) * capture.zoom + capture.shift[1]
    return np.stack([(gx + 1) * size / 2, (gy + 1) * size / 2], 1).astype(np.float32)
