"""The report's section on a strength study, for the template."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Mapping
from typing import cast

from PIL import Image

from factory import charts
from factory.report.sections import Folder
from factory.report.triplets import QUALITY
from factory.strength.figures import Spread, StrengthSummary

GRID = "grid.png"
HEAT = 45  # percent of colour in the hottest cell, so that text stays readable in light and dark mode
# measure: title, unit, decimals
TITLES = {
    "strength": ("Strength", "log-odds", 2),
    "identity_change": ("Identity change", "1 − SSIM", 3),
    "rms": ("Pixel change", "RMS, grey levels", 1),
}
KINDS = ("cells", "styles", "faces", "pooled")
AXES = {"t0": "T₀", "cfg_scale": "w"}


@dataclasses.dataclass(frozen=True)
class EmbeddedPicture:
    """A picture of a run as a data URI; width and height in pixels."""

    uri: str
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class HeatCell:
    """Mean and deviation as text; `heat` is the percent of colour."""

    mean: str
    std: str
    heat: int


@dataclasses.dataclass(frozen=True)
class HeatTable:
    """A measure over T₀ (rows) and w (columns)."""

    title: str
    note: str
    rows: list[tuple[int, list[HeatCell]]]


@dataclasses.dataclass(frozen=True)
class Correlations:
    """Rank correlations of a measure with an axis, in the order of `KINDS`, and its change along the axis as text."""

    title: str
    axis: str
    figures: list[float | None]
    change: str


@dataclasses.dataclass(frozen=True)
class Strength:
    """A strength study; the references are strengths as text."""

    samples: int
    faces: int
    cfg_scale: list[float]
    grid: EmbeddedPicture | None
    references: dict[str, str]
    tables: list[HeatTable]
    correlations: list[Correlations]


def strength(studies: Mapping[str, Folder]) -> Strength | None:
    """Picture, a heat table of each measure over T₀ and w, rank correlations; None without a study."""
    if not studies:
        return None
    folder = next(iter(studies.values()))
    summary = folder.figures(StrengthSummary)
    return Strength(
        samples=summary["samples"],
        faces=summary["faces"],
        cfg_scale=summary["cfg_scale"],
        grid=picture(folder, GRID),
        references={name: _plus_minus(spread, 1) for name, spread in summary["references"].items()},
        tables=[_table(summary, name) for name in TITLES],
        correlations=[
            Correlations(
                title=TITLES[name][0],
                axis=AXES[axis],
                figures=[summary["spearman"][name][axis][kind] for kind in KINDS],
                change=_signed(summary["change"][name][axis], TITLES[name][2]),
            )
            for name in TITLES
            for axis in AXES
        ],
    )


def _table(summary: StrengthSummary, name: str) -> HeatTable:
    title, unit, decimals = TITLES[name]
    cells = cast("list[dict[str, float]]", summary["cells"])  # keys made of the measure's name
    means = [cell[f"{name}_mean"] for cell in cells]
    least, most = min(means), max(means)
    rows: dict[int, list[HeatCell]] = {}
    for cell, mean in zip(cells, means, strict=True):
        heat = round(HEAT * (mean - least) / (most - least)) if most > least else 0
        text, deviation = (charts.fixed(cell[f"{name}_{key}"], decimals) for key in ("mean", "std"))
        rows.setdefault(int(cell["t0"]), []).append(HeatCell(text, deviation, heat))
    return HeatTable(title, unit, list(rows.items()))


def picture(folder: Folder, name: str | None) -> EmbeddedPicture | None:
    """A picture of a run as WebP, a fraction of the PNG's bytes; keeps transparency."""
    if name is None or not folder.storage.exists(name):
        return None
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(folder.storage.read(name))) as image:
        image.save(buffer, "WEBP", quality=QUALITY, method=4)
        width, height = image.size
    uri = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return EmbeddedPicture(uri, width, height)


def _plus_minus(spread: Spread, decimals: int) -> str:
    return f"{charts.fixed(spread['mean'], decimals)} ± {charts.fixed(spread['std'], decimals)}"


def _signed(value: float, decimals: int) -> str:
    return ("+" if value >= 0 else "") + charts.fixed(value, decimals)
