"""A mask of paper: the other's printed face, folded roughly over the impostor's, with holes for the eyes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from factory.world.attacks.enrolment import Enrolment
from factory.world.attacks.inks import Printer
from factory.world.attacks.page import Page
from factory.world.attacks.presentation import Presentation
from factory.world.attacks.scissors import eyes, mouth, oval
from factory.world.attacks.sheet import Doubles, Sheet, grid
from factory.world.attacks.shell import Similarity, bare, head_surface
from factory.world.capture.cameras import Device
from factory.world.people.figure import Figure
from factory.world.scene import Material, Mesh

WIDTH, HEIGHT = 0.20, 0.27
COLUMNS, ROWS = 8, 9  # of facets' corners
TEXELS = 800
LOWEST = -0.045  # metres behind the eyes that the paper reaches back at most


def paper_mask(impostor: Figure, enrolment: Enrolment, camera: Device, generator: np.random.Generator) -> Presentation:
    """A printed face in facets."""
    sheet = Sheet(WIDTH, HEIGHT, middle=(0.0, float(generator.uniform(0.005, 0.02))))
    page = Page(enrolment, sheet, enrolment.size(impostor) * float(generator.uniform(0.98, 1.08)), TEXELS)
    printer = replace(Printer.drawn(generator), bands=0.0)
    rim = float(generator.uniform(0.0, 0.006)) if generator.random() < 0.6 else 0.0
    half = (float(generator.uniform(0.071, 0.082)), float(generator.uniform(0.093, 0.104)))
    outline = oval(page, (0.0, 0.012), half, generator)
    texture = page.texture(0.0, 1.0)
    texture[outline < rim] = 1.0
    opened = np.minimum(outline, eyes(page, (0.0155, 0.0185), (0.007, 0.011), generator))
    speaks = generator.random() < 0.3
    if speaks:
        opened = np.minimum(opened, mouth(page, generator))
    material = Material(
        colour=printer.printed(texture, page.texel, generator),
        roughness=float(generator.uniform(0.5, 0.85)),
        specular=0.2,
        opacity=(opened > 0).astype(np.float32),
    )
    place = _before(impostor)
    clearance = float(generator.uniform(0.002, 0.006))
    depth = _facets(impostor, place, sheet, clearance, generator)
    u, v = np.meshgrid(np.linspace(0, 1, COLUMNS), np.linspace(0, 1, ROWS))
    uv = np.stack([u.ravel(), v.ravel()], 1)
    corners = np.concatenate([sheet.places(uv), depth.reshape(-1, 1)], axis=1)
    mask = Mesh(
        np.asarray(place(corners), np.float32), grid(COLUMNS, ROWS), uv.astype(np.float32), material, smooth=False
    )
    marks = page.places(enrolment.landmarks)
    landmarks = place(np.concatenate([marks, _depth_at(marks, depth, sheet)[:, None]], axis=1))
    bodies = bare(impostor.bodies, impostor.points, head_surface().front)
    parameters: dict[str, float | str] = {
        "screening": printer.screening,
        "screen_pitch": printer.pitch,
        "rim": rim,
        "clearance": clearance,
        "width": 2 * half[0],
        "height": 2 * half[1],
        "mouth": "cut" if speaks else "printed",
    }
    worn = impostor.spectacled(impostor.points, np.asarray(place(_spread_out(depth, sheet, half)), np.float32))
    return Presentation((*bodies, mask, *worn), np.asarray(landmarks, np.float32), parameters)


def _before(impostor: Figure) -> Similarity:
    """From the sheet's places and metres before the eyes to the world, as the impostor's head is turned."""
    front = head_surface().front
    pose = Similarity.between(head_surface().rest[front], impostor.points[front].astype(np.float64))
    eyes = impostor.landmarks[:2].mean(axis=0).astype(np.float64)
    middle = impostor.landmarks.mean(axis=0) - eyes
    upright = middle - (middle @ pose.turn[:, 2]) * pose.turn[:, 2]  # at the depth of the eyes
    return Similarity(pose.turn, 1.0, eyes + upright)


def _facets(
    impostor: Figure, place: Similarity, sheet: Sheet, clearance: float, generator: np.random.Generator
) -> Doubles:
    """ROWS, COLUMNS: metres before the eyes at which folds meet, so that the paper clears the face."""
    front = head_surface().rest[:, 2] > -0.06
    points = (impostor.points[front].astype(np.float64) - place.move) @ place.turn
    points = points[points[:, 2] > LOWEST]
    u, v = np.meshgrid(np.linspace(0, 1, COLUMNS), np.linspace(0, 1, ROWS))
    corners = sheet.places(np.stack([u, v], axis=-1))
    away = np.hypot(*(corners[:, :, None] - points[:, :2]).transpose(3, 0, 1, 2))
    depth = np.where(away < 0.012, points[:, 2], LOWEST).max(axis=2)
    depth += generator.normal(0, 0.001, depth.shape)
    for _ in range(6):
        lacking = points[:, 2] + clearance - _depth_at(points[:, :2], depth, sheet)
        column, row = _cells(points[:, :2], sheet)
        for down in (0, 1):
            for across in (0, 1):
                at = (
                    np.minimum(row.astype(int) + down, ROWS - 1),
                    np.minimum(column.astype(int) + across, COLUMNS - 1),
                )
                raised = np.zeros_like(depth)
                np.maximum.at(raised, at, lacking)
                depth += 0.5 * raised
    return np.asarray(depth)


def _spread_out(depth: Doubles, sheet: Sheet, half: tuple[float, float]) -> Doubles:
    """N, 3: places all over the paper that is left, every 4 mm, with metres before the eyes."""
    s, t = np.meshgrid(np.arange(-half[0], half[0], 0.004), np.arange(-half[1], half[1], 0.004))
    places = np.stack([s.ravel(), t.ravel()], axis=1) + (0.0, 0.012)
    return np.concatenate([places, _depth_at(places, depth, sheet)[:, None]], axis=1)


def _cells(places: Doubles, sheet: Sheet) -> tuple[Doubles, Doubles]:
    """Columns and rows of the facets' corners, in between where places (N, 2) lie."""
    share = (places - sheet.middle) / [sheet.width, sheet.height] + 0.5
    return np.clip(share[:, 0], 0, 1) * (COLUMNS - 1), np.clip(share[:, 1], 0, 1) * (ROWS - 1)


def _depth_at(places: Doubles, depth: Doubles, sheet: Sheet) -> Doubles:
    """N: metres before the eyes of the facets at places (N, 2)."""
    column, row = _cells(places, sheet)
    left, low = np.minimum(column.astype(int), COLUMNS - 2), np.minimum(row.astype(int), ROWS - 2)
    right, up = column - left, row - low
    here, beside = depth[low, left], depth[low, left + 1]
    above, across = depth[low + 1, left], depth[low + 1, left + 1]
    lower = here + right * (beside - here) + up * (across - beside)
    upper = here + up * (above - here) + right * (across - above)
    return np.asarray(np.where(right >= up, lower, upper))
