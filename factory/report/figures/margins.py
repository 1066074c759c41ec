"""Fig. 3b: the margins of the RQ loss over relative quality, drawn by the loss's own function."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory import charts
from factory.charts.functions import Function, functions
from factory.charts.plate import Mark, Panel, stroke
from factory.core import draws
from factory.core.config import Config, PathOrUrl
from factory.corpus import Corpus
from factory.corpus.row import LIVE
from factory.report.figures.figure import Figure, Prepared, Table
from factory.report.sections import corpus_folder

KINDS = {"live": True, "spoof": False}
STYLES = ("", "dashed", "dotted")  # of the angles
LARGEST = 0.5  # |q| of a large, symmetric batch at most
POINTS = 101
BATCHES = 200  # drawn from the corpus


class MarginsFigure(Config):
    """Fig. 3b for these scales of the RQ loss; with a corpus also the qualities that its rows have in batches."""

    live_margin: float = Field(0.4, ge=0, description="m_k of live styles")
    spoof_margin: float = Field(0.2, ge=0, description="m_k of spoof styles")
    angles: tuple[float, ...] = Field(
        (30.0, 60.0, 90.0), min_length=1, max_length=3, description="θ in degrees at which the whole margin is drawn"
    )
    corpus: PathOrUrl | None = Field(None, description="draw the qualities of its rows, too")
    split: str = Field("train", description="split of the corpus's rows")
    batch_size: int = Field(64, ge=2, description="images of a batch, in which quality is relative")
    seed: int = Field(0, ge=0, description="seed of the batches")


def prepare(config: MarginsFigure) -> Prepared:
    """Open the corpus, if there is one.

    Raises:
        UserError: for an angle outside 0 … 180 degrees; if the split has fewer rows than a batch.
    """
    for angle in config.angles:
        if not 0 <= angle <= 180:
            raise UserError(f"figures.margins.angles: {angle:g} is not between 0 and 180 degrees")
    identity = config.model_dump(mode="json", exclude={"corpus"})
    if config.corpus is None:
        return Prepared(identity, {}, lambda: draw(config, {}))
    corpus = Corpus(config.corpus)
    rows = corpus.where(split=config.split)
    if len(rows) < config.batch_size:
        raise UserError(
            f"figures.margins: split {config.split!r} of {corpus.storage.url} has {len(rows)} rows, fewer than a "
            "batch "
            f"of {config.batch_size}: lower batch_size or name another split"
        )
    identity |= {"corpus": corpus.digest}
    return Prepared(identity, {"corpus": corpus_folder(corpus)}, lambda: draw(config, qualities(config, corpus, rows)))


def qualities(config: MarginsFigure, corpus: Corpus, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Relative quality of live faces and of spoofs in batches that are drawn uniformly from the rows."""
    import torch

    from difffas.losses import relative_quality

    drawn = draws.below(len(rows), np.arange(BATCHES * config.batch_size), config.seed, "figures.margins")
    places = rows[drawn.astype(np.int64)].reshape(BATCHES, config.batch_size)
    brisque = torch.from_numpy(corpus.column("brisque").astype(np.float64))
    found = np.stack([relative_quality(brisque[batch]).numpy() for batch in places])
    live = corpus.column("label")[places] == LIVE
    return {kind: found[live == is_live].astype(np.float64) for kind, is_live in KINDS.items()}


def margins(config: MarginsFigure, quality: np.ndarray, is_live: bool) -> tuple[np.ndarray, np.ndarray]:
    """g_angle in radians and g_add at these qualities (Eq. 16, 17), as the loss computes them."""
    import torch

    from difffas.losses import RelativeQuality

    loss = RelativeQuality((True, False), config.live_margin, config.spoof_margin)
    labels = torch.full((len(quality),), 0 if is_live else 1)
    angle, add = loss.margins(torch.zeros(len(quality), 2, dtype=torch.float64), labels, torch.from_numpy(quality))
    return angle.numpy() + 0.0, add.numpy() + 0.0  # no negative zero


def whole_margin(angle: np.ndarray, add: np.ndarray, theta: float) -> np.ndarray:
    """cos θ − [cos(θ + g_angle) − g_add]: the cosine that the margins take from the true class at θ, in radians."""
    return np.asarray(math.cos(theta) - np.cos(np.clip(theta + angle, 0.0, math.pi)) + add)


def draw(config: MarginsFigure, found: Mapping[str, np.ndarray]) -> Figure:
    """The figure; `found` has qualities of rows by kind, or nothing."""
    q = np.linspace(-LARGEST, LARGEST, POINTS)
    of = {kind: margins(config, q, is_live) for kind, is_live in KINDS.items()}
    angles, adds, wholes = [], [], []
    for kind, (angle, add) in of.items():
        angles.append(Function(f"{kind}: g_angle", f"function {kind}", q, angle))
        adds.append(Function(f"{kind}: g_add", f"function {kind}", q, add))
        for style, theta in zip(STYLES, config.angles, strict=False):
            whole = whole_margin(angle, add, math.radians(theta))
            wholes.append(Function(f"{kind}, θ {theta:g}°", f"function {kind} {style}".strip(), q, whole))
    panels = [
        Panel("g_angle", "radians, added to θ (Eq. 16)", functions(angles, "g_angle over quality")),
        Panel("g_add", "taken from the cosine (Eq. 17)", functions(adds, "g_add over quality")),
        Panel("Both together", "cosine that the true class loses (Eq. 18)", functions(wholes, "margin over quality")),
    ]
    if known := {kind: values for kind, values in found.items() if len(values)}:
        shares = charts.histogram(known, (-LARGEST, LARGEST), "relative quality of the corpus's rows")
        panels.append(Panel("Where the rows lie", f"relative quality in batches of {config.batch_size}", shares))
    of_angles = [
        Mark(stroke(f"axis {style}".strip()), f"θ = {theta:g}°")
        for style, theta in zip(STYLES, config.angles, strict=False)
    ]
    scales = {"live": config.live_margin, "spoof": config.spoof_margin}
    ends = (-LARGEST, 0.0, LARGEST)
    rows = []
    for kind, is_live in KINDS.items():
        angle, add = margins(config, np.array(ends), is_live)
        rows += [
            (f"{kind}, g_angle", [charts.fixed(value, 3) for value in angle]),
            (f"{kind}, g_add", [charts.fixed(value, 3) for value in add]),
        ]
        for theta in config.angles:
            whole = whole_margin(angle, add, math.radians(theta))
            rows.append((f"{kind}, both at θ {theta:g}°", [charts.fixed(value, 3) for value in whole]))
    return Figure(
        name="margins",
        heading="Margins over relative quality",
        text="The margins of the RQ loss over the quality q of an image within its batch: worse to the left, "
        "better to the "
        "right. The lines are computed by the loss itself; a symmetric batch of many images reaches q from −0.5 to "
        "0.5.",
        panels=panels,
        legend=[
            *(Mark(stroke(f"function {kind}"), f"{kind}, m = {scale:g}") for kind, scale in scales.items()),
            *of_angles,
        ],
        table=Table([f"q = {charts.number(end)}" for end in ends], rows),
    )
