"""The explorer: a page next to the report for finding, filtering and inspecting every generated spoof.

A page opened from disk may not fetch neighbouring files, but it may load them as scripts and images. So the rows are
JavaScript files of packed columns, all loaded at once; the pictures are on sheets, loaded when viewed. In a large
corpus only some rows, spread evenly over the styles, have pictures; all rows are listed and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
from jinja2 import Environment, StrictUndefined
from pydantic import Field

from factory.charts.detection import chart_style
from factory.core.config import Config
from factory.corpus import Corpus
from factory.corpus.row import SPOOF as SPOOF
from factory.report.explorer.columns import row_files
from factory.report.explorer.listing import Listing
from factory.report.explorer.pictures import Pictures, picture_files
from factory.report.explorer.real import RealScores, real_scores
from factory.report.explorer.verdicts import Verdicts
from factory.storage import Storage
from factory.tables.columns import TextColumn

PAGE, FOLDER = "explorer.html", "explorer"
# The corpora in which to look for the faces of a triplet, the likeliest first.
LOOKUP = {"lives": ("live", "real"), "guides": ("real", "live")}
# The order matters: each script may use declarations of earlier ones.
SCRIPTS = (
    *("theme.js", "data.js", "filters.js", "facets.js", "histograms.js"),
    *("faces.js", "grid.js", "viewer.js", "explorer.js"),
)
STYLES = ("explorer.css", "viewer.css")


class ExplorerConfig(Config):
    """How many pictures the explorer contains."""

    images: int = Field(2000, ge=0, description="spoofs with pictures, evenly over the styles; all rows are listed")


class Explored(TypedDict):
    """The counts of an explorer: rows, rows with pictures, files."""

    rows: int
    pictured: int
    files: int


class Style(TypedDict, total=False):
    """A style of the generated rows, its domain and attack; empty if no row has it."""

    style: str
    domain: str
    attack: str


class Page(TypedDict):
    """What the explorer's page is made of: its data, which the scripts read as JSON."""

    title: str
    rows: int
    scripts: list[str]
    styles: list[Style]
    domains: list[str]
    splits: list[str]
    reasons: list[str]
    audited: bool
    brisque: RealScores
    pictures: Pictures


def write_explorer(
    storage: Storage, title: str, corpora: Mapping[str, Corpus], verdicts: Verdicts | None, config: ExplorerConfig
) -> Explored | None:
    """Write `explorer.html` and its data below `storage`.

    Returns the counts for the summary: rows, rows with pictures, files; or None if no spoof was generated.
    """
    listing = Listing.of(corpora["generated"]) if "generated" in corpora else None
    if listing is None:
        return None
    others = {name: [corpora[kind] for kind in kinds if kind in corpora] for name, kinds in LOOKUP.items()}
    styles = TextColumn(listing.index, "style")
    audited = verdicts.of(listing.index["key"]) if verdicts else None
    names: list[str] = []
    for name, data in row_files(listing.index, styles, audited):
        storage.create(f"{FOLDER}/{name}", data)
        names.append(name)
    pictures, sheets = picture_files(listing, styles, others, config.images, storage, FOLDER)
    page: Page = {
        "title": title,
        "rows": len(listing.index),
        "scripts": [f"{FOLDER}/{name}" for name in names],
        "styles": _styles(listing.index, styles),
        "domains": TextColumn(listing.index, "live_domain").values,
        "splits": TextColumn(listing.index, "split").values,
        "reasons": audited.reasons if audited else [],
        "audited": audited is not None,
        "brisque": real_scores(listing.index, others["guides"]),
        "pictures": pictures,
    }
    storage.create(PAGE, render(page).encode())
    return {"rows": len(listing.index), "pictured": pictures["count"], "files": len(names) + sheets}


def render(page: Page) -> str:
    """The page with its style and scripts inline; only the data are separate files."""
    folder = Path(__file__).parent
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = {name: (folder / name).read_text(encoding="utf-8") for name in (*SCRIPTS, *STYLES, "explorer.html")}
    return environment.from_string(text["explorer.html"]).render(
        page,
        style=themed(chart_style()) + "".join(text[name] for name in STYLES),
        script="".join(text[name] for name in SCRIPTS),
        # Inside a script element, only "</" and "<!--" could end the text early.
        data=json.dumps(page, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    )


def theme_script() -> str:
    """The script of the button that switches a page between dark and light."""
    return Path(__file__).with_name("theme.js").read_text(encoding="utf-8")


def themed(style: str) -> str:
    """The charts' colours, changed so that `data-theme` on the root overrides the system's preference."""
    media, _, rest = style.partition("@media (prefers-color-scheme: dark) {")
    assert rest, "charts.css has a dark form"
    dark, _, after = rest.partition("\n}\n")
    ours = dark.replace(":root", ":root:not([data-theme=light])")
    forced = dark.replace(":root", ":root[data-theme=dark]")
    schemes = "".join(f":root[data-theme={name}] {{ color-scheme: {name}; }}\n" for name in ("dark", "light"))
    return f"{media}@media (prefers-color-scheme: dark) {{{ours}\n}}\n{forced}\n{schemes}{after}"


def _styles(index: pa.Table, styles: TextColumn) -> list[Style]:
    """Name, domain and attack of every style, in the order of the codes."""
    first = np.unique(styles.codes, return_index=True)
    named = {styles.values[code]: int(row) for code, row in zip(*first, strict=True) if code >= 0}
    facts = index.select(["style", "domain", "attack"])
    return [facts.slice(named[name], 1).to_pylist()[0] if name in named else {} for name in styles.values]
