"""Fig. 8: spoofs of generated corpora, each with the training spoof nearest to it, and whether any is a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory import charts
from factory.charts.intervals import Line, intervals
from factory.charts.plate import Mark, Panel, point
from factory.charts.sheet import SheetRow, sheet
from factory.core.config import Config, PathOrUrl
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.models.settings import GeneratorFolder
from factory.report.figures.choice import by_hash, in_turns
from factory.report.figures.figure import Figure, Prepared, Table, tile
from factory.report.sections import corpus_folder
from factory.report.triplets import picture
from factory.storage import Storage

if TYPE_CHECKING:
    import torch

CHUNK = 64  # images
CELLS = 4  # side of the feature map that is compared, at most
NEAR = 5  # percentile of the real distances, below which a spoof counts as near
ROUNDING = 1e-5  # distances of copies in float32
NEARNESS = (5, 50, 95)  # percentiles shown


class NearestFigure(Config):
    """Fig. 8 of these generated corpora, in the feature space of one style encoder."""

    generated: dict[str, PathOrUrl] = Field(min_length=1, description="generated corpora by name, such as DSDG, ours")
    training: PathOrUrl = Field(description="corpus whose spoofs the generators learnt from")
    encoder: GeneratorFolder = Field(description="folder of fit-style or fit-generator, whose style encoder compares")
    split: str = Field("train", description="split of the training spoofs")
    unseen: str | None = Field("test", description="split whose real spoofs show what is usual; None: no comparison")
    shown: int = Field(6, ge=1, le=12, description="spoofs of each corpus; styles take turns")
    compared: int = Field(500, ge=1, description="spoofs of each corpus whose distances are measured, at most")
    searched: int = Field(5000, ge=1, description="training spoofs among which the nearest is sought, at most")


class Nearest(NamedTuple):
    """For N spoofs: their positions, the positions of the nearest training spoofs, and the distances."""

    rows: np.ndarray
    training: np.ndarray
    distance: np.ndarray


def prepare(config: NearestFigure) -> Prepared:
    """Open the corpora, and check the encoder.

    Raises:
        UserError: if a corpus lacks spoofs, their sizes cannot be compared, or the folder has no style encoder.
    """
    from factory.models.load import encoder_digest

    generated = {name: Corpus(url) for name, url in config.generated.items()}
    training = Corpus(config.training)
    for key, split in (("split", config.split), ("unseen", config.unseen)):
        if split is not None and not len(training.where(split=split, label=SPOOF)):
            raise UserError(f"figures.nearest.{key}: {training.storage.url} has no spoof in split {split!r}")
    for corpus in generated.values():
        if not len(corpus.where(label=SPOOF)):
            raise UserError(f"figures.nearest.generated: {corpus.storage.url} has no spoof")
    for corpus in (training, *generated.values()):
        first = corpus.pixels(corpus.where(label=SPOOF)[:1])[0].shape
        if first[0] % 32 or first[1] % 32:
            raise UserError(
                f"figures.nearest: {corpus.storage.url} holds images of {first[0]} × {first[1]}, and a style "
                "encoder needs "
                "multiples of 32: prepare them with such a size"
            )
    identity = {
        **config.model_dump(mode="json", exclude={"generated", "training", "encoder"}),
        "generated": [[name, corpus.digest] for name, corpus in generated.items()],
        "training": training.digest,
        "encoder": encoder_digest(Storage(config.encoder)),
    }
    folders = {
        **{name: corpus_folder(corpus) for name, corpus in generated.items()},
        "training": corpus_folder(training),
    }
    return Prepared(identity, folders, lambda: draw(config, generated, training))


def draw(config: NearestFigure, generated: Mapping[str, Corpus], training: Corpus) -> Figure:
    """The pairs that a hash chose and the nearest of all, by corpus; distances beside those of unseen real spoofs."""
    from factory.models.load import load_style_encoder

    encoder = load_style_encoder(config.encoder)
    spoofs = by_hash(training, training.where(split=config.split, label=SPOOF), config.searched)
    space = Space(encoder, training, spoofs)
    usual = None
    if config.unseen is not None:
        usual = space.nearest(
            training, by_hash(training, training.where(split=config.unseen, label=SPOOF), config.compared)
        )
    found = {}
    for name, corpus in generated.items():
        chosen = in_turns(corpus, corpus.where(label=SPOOF), max(config.compared, config.shown))
        found[name] = space.nearest(corpus, chosen)
    panels = [
        panel for name, near in found.items() for panel in _sheets(name, generated[name], training, near, config.shown)
    ]
    lines = [_line(name, near, "generated") for name, near in found.items()]
    lines += [_line("real spoofs of unseen people", usual, "spoof")] if usual else []
    panels.append(
        Panel("Distance to the nearest training spoof", "", intervals(lines, "Distances to training spoofs"))
    )
    return Figure(
        name="nearest",
        heading="Nearest training spoofs",
        text="Below each generated spoof is the training spoof nearest to it, and their distance: 1 − cosine of "
        "the style "
        "encoder's last feature maps, less the mean of the training spoofs (0: the same image, 1: unrelated). A "
        "hash chose "
        "the upper pairs; the lower pairs are the nearest of all that were compared, where a copy would be.",
        panels=panels,
        legend=[
            Mark(point("dot generated"), "generated: point the median, bars from the 5th to the 95th percentile"),
            *([Mark(point("dot spoof"), "real spoofs of people whom the generator did not see")] if usual else []),
        ],
        table=_table(found, usual, generated, training),
        notes=_notes(config, training, len(spoofs), usual),
        wide=True,
    )


class Space:
    """The feature space of an encoder, centred on some training spoofs."""

    def __init__(self, encoder: torch.nn.Module, training: Corpus, spoofs: np.ndarray) -> None:
        self._encoder, self._spoofs = encoder, spoofs
        raw = self._features(training, spoofs)
        self._middle = raw.mean(axis=0)
        self._training = _unit(raw - self._middle)

    def nearest(self, corpus: Corpus, rows: np.ndarray) -> Nearest:
        """The nearest training spoof of each row; of equal distances the first."""
        cosine = _unit(self._features(corpus, rows) - self._middle) @ self._training.T
        best = cosine.argmax(axis=1)
        distance = 1.0 - cosine[np.arange(len(rows)), best].astype(np.float64)
        return Nearest(rows, self._spoofs[best], np.where(distance < ROUNDING, 0.0, distance))

    def _features(self, corpus: Corpus, rows: np.ndarray) -> np.ndarray:
        """The last feature maps, averaged to at most `CELLS` × `CELLS` and flattened; float32 (N, D)."""
        import torch
        from torch.nn.functional import adaptive_avg_pool2d

        found = []
        with torch.no_grad():
            for images in _batches(corpus, rows):
                maps, _ = self._encoder(images)
                height, width = (min(side, CELLS) for side in maps[-1].shape[2:])
                found.append(adaptive_avg_pool2d(maps[-1], (height, width)).flatten(1).numpy())
        features = np.concatenate(found)
        if not np.isfinite(features).all():
            raise UserError("figures.nearest: the style encoder gives features that are not finite: train it again")
        return features


def _batches(corpus: Corpus, rows: np.ndarray) -> Iterator[Any]:
    from factory.models.tensors import to_tensor

    for first in range(0, len(rows), CHUNK):
        yield to_tensor(corpus.pixels(rows[first : first + CHUNK]))


def _unit(features: np.ndarray) -> np.ndarray:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))


def _sheets(name: str, corpus: Corpus, training: Corpus, near: Nearest, shown: int) -> list[Panel]:
    """The pairs that the hash chose, and the nearest pairs, as a sheet each."""
    closest = np.argsort(near.distance, kind="stable")[:shown]
    chosen = {"chosen by a hash": np.arange(min(shown, len(near.rows))), f"nearest of {len(near.rows):,}": closest}
    panels = []
    for title, places in chosen.items():
        made = [picture(row) for row in corpus.rows(near.rows[places])]
        theirs = [picture(row) for row in training.rows(near.training[places])]
        notes = [charts.number(distance, 2) for distance in near.distance[places].tolist()]
        styles = [SheetRow("generated", [tile(one, f"{one.row.style}, generated", made=True) for one in made])]
        tiles = [tile(one, f"{one.row.style}, training", note) for one, note in zip(theirs, notes, strict=True)]
        panels.append(
            Panel(name, title, sheet([], [*styles, SheetRow("nearest in training", tiles)], f"{name}, {title}"))
        )
    return panels


def _line(name: str, near: Nearest, kind: str) -> Line:
    low, middle, high = np.percentile(near.distance, NEARNESS).tolist()
    figure = f"{charts.number(middle, 2)}  ({len(near.rows):,})"
    return Line(name, figure, kind, middle, None, (low, high))


def _table(
    found: Mapping[str, Nearest], usual: Nearest | None, generated: Mapping[str, Corpus], training: Corpus
) -> Table:
    limit = float(np.percentile(usual.distance, NEAR)) if usual else None
    columns = ["spoofs", "least", *(f"{share}th percentile" for share in NEARNESS), "nearest is its guide"]
    columns += [] if limit is None else [f"below {charts.number(limit, 2)}"]
    rows = []
    for name, near in [*found.items(), *([("real, unseen", usual)] if usual else [])]:
        percentiles = np.percentile(near.distance, NEARNESS).tolist()
        cells = [f"{len(near.rows):,}", *(charts.number(v, 2) for v in [float(near.distance.min()), *percentiles])]
        cells.append(_guided(generated[name], training, near) if name in generated else "—")
        cells += [] if limit is None else [f"{charts.fixed(100 * float((near.distance < limit).mean()), 1)} %"]
        rows.append((name, cells))
    return Table(columns, rows)


def _guided(corpus: Corpus, training: Corpus, near: Nearest) -> str:
    """The share of spoofs whose nearest training spoof is the guide that they were made with."""
    guides = corpus.column("guide_key")[near.rows]
    if all(guide is None for guide in guides):
        return "—"
    return f"{charts.fixed(100 * float((guides == training.column('key')[near.training]).mean()), 1)} %"


def _notes(config: NearestFigure, training: Corpus, searched: int, usual: Nearest | None) -> list[str]:
    every = len(training.where(split=config.split, label=SPOOF))
    among = f"{searched:,} of {every:,}" if searched < every else f"all {every:,}"
    notes = [f"Sought among {among} spoofs of split {config.split}."]
    if usual is not None:
        limit = charts.number(float(np.percentile(usual.distance, NEAR)), 2)
        notes.append(
            f"Of the real spoofs of unseen people (split {config.unseen}), {NEAR} % lie below {limit}. A much "
            "larger share "
            "of generated spoofs below it means copies of training spoofs, or spoofs more alike than real ones."
        )
    return notes
