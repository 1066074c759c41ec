"""Choose the real spoofs that calibrate the limits: held-out people, each with a live face of them and of another."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from factory.corpus import Corpus
from factory.corpus.generated import are_generated
from factory.corpus.row import LIVE

PER_STYLE = 100


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Real spoofs and live faces as positions in the training corpus, int64 (P,); a missing face is −1."""

    spoofs: np.ndarray  # ascending
    lives: np.ndarray  # the live partners: the same capture, or else sitting, or else the same person
    impostors: np.ndarray  # live faces of other people of the same domain
    held_out: bool  # whether the spoofs are of other splits than the generator's


def choose_pairs(corpus: Corpus, seen: np.ndarray, unseen: np.ndarray, known: Collection[str]) -> Pairs:
    """Up to `PER_STYLE` spoofs of each style, those with a live partner first; equal inputs give equal pairs.

    Args:
        corpus: the training corpus. seen, unseen: positions of its real spoofs of the training split and the others.
        known: the styles that the judge knows; spoofs of others are left out.
    """
    styles = corpus.column("style")
    judged = [rows[np.isin(styles[rows], list(known))] for rows in (unseen, seen)]
    held_out = bool(len(judged[0]))
    rows = judged[0] if held_out else judged[1]
    person = _codes(corpus, "domain", "subject")
    lives = np.flatnonzero((corpus.column("label") == LIVE) & ~are_generated(corpus.index))
    lives = lives[np.argsort(corpus.column("key")[lives])]
    same_person = _first(lives, person)
    partner = same_person[rows]
    for name in ("sitting", "capture"):
        scene = _first(lives[~_missing(corpus, name)[lives]], _codes(corpus, "domain", "subject", name))
        partner = np.where(scene[rows] >= 0, scene[rows], partner)
    order = np.lexsort([corpus.column("key")[rows].astype(str), person[rows]])
    chosen = np.sort(np.concatenate([_of_style(order[styles[rows][order] == name], partner) for name in known]))
    spoofs = rows[chosen]
    faces = np.unique(same_person[same_person >= 0])
    return Pairs(spoofs, partner[chosen], _impostors(spoofs, faces, person, corpus.column("domain")), held_out)


def _of_style(places: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Evenly spread places of one style; places without a partner only fill up."""
    paired, alone = places[partner[places] >= 0], places[partner[places] < 0]
    return np.concatenate([_spread(paired, PER_STYLE), _spread(alone, max(PER_STYLE - len(paired), 0))])


def _spread(places: np.ndarray, count: int) -> np.ndarray:
    return places[np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).astype(np.int64))]


def _impostors(spoofs: np.ndarray, faces: np.ndarray, person: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """For each spoof, one of `faces` of another person of its domain; the other people take turns."""
    found = np.full(len(spoofs), -1)
    for name in set(domain[spoofs]):
        there = faces[domain[faces] == name]
        for turn, place in enumerate(np.flatnonzero(domain[spoofs] == name)):
            others = there[person[there] != person[spoofs[place]]]
            if len(others):
                found[place] = others[turn % len(others)]
    return found


def _first(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """For every row of the corpus, the first of `rows` that has the same code, or −1."""
    found = np.full(codes.max(initial=-1) + 1, -1)
    found[codes[rows[::-1]]] = rows[::-1]  # of equal codes, the last assignment stays
    return np.asarray(found[codes])


def _codes(corpus: Corpus, *names: str) -> np.ndarray:
    """Texts of several columns as int64 codes; equal texts get equal codes."""
    columns = [corpus.index[name].cast(pa.string()).combine_chunks().fill_null("") for name in names]
    joined = pc.binary_join_element_wise(*columns, "\0")
    return np.asarray(joined.dictionary_encode().indices.to_numpy().astype(np.int64))


def _missing(corpus: Corpus, name: str) -> np.ndarray:
    return np.asarray(corpus.index[name].is_null().to_numpy())
