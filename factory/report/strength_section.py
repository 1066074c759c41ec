"""The report's section on a strength study, as plain values for the template."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from factory import charts
from factory.report.sections import Folder
from factory.report.triplets import QUALITY

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


def strength(studies: Mapping[str, Folder]) -> dict[str, Any] | None:
    """Picture, a heat table of each measure over T₀ and w, rank correlations; None without a study."""
    if not studies:
        return None
    folder = next(iter(studies.values()))
    summary = folder.summary
    return {
        **{name: summary[name] for name in ("samples", "faces", "cfg_scale")},
        **picture(folder, GRID),
        "references": {name: _plus_minus(spread, 1) for name, spread in summary["references"].items()},
        "tables": [_table(summary, name) for name in TITLES],
        "correlations": [
            {
                "title": TITLES[name][0],
                "axis": AXES[axis],
                "figures": [summary["spearman"][name][axis][kind] for kind in KINDS],
                "change": _signed(summary["change"][name][axis], TITLES[name][2]),
            }
            for name in TITLES
            for axis in AXES
        ],
    }


def _table(summary: dict[str, Any], name: str) -> dict[str, Any]:
    title, unit, decimals = TITLES[name]
    means = [cell[f"{name}_mean"] for cell in summary["cells"]]
    least, most = min(means), max(means)
    rows: dict[int, list[dict[str, Any]]] = {}
    for cell, mean in zip(summary["cells"], means, strict=True):
        heat = round(HEAT * (mean - least) / (most - least)) if most > least else 0
        texts = {key: charts.fixed(cell[f"{name}_{key}"], decimals) for key in ("mean", "std")}
        rows.setdefault(cell["t0"], []).append({**texts, "heat": heat})
    return {"title": title, "note": unit, "rows": list(rows.items())}


def picture(folder: Folder, name: str | None) -> dict[str, Any]:
    """A picture of a run as WebP, a fraction of the PNG's bytes; keeps transparency."""
    if name is None or not folder.storage.exists(name):
        return {"picture": None}
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(folder.storage.read(name))) as image:
        image.save(buffer, "WEBP", quality=QUALITY, method=4)
        width, height = image.size
    uri = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"picture": uri, "width": width, "height": height}


def _plus_minus(spread: dict[str, float], decimals: int) -> str:
    return f"{charts.fixed(spread['mean'], decimals)} ± {charts.fixed(spread['std'], decimals)}"


def _signed(value: float, decimals: int) -> str:
    return ("+" if value >= 0 else "") + charts.fixed(value, decimals)
