"""The scene as light: Mitsuba 3's path tracer, in its plain scalar form, which needs nothing else of the machine.

Equal scenes, samples and seeds give equal bytes on any number of threads: a pixel gathers its own samples alone (box
filter), and every block of the picture draws from a generator of its own.
"""

from __future__ import annotations

import importlib
import tempfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from difffas.errors import UserError
from factory.world.scene import Colour, Floats, Material, Mesh, Panel, Scene, Strands

BOUNCES = 6
FIREFLY = 4  # times as bright as its neighbours: one path that met a lamp by chance
BLOCK = 32  # pixels; left to itself it follows the number of threads


def renderer() -> str:
    """Name and version of what renders: part of what decides every byte."""
    return f"mitsuba {_mitsuba().__version__} scalar_rgb"


def use_threads(count: int) -> None:
    """Render on this many threads of this process from now on; the bytes do not depend on it."""
    _mitsuba()
    importlib.import_module("drjit").set_thread_count(count)


def render(scene: Scene, side: int, samples: int, seed: int) -> Floats:
    """What arrives at the camera.

    Args:
        scene: What there is to see.
        side: Pixels of the square picture's side.
        samples: Light paths a pixel.
        seed: Of the paths.

    Returns:
        side, side, 3: linear radiance.

    Raises:
        UserError: Mitsuba is not installed.
    """
    mi = _mitsuba()
    # By default equal materials are merged in an order that differs from run to run, and with it the lamps' order.
    loaded = mi.load_dict(_scene(mi, scene, side, samples), parallel=False, optimize=False)
    image = mi.render(loaded, spp=samples, seed=seed)
    radiance = np.array(image, np.float32)[..., :3]
    return without_fireflies(np.nan_to_num(radiance, nan=0.0, posinf=0.0))  # one path in millions divides by nothing


def without_fireflies(radiance: Floats) -> Floats:
    """H, W, 3: pixels bounded that outshine both the picture and all but two of their neighbours by far."""
    height, width = radiance.shape[:2]
    light = radiance.max(axis=2)
    padded = np.pad(light, 1, mode="edge")
    around = np.stack([padded[y : y + height, x : x + width] for y in range(3) for x in range(3) if (y, x) != (1, 1)])
    limit = FIREFLY * np.maximum(np.partition(around, -3, axis=0)[-3], light.mean())
    return np.asarray(radiance * np.minimum(1, limit / np.maximum(light, 1e-9))[..., None], np.float32)


def _mitsuba() -> Any:
    try:
        mi = importlib.import_module("mitsuba")
    except ModuleNotFoundError as error:
        raise UserError("rendering needs Mitsuba: pip install 'difffas-factory[world]'") from error
    except ImportError as error:  # it is there, and a library that it is linked with is not
        raise UserError(f"Mitsuba is installed and does not load: {str(error).partition(chr(10))[0]}") from error
    mi.set_variant("scalar_rgb")
    mi.set_log_level(mi.LogLevel.Error)
    return mi


def _scene(mi: Any, scene: Scene, side: int, samples: int) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "type": "scene",
        # "path" lets no lamp shine through glass or through a mask's holes: eyes behind spectacles sparkle. Roulette
        # from the second bounce on (its default is the fifth) renders long hair in two thirds of the time.
        "integrator": {"type": "volpath", "max_depth": BOUNCES, "rr_depth": 2, "block_size": BLOCK},
        "sensor": _camera(mi, scene, side, samples),
        "surroundings": _surroundings(mi, scene.surroundings),
    }
    parts |= {f"panel{number}": _panel(mi, panel) for number, panel in enumerate(scene.panels)}
    for number, body in enumerate(scene.bodies):
        parts[f"body{number}"] = _strands(mi, body) if isinstance(body, Strands) else _mesh(mi, body)
    return parts


def _camera(mi: Any, scene: Scene, side: int, samples: int) -> dict[str, Any]:
    camera = scene.camera
    away = float(np.linalg.norm(np.subtract(camera.target, camera.position)))
    lens: dict[str, Any] = {"type": "perspective"}
    if camera.aperture > 0:
        lens = {"type": "thinlens", "aperture_radius": camera.aperture, "focus_distance": camera.focus or away}
    return {
        **lens,
        "fov": camera.field_of_view,
        "near_clip": 0.01,
        "to_world": mi.ScalarTransform4f().look_at(list(camera.position), list(camera.target), list(camera.up)),
        "film": {"type": "hdrfilm", "width": side, "height": side, "rfilter": {"type": "box"}, "pixel_format": "rgb"},
        "sampler": {"type": "multijitter", "sample_count": samples},  # noise of 2.4 times as many independent paths
    }


def _surroundings(mi: Any, radiance: Colour | Floats) -> dict[str, Any]:
    if isinstance(radiance, tuple):
        return {"type": "constant", "radiance": {"type": "rgb", "value": list(radiance)}}
    return {"type": "envmap", "bitmap": mi.Bitmap(np.ascontiguousarray(radiance, np.float32))}


