"""What stands before a camera, in numbers alone: meshes, hair, materials, lights and the camera.

Metres, right-handed. The origin lies between a person's eyes; x points to the person's left, y up, z the way the
person looks, to the camera. Colours are linear sRGB. An image that covers a surface has its first row at the top,
where the texture coordinate v is 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Point = tuple[float, float, float]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """How a surface answers light: Disney's principled model, with what faces and attacks need.

    A value is one number for the whole surface, or an image of it (H, W or H, W, 3).

    Args:
        colour: Reflectance, 0 to 1.
        roughness: 0 is a mirror, 1 is chalk.
        specular: Strength of the reflection that does not depend on the colour; 0.5 is glass and plastic.
        metallic: 0 to 1.
        clearcoat: A thin clear film over it, 0 to 1: gloss paper, wet eyes.
        clearcoat_gloss: 0 is satin, 1 is polished.
        sheen: Light that grazing angles scatter, as fine hair and cloth do.
        opacity: 0 is not there; holes of a mask, edges of a card of hair.
        height: Relief in metres (H, W); it bends the shading, not the outline.
        glow: Light that the surface sends by itself (radiance, H, W, 3): a display.
        glass: The surface refracts; colour and roughness are those of its body. Spectacles, the panel of a display.
    """

    colour: Colour | Floats = (0.5, 0.5, 0.5)
    roughness: float | Floats = 0.5
    specular: float = 0.5
    metallic: float = 0.0
    clearcoat: float = 0.0
    clearcoat_gloss: float = 0.9
    sheen: float = 0.0
    opacity: float | Floats = 1.0
    height: Floats | None = None
    glow: Colour | Floats | None = None
    glass: bool = False


@dataclass(frozen=True)
class Mesh:
    """A surface of triangles.

    Args:
        points: V, 3.
        triangles: T, 3: indices of points, counter-clockwise seen from outside.
        uv: V, 2: texture coordinates; v runs upwards.
        material: Of the whole surface.
        smooth: Shade with normals averaged at the points, rather than one normal a triangle.
    """

    points: Floats
    triangles: NDArray[np.uint32]
    uv: Floats
    material: Material
    smooth: bool = True


@dataclass(frozen=True)
class Strands:
    """Hairs: round curves, cubic B-splines through their points.

    Args:
        points: S, P, 3: P points (at least 4) of each of S strands, from root to tip.
        radius: S, P: half the thickness at each point.
        material: Of all strands: one colour, one roughness.
    """

    points: Floats
    radius: Floats
    material: Material


@dataclass(frozen=True)
class Panel:
    """A rectangle that shines: a window, a lamp, a ring light's segment.

    Args:
        centre: Its middle.
        towards: A point that it faces.
        width: Metres.
        height: Metres.
        radiance: What it sends.
    """

    centre: Point
    towards: Point
    width: float
    height: float
    radiance: Colour


@dataclass(frozen=True)
class Camera:
    """An ideal camera with a thin lens.

    Args:
        position: Of the lens.
        target: The point in the middle of the picture.
        field_of_view: Degrees, of the picture's side.
        aperture: Radius of the lens in metres; 0 is sharp everywhere.
        focus: Distance of the sharp plane; None is the target's.
        up: The way that is up in the picture.
    """

    position: Point
    target: Point
    field_of_view: float
    aperture: float = 0.0
    focus: float | None = None
    up: Point = (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Scene:
    """All of it.

    Args:
        camera: What looks.
        bodies: What is there.
        panels: What shines.
        surroundings: Radiance from everywhere else: one colour, or a picture of the room (H, W, 3) whose columns run
            once around the vertical axis: z, where the camera is, in the middle; x, the person's left, at one quarter.
    """

    camera: Camera
    bodies: tuple[Mesh | Strands, ...] = ()
    panels: tuple[Panel, ...] = ()
    surroundings: Colour | Floats = field(default=(0.2, 0.2, 0.2))
