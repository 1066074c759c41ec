"""The statistics with which live faces are matched to styles: those in the model, others from the run's inputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from difffas.errors import UnreadableError, UserError
from difffas.routes import Route, needed
from factory.corpus import Corpus
from factory.corpus.generated import are_generated
from factory.corpus.row import LIVE_ATTACK, style_of
from factory.images import decode
from factory.models.settings import SamplerConfig
from factory.models.tensors import to_tensor
from factory.storage import Storage

if TYPE_CHECKING:
    from difffas.matching import Statistics

IMAGES = 256  # of a style, spread evenly over its rows: more change the statistics by less than a grey level
CHUNK = 64


def route_of(live_domain: str, domain: str, style: str) -> Route:
    """The route of a live face of one domain to a guide of a style of another or the same."""
    return Route(style_of(live_domain, LIVE_ATTACK), style_of(domain, LIVE_ATTACK), style)


class RowsOfStyle(NamedTuple):
    """Real rows of one style, from which its statistics are estimated."""

    corpus: Corpus
    rows: np.ndarray


def match_sources(
    known: Mapping[str, Statistics],
    sampler: SamplerConfig,
    routes: Iterable[Route],
    inputs: Sequence[Corpus],
    splits: Sequence[str],
    size: tuple[int, int],
) -> dict[str, Statistics | RowsOfStyle]:
    """For every style on these routes, its statistics or the rows to estimate them from; reads no image.

    Args:
        known: statistics in the model. inputs: corpora whose real rows of `splits` may serve to estimate the others.
        size: height and width of the images.

    Raises:
        UserError: naming a style without statistics in the model and, if `sampler.match_unseen` allows an estimate,
            without images in the inputs; or naming the size of the model's images if the inputs have another.
    """
    found: dict[str, Statistics | RowsOfStyle] = {}
    for style in sorted(needed(routes, sampler.match)):
        if style in known and known[style].size != size:
            raise UserError(
                f"sampler.match {sampler.match}: the generator's statistics are of images of {known[style].size}, the "
                f"inputs have {size}: prepare the inputs with that size, or set sampler.match=none"
            )
        found[style] = known.get(style) or _rows_of(style, known, sampler, inputs, splits)
    return found


def sources_of_run(
    generator: str,
    sampler: SamplerConfig,
    routes: Iterable[Route],
    corpora: tuple[Corpus, Corpus],
    split: str,
    size: tuple[int, int],
) -> dict[str, Statistics | RowsOfStyle]:
    """As `match_sources`, with the statistics in a generator's folder; `corpora` are of live faces and of guides."""
    from difffas.style_statistics import read_statistics

    live, guides = corpora
    inputs = [live] if guides is live else [live, guides]
    known = read_statistics(Storage(generator)) if sampler.match != "none" else {}
    return match_sources(known, sampler, routes, inputs, (split,), size)


def matching_statistics(sources: Mapping[str, Statistics | RowsOfStyle]) -> dict[str, Statistics]:
    """The statistics from these sources; reads images for those that are to be estimated."""
    return {
        style: _statistics(*source) if isinstance(source, RowsOfStyle) else source for style, source in sources.items()
    }


def statistics_by_style(corpus: Corpus, splits: Sequence[str]) -> dict[str, Statistics]:
    """The statistics of every style among a corpus's real rows of these splits, live styles included."""
    real = _real_rows(corpus, splits)
    styles = corpus.column("style")[real]
    return {str(style): _statistics(corpus, real[styles == style]) for style in np.unique(styles)}


def _rows_of(
    style: str, known: Iterable[str], sampler: SamplerConfig, inputs: Sequence[Corpus], splits: Sequence[str]
) -> RowsOfStyle:
    if sampler.match_unseen == "refuse":
        others = f", only of {', '.join(sorted(known))}" if known else ""
        raise UserError(
            f"sampler.match {sampler.match}: the generator has no statistics of style {style!r}{others}: "
            f"set sampler.match_unseen=estimate to take them from the inputs, or sampler.match=none"
        )
    if len(splits) > 1:
        raise UserError(
            f"sampler.match_unseen estimate: plan.splits {list(splits)} would share the statistics of "
            f"style {style!r}, and with them people for training and for test: generate one split at a time"
        )
    for corpus in inputs:
        rows = _real_rows(corpus, splits)
        rows = rows[corpus.column("style")[rows] == style]
        if len(rows):
            return RowsOfStyle(corpus, rows)
    raise UserError(
        f"sampler.match_unseen estimate: no input has a real image of style {style!r} in split {', '.join(splits)}: "
        f"give guides together with live faces of their domain, or set sampler.match=none"
    )


def _real_rows(corpus: Corpus, splits: Sequence[str]) -> np.ndarray:
    real = np.isin(corpus.column("split"), splits) & ~are_generated(corpus.index)
    return np.flatnonzero(real)


def _statistics(corpus: Corpus, rows: np.ndarray) -> Statistics:
    """The statistics of at most `IMAGES` of these rows; unreadable ones and those of a rarer size do not count."""
    from difffas.matching import Moments

    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(IMAGES, len(rows))).astype(np.int64))]
    found: dict[tuple[int, ...], Moments] = {}
    for first in range(0, len(chosen), CHUNK):
        for size, images in _by_size(corpus, chosen[first : first + CHUNK]).items():
            part = Moments.of(to_tensor(np.stack(images)))
            found[size] = found[size] + part if size in found else part
    if not found:
        raise UserError(f"{corpus.storage.url}: no image of style {corpus.column('style')[rows[0]]!r} can be read")
    return max(found.values(), key=lambda moments: moments.count).statistics


def _by_size(corpus: Corpus, rows: np.ndarray) -> dict[tuple[int, ...], list[np.ndarray]]:
    found: dict[tuple[int, ...], list[np.ndarray]] = {}
    for row in corpus.rows(rows):
        with contextlib.suppress(UnreadableError):  # the line makes a reject of it
            image = decode(row.image)
            found.setdefault(image.shape, []).append(image)
    return found