def _panel(mi: Any, panel: Panel) -> dict[str, Any]:
    transform = mi.ScalarTransform4f()
    towards = np.subtract(panel.towards, panel.centre)
    up = [0.0, 1.0, 0.0] if abs(towards[1]) < 0.9 * np.linalg.norm(towards) else [0.0, 0.0, 1.0]
    return {
        "type": "rectangle",
        "to_world": transform.look_at(list(panel.centre), list(panel.towards), up)
        @ transform.scale([panel.width / 2, panel.height / 2, 1.0]),
        "emitter": {"type": "area", "radiance": {"type": "rgb", "value": list(panel.radiance)}},
        "bsdf": {"type": "null"},  # a camera behind a lamp looks through it
    }


def _mesh(mi: Any, mesh: Mesh) -> Any:
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(_bsdf(mi, mesh.material))
    if mesh.material.glow is not None:
        properties["emitter"] = mi.load_dict({"type": "area", "radiance": _texture(mi, mesh.material.glow)})
    made = mi.Mesh(
        "mesh",
        vertex_count=len(mesh.points),
        face_count=len(mesh.triangles),
        has_vertex_normals=mesh.smooth,
        has_vertex_texcoords=True,
        props=properties,
    )
    values = mi.traverse(made)
    values["vertex_positions"] = np.ascontiguousarray(mesh.points, np.float32).ravel()
    values["vertex_texcoords"] = np.ascontiguousarray(mesh.uv, np.float32).ravel()
    values["faces"] = np.ascontiguousarray(mesh.triangles, np.uint32).ravel()
    if mesh.smooth:
        values["vertex_normals"] = normals(mesh).ravel()
    values.update()
    return made


def _strands(mi: Any, strands: Strands) -> Any:
    """Curves enter Mitsuba by a file alone: one of the right shape, whose numbers are replaced in memory.

    Where a ray hits the very tip of the last curve, Mitsuba 3.9 reads beyond its arrays (and mostly crashes): a last
    curve too thin to be hit, at the first one's root, keeps every other from being the last.
    """
    table = np.concatenate([strands.points, strands.radius[..., None]], axis=2)  # S, P, 4
    before, after = (2 * table[:, [end]] - table[:, [beside]] for end, beside in ((0, 1), (-1, -2)))
    table = np.concatenate([before, table, after], axis=1)  # the curve then runs from the first point to the last
    table[..., 3] = np.maximum(table[..., 3], 1e-6)
    count, length, _ = table.shape
    unseen = np.repeat(table[:1, :1], length, axis=1)
    unseen[..., 2] += 1e-5 * np.arange(length)
    unseen[..., 3] = 1e-8
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(("0 0 0 1\n" * length + "\n") * (count + 1))
        file.flush()
        made = mi.load_dict({"type": "bsplinecurve", "filename": file.name, "bsdf": _bsdf(mi, strands.material)})
    values = mi.traverse(made)
    values["control_points"] = np.concatenate([table, unseen]).astype(np.float32).ravel()
    values.update()
    return made


def _bsdf(mi: Any, material: Material) -> dict[str, Any]:
    if material.glass:
        return {"type": "thindielectric"}
    surface: dict[str, Any] = {
        "type": "principled",
        "base_color": _texture(mi, material.colour),
        "roughness": _texture(mi, material.roughness),
        "specular": material.specular,
        "metallic": _texture(mi, material.metallic),
        "clearcoat": _texture(mi, material.clearcoat),
        "clearcoat_gloss": _texture(mi, material.clearcoat_gloss),
        "sheen": _texture(mi, material.sheen),
    }
    if material.height is not None:
        relief = {"type": "bitmap", "bitmap": _bitmap(mi, material.height), "raw": True}
        surface = {"type": "bumpmap", "relief": relief, "bsdf": surface}
    surface = {"type": "twosided", "bsdf": surface}
    if isinstance(material.opacity, float) and material.opacity == 1:
        return surface
    return {"type": "mask", "opacity": _texture(mi, material.opacity), "bsdf": surface}


def _texture(mi: Any, value: float | Colour | Floats) -> Any:
    """Mitsuba's texture of a number, a colour, or an image in linear values."""
    if isinstance(value, tuple):
        return {"type": "rgb", "value": list(value)}
    if isinstance(value, np.ndarray):
        return {"type": "bitmap", "bitmap": _bitmap(mi, value), "raw": True}
    return float(value)


def _bitmap(mi: Any, image: Floats) -> Any:
    """Upside down, as Mitsuba's v begins at the first row."""
    return mi.Bitmap(np.ascontiguousarray(image[::-1], np.float32))


def normals(mesh: Mesh) -> Floats:
    """V, 3: unit normals at the points, averaged by area over the triangles that meet at their place."""
    corners = mesh.points[mesh.triangles]  # T, 3, 3
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    place = _places(mesh.points)
    met = place[mesh.triangles.T].ravel()
    total = np.stack([np.bincount(met, np.tile(part, 3), int(place.max()) + 1) for part in across.T], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray((total / np.maximum(length, 1e-20))[place], np.float32)


def _places(points: Floats) -> NDArray[np.int64]:
    """V: a number for each place; points at one place share it, as a seam of the texture is no crease."""
    order = np.lexsort(points.T)
    ahead = (np.diff(points[order], axis=0) != 0).any(axis=1)
    place = np.empty(len(points), np.int64)
    place[order] = np.concatenate([[0], np.cumsum(ahead)])
    return place
