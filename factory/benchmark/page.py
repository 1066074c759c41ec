"""The page of a benchmark: one self-contained file, light and dark, without network or dates."""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from PIL import Image

from factory import charts
from factory.benchmark import pictures
from factory.benchmark.results import NAMES, Family, Verdict, points, signed
from factory.benchmark.tables import HEADINGS, chance, lead
from factory.benchmark.traces import Trace
from factory.report import page_style
from factory.report.explorer import theme_script
from factory.run import read_summary
from factory.storage import Storage
from factory.strength import GRID
from factory.strength.figures import StrengthSummary

QUALITY = 80  # of the strength study's picture, as WebP


@dataclasses.dataclass(frozen=True)
class StrengthShown:
    """A strength study: its picture as a data URI with width and height, and means over T₀ (down) and w (across)."""

    uri: str
    width: int
    height: int
    samples: int
    cfg_scale: list[float]
    rows: list[tuple[int, list[tuple[str, str]]]]  # T₀; strength and identity change of each w

    @classmethod
    def of(cls, folder: Storage) -> StrengthShown:
        """The study in a folder of `difffas strength`."""
        summary = read_summary(folder, StrengthSummary)
        assert summary is not None, "the run is finished"
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(folder.read(GRID))) as image:
            image.save(buffer, "WEBP", quality=QUALITY, method=4)
            width, height = image.size
        rows: dict[int, list[tuple[str, str]]] = {}
        for cell in summary["cells"]:
            texts = charts.fixed(cell["strength_mean"], 2), charts.fixed(cell["identity_change_mean"], 3)
            rows.setdefault(cell["t0"], []).append(texts)
        uri = f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        return cls(uri, width, height, summary["samples"], summary["cfg_scale"], list(rows.items()))


@dataclasses.dataclass(frozen=True)
class Content:
    """What the page shows."""

    title: str
    notes: list[str]
    baseline: str
    metric: str
    columns: list[str]
    rows: list[str]
    families: list[Family]
    verdicts: list[Verdict]
    charts: dict[str, str]  # ROC by protocol
    traces: list[Trace]
    maps: list[tuple[str, str]]  # row, SVG
    strength: StrengthShown | None
    gaps: dict[str, str]
    left_out: dict[str, str]


def render(content: Content) -> str:
    """The page; everything except our own SVG is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "points": points,
        "signed": signed,
        "percent": _percent,
        "number": charts.number,
    }
    template = Path(__file__).with_name("benchmark.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        vars(content),
        names=NAMES,
        headings=HEADINGS,
        lead=lead(content.metric, content.baseline),
        chance=chance(len(content.verdicts)),
        kinds=pictures.KINDS,
        lines=pictures.LINES,
        style=page_style() + pictures.own_style(),
        theme=theme_script(),
    )


def _percent(value: float) -> str:
    return charts.fixed(100 * value, 2)
