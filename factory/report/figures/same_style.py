"""Fig. 13b: spoofs in a style that their person has for real, beside that real spoof, the ground truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydantic import Field

from difffas.errors import UserError
from factory import charts
from factory.charts.plate import Panel
from factory.charts.sheet import SheetRow, sheet
from factory.core.config import Config, PathOrUrl
from factory.core.documents import JsonObject
from factory.corpus import Corpus
from factory.corpus.people import people, people_shown
from factory.corpus.row import LIVE, SPOOF, Row
from factory.images import decode
from factory.report.figures.choice import by_hash, in_turns
from factory.report.figures.figure import Figure, Prepared, Table, tile
from factory.report.sections import corpus_folder
from factory.report.triplets import find_pictures, picture

MEASURED = 200  # rows at most, for the means


class SameStyleFigure(Config):
    """Fig. 13b: rows of a corpus that `generate` made with `plan.policies=[same-style]`, beside the ground truth."""

    generated: PathOrUrl = Field(description="corpus made with plan.policies=[same-style]")
    real: PathOrUrl = Field(description="live faces, guides and the real spoofs that are the ground truth")
    rows: int = Field(6, ge=1, description="rows shown; styles take turns")


class Pairs(NamedTuple):
    """Positions of generated rows and of the real spoofs that are their ground truth, N each."""

    made: np.ndarray
    truth: np.ndarray


def prepare(config: SameStyleFigure) -> Prepared:
    """Open both corpora and find the ground truths.

    Raises:
        UserError: if no generated row has one.
    """
    generated, real = Corpus(config.generated), Corpus(config.real)
    pairs = truths(generated, real)
    if not len(pairs.made):
        raise UserError(
            f"figures.same_style: {real.storage.url} has no real spoof of the person and style of a row of "
            f"{generated.storage.url} whose guide shows another person: generate with plan.policies=[same-style]"
        )
    identity: JsonObject = {"generated": generated.digest, "real": real.digest, "rows": config.rows}
    folders = {"generated": corpus_folder(generated), "real": corpus_folder(real)}
    return Prepared(identity, folders, lambda: draw(config, generated, real, pairs))


def truths(generated: Corpus, real: Corpus) -> Pairs:
    """Generated rows with a real spoof of their person in their style, and that spoof.

    A spoof of the live face's recording comes first, then the least key. Rows whose guide shows the person are left
    out, since the guide may be the ground truth itself.
    """
    person, style, key = people(real), real.column("style"), real.column("key")
    capture, spoof = real.column("capture"), real.column("label") == SPOOF
    owned: dict[tuple[str, str], list[int]] = {}
    for place in np.flatnonzero(spoof).tolist():
        owned.setdefault((person[place], style[place]), []).append(place)
    whose = {(style[place], key[place]): person[place] for place in np.flatnonzero(spoof).tolist()}
    columns = (generated.column(name) for name in ("style", "guide_key", "capture", "label"))
    made, found = [], []
    for place, (who, its_style, guide, scene, label) in enumerate(zip(people_shown(generated), *columns, strict=True)):
        own = owned.get((who, its_style), [])
        if label != SPOOF or not own or whose.get((its_style, guide), who) == who:
            continue
        made.append(place)
        found.append(min(own, key=lambda one: (capture[one] is None or capture[one] != scene, key[one])))
    return Pairs(np.array(made, dtype=np.int64), np.array(found, dtype=np.int64))


def draw(config: SameStyleFigure, generated: Corpus, real: Corpus, pairs: Pairs) -> Figure:
    """Live face, guide, generated spoof and ground truth of some rows; means over more of them."""
    place_of = dict(zip(pairs.made.tolist(), pairs.truth.tolist(), strict=True))
    shown = in_turns(generated, pairs.made, config.rows)
    rows, own = generated.rows(shown), real.rows([place_of[place] for place in shown.tolist()])
    live = find_pictures([real], {row.live_key: row.live_domain for row in rows}, "domain", LIVE)
    guide = find_pictures([real], {row.guide_key: row.style for row in rows}, "style", SPOOF)
    lines = [
        SheetRow(
            _title(row),
            [
                tile(live.get(row.live_key), "live"),
                tile(guide.get(row.guide_key), "guide"),
                tile(picture(row), "generated", _brisque(row), made=True),
                tile(picture(truth), "ground truth", _brisque(truth)),
            ],
        )
        for row, truth in zip(rows, own, strict=True)
    ]
    heads = ["live face", "guide", "generated", "ground truth"]
    measured = by_hash(generated, pairs.made, MEASURED)
    return Figure(
        name="same_style",
        heading="Beside the ground truth",
        text="Each spoof is made of the live face at its left, in the style of a guide of another person; the "
        "ground truth "
        "is a real spoof of the same person in that style, which the generator was not shown for this image. A "
        "hash of the keys chose the rows. Numbers below the images are BRISQUE.",
        panels=[Panel("", "", sheet(heads, lines, "Live face, guide, generated spoof and ground truth"))],
        table=_means(generated, real, measured, np.array([place_of[place] for place in measured.tolist()])),
        notes=[
            f"{len(pairs.made):,} of {len(generated):,} rows have a ground truth. Means and standard deviations "
            "are over "
            f"{len(measured):,} of them; light and pose of a ground truth may differ from those of the live face "
            "unless both come from one recording."
        ],
    )


def _means(generated: Corpus, real: Corpus, made: np.ndarray, truth: np.ndarray) -> Table:
    """How far spoofs and ground truths are from the live faces, and their BRISQUE."""
    rows, own = generated.rows(made), real.rows(truth)
    wanted = {(row.live_key, row.live_domain) for row in rows}
    label, domain, key = (real.column(name) for name in ("label", "domain", "key"))
    places = [p for p in np.flatnonzero(label == LIVE).tolist() if (key[p], domain[p]) in wanted]
    lives = {(row.key, row.domain): row for row in real.rows(places)}
    kinds: list[tuple[str, list[Row]]] = [("generated", rows), ("ground truth", own)]
    return Table(
        ["BRISQUE", "change from the live face (1 − SSIM)"],
        [(name, [_spread([row.brisque for row in some]), _change(some, rows, lives)]) for name, some in kinds],
    )


def _change(spoofs: list[Row], rows: list[Row], lives: dict[tuple[str, str], Row]) -> str:
    from factory.models.measures import structure_change

    faces = [lives.get((str(row.live_key), str(row.live_domain))) for row in rows]
    pairs = [(decode(face.image), decode(spoof.image)) for face, spoof in zip(faces, spoofs, strict=True) if face]
    same = [(face, spoof) for face, spoof in pairs if face.shape == spoof.shape]
    if not same:
        return "—"
    return _spread(structure_change(*(np.stack(images) for images in zip(*same, strict=True))).tolist(), 3)


def _spread(values: list[float | None], decimals: int = 1) -> str:
    known = np.array([value for value in values if value is not None])
    if not len(known):
        return "—"
    return f"{charts.fixed(float(known.mean()), decimals)} ± {charts.fixed(float(known.std()), decimals)}"


def _title(row: Row) -> str:
    at = f"T₀ {row.t0}, w {charts.number(row.cfg_scale)}" if row.t0 is not None and row.cfg_scale is not None else ""
    return ", ".join(filter(None, (row.style, at)))


def _brisque(row: Row) -> str:
    return "" if row.brisque is None else charts.fixed(row.brisque, 1)
