"""Derive verdicts from measures and the index: z-scores, near-duplicates, leaks, and which rows are accepted."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field

from difffas.errors import UserError
from factory.audit.hashes import MAX_RADIUS, nearest_before, split_masks
from factory.audit.semantic.findings import Semantic
from factory.core.config import Config
from factory.corpus import Corpus
from factory.corpus.generated import are_generated
from factory.corpus.row import LIVE, PART, SPOOF

# The reasons to refuse a row, in the order in which `reason` lists them.
REASONS = ("identity", "style", "memorised", "near-duplicate", "quality", "no quality score", "face", "leak")
SEMANTIC_REASONS = ("semantic duplicate", "semantic copy")  # follow them, if the check is asked for
LEAKS = ("subject", "live face", "near-duplicate of a live face")
AUDIT_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("identity_distance", pa.float64()),
        ("style_probability", pa.float64()),
        ("nearest_spoof", pa.string()),
        ("nearest_spoof_bits", pa.int64()),
        ("nearest_spoof_distance", pa.float64()),
        ("near_duplicate_of", pa.string()),
        ("near_duplicate_bits", pa.int64()),
        ("brisque", pa.float64()),
        ("brisque_z", pa.float64()),
        ("mirror_distance", pa.float64()),
        ("tone_drift", pa.float64()),
        ("leak", pa.string()),
        ("dhash", pa.uint64()),
        ("accepted", pa.bool_()),
        ("reason", pa.string()),
    ]
)


RealLimit = float | Literal["real"] | None


def _limit(value: object, below: float = math.inf) -> object:
    """Check a `RealLimit` as a whole, since pydantic would tell the faults of each of its types."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else 0
    if value is None or value == "real" or 0 < number < below:
        return value
    span = "above 0" if below == math.inf else f"between 0 and {below:g}"
    raise UserError(f"must be a number {span}, real or null")


class Thresholds(Config):
    """The limits that a row must keep to be accepted. None: measured, but never a reason to refuse a row.

    `real`: a limit for each style, which real held-out spoofs of this style pass (see `factory.audit.calibration`).
    """

    identity_distance: Annotated[RealLimit, BeforeValidator(_limit)] = Field(
        "real", description="upper limit; the embedder sets the scale"
    )
    style_probability: Annotated[RealLimit, BeforeValidator(functools.partial(_limit, below=1.0))] = Field(
        "real", description="lower limit"
    )
    mirror_distance: Annotated[RealLimit, BeforeValidator(_limit)] = Field(
        None, description="upper limit on the distance of a face to its mirror image; not without face recognition"
    )
    percentile: float = Field(95.0, ge=50, le=100, description="percentage of real spoofs that pass each `real` limit")
    judge_accuracy: float | None = Field(
        0.9, gt=0, le=1, description="a judge that is right less often on real spoofs sets no `real` style limit"
    )
    memorised_bits: int | None = Field(4, ge=0, le=64, description="memorised: at most this far from a training spoof")
    memorised_distance: float = Field(0.05, ge=0, description="and at most this cosine distance of style features")
    near_duplicate_bits: int | None = Field(2, ge=0, le=MAX_RADIUS, description="for two spoofs of one style, at most")
    brisque_z: float | None = Field(4.0, gt=0, description="limit on |z| against the real spoofs of the style")
    leaks: bool = Field(True, description="refuse a row whose subject or live face is also in another split")
    live_bits: int = Field(2, ge=0, le=MAX_RADIUS, description="two live faces this near count as one for `leaks`")

    def decisive(self, recognises_faces: bool = False) -> dict[str, Any]:
        """What decides the verdicts, in JSON: without the settings of `real` limits where no limit is `real`.

        Args:
            recognises_faces: whether the embedder recognises faces; only such an embedder gives a mirror distance.
        """
        mirror = self.mirror_distance if recognises_faces else None
        unused = set() if self.style_probability == "real" else {"judge_accuracy"}
        if mirror is None:
            unused.add("mirror_distance")
        if "real" not in (self.identity_distance, self.style_probability, mirror):
            unused.add("percentile")
        return self.model_dump(mode="json", exclude=unused)


@dataclasses.dataclass(frozen=True)
class Measures:
    """What a verdict follows from: arrays with one entry per audited spoof. A measure that is missing is NaN."""

    key: np.ndarray  # text
    dhash: np.ndarray  # uint64
    identity_distance: np.ndarray
    style_probability: np.ndarray
    nearest_spoof: np.ndarray  # text, key of the nearest training spoof
    nearest_spoof_bits: np.ndarray
    nearest_spoof_distance: np.ndarray
    near_duplicate_place: np.ndarray  # int64, position of the near-duplicate among the spoofs, −1 without one
    near_duplicate_bits: np.ndarray  # int64, −1 without one
    brisque: np.ndarray
    brisque_z: np.ndarray
    mirror_distance: np.ndarray
    tone_drift: np.ndarray  # degrees of typology angle, spoof − live face
    leak: np.ndarray  # int64, place in `LEAKS`, −1 without one
    semantic: Semantic | None = None  # if the check is asked for


class RowLimits(NamedTuple):
    """The limits of each audited spoof, float64 (N,); NaN for a spoof without a limit."""

    identity_distance: np.ndarray
    style_probability: np.ndarray
    mirror_distance: np.ndarray


class Verdict(NamedTuple):
    """Which rows are accepted, bool (N,), and why each other row is not: `REASONS`, joined by a comma."""

    accepted: np.ndarray
    reasons: list[str | None]


class Reference(TypedDict):
    """The real spoofs that a style's BRISQUE is compared with: of that style, or all; `of` is None without any."""

    of: str | None
    count: int
    mean: float | None
    std: float | None


def quality_z(spoofs: pa.Table, guides: Corpus) -> tuple[np.ndarray, dict[str, Reference]]:
    """z-score of each spoof's BRISQUE against the real spoofs of its style; NaN for a spoof without a score.

    If the style has fewer than two real spoofs with different scores, the real spoofs of all styles are the reference.
    Returns the z-scores and the reference by style.
    """
    real = _real(guides) & (guides.column("label") == SPOOF)
    scores, styles = guides.column("brisque").astype(np.float64)[real], guides.column("style")[real]
    mine, my_styles = spoofs["brisque"].to_numpy().astype(np.float64), np.array(spoofs["style"].to_pylist())
    found, references = np.full(len(mine), np.nan), {}
    for style in np.unique(my_styles):
        reference: Reference = {"of": None, "count": 0, "mean": None, "std": None}
        for name, chosen in ((str(style), scores[styles == style]), ("spoof", scores)):
            known = chosen[np.isfinite(chosen)]
            if len(known) > 1 and known.std() > 0:
                mean, std = float(known.mean()), float(known.std())
                reference = {"of": name, "count": len(known), "mean": mean, "std": std}
                rows = my_styles == style
                found[rows] = (mine[rows] - mean) / std
                break
        references[str(style)] = reference
    return found, references


def near_duplicates(spoofs: pa.Table, dhash: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """For each spoof, the nearest with a smaller key within its style and the radius: place and bits, −1 if none."""
    plain = pa.table({name: _plain(spoofs[name]) for name in ("style", "key")})
    ordered = pc.sort_indices(plain, [("style", "ascending"), ("key", "ascending")]).to_numpy()
    styles = _codes(spoofs["style"])[ordered]
    place, bits = np.full(len(spoofs), -1), np.full(len(spoofs), -1)
    for rows in np.split(ordered, np.flatnonzero(np.diff(styles)) + 1):
        before, apart = nearest_before(dhash[rows], radius)
        found = before >= 0
        place[rows[found]], bits[rows[found]] = rows[before[found]], apart[found]
    return place, bits


def leaks(
    spoofs: pa.Table, live_dhash: np.ndarray, corpora: Sequence[tuple[Corpus, np.ndarray]], live_bits: int
) -> np.ndarray:
    """For each spoof, which of its facts is also in another split: the first place in `LEAKS` that applies, or −1.

    Both the spoofs and the real rows of `corpora` count, except rows of the split without a name, which under a
    protocol holds the unused rows.

    Args:
        spoofs: index rows of the audited spoofs. live_dhash: hashes of their live faces.
        corpora: real corpora, each with the hashes of its rows. live_bits: live faces this near count as the same.
    """
    parts = [(spoofs, "live_domain", "live_key", live_dhash, np.ones(len(spoofs), dtype=bool))]
    for corpus, hashes in corpora:
        rows = np.flatnonzero(_real(corpus))
        table = corpus.index.take(pa.array(rows))
        parts.append((table, "domain", "key", hashes[rows], table["label"].to_numpy() == LIVE))
    splits = pa.chunked_array([_plain(table["split"]) for table, *_ in parts]).dictionary_encode().combine_chunks()
    used = np.asarray(pc.not_equal(splits.cast(pa.string()), "").to_numpy(zero_copy_only=False))
    if len(splits.dictionary) > 62:
        raise UserError(f"{len(splits.dictionary)} splits, such as {splits.dictionary[0]}: an audit takes 62 at most")
    split = np.int64(1) << splits.indices.to_numpy().astype(np.int64)
    live = used & np.concatenate([is_live for *_, is_live in parts])
    people = _codes([_person(table, domain) for table, domain, *_ in parts])
    faces = _codes([_plain(table[key]) for table, _, key, *_ in parts])
    near = np.zeros(len(split), dtype=np.int64)
    near[live] = split_masks(np.concatenate([hashes for *_, hashes, _ in parts])[live], split[live], live_bits)
    elsewhere = [_masks(people, split, used), _masks(faces, split, live), near]
    here = split[: len(spoofs)]
    return np.asarray(np.select([(mask[: len(spoofs)] & ~here) != 0 for mask in elsewhere], [0, 1, 2], default=-1))


def judge(measures: Measures, thresholds: Thresholds, limits: RowLimits) -> Verdict:
    """Which rows are accepted. A measure or a row's limit that is NaN is never a reason to refuse a row."""
    failed = {name: np.zeros(len(measures.key), dtype=bool) for name in REASONS}
    failed["identity"] = measures.identity_distance > limits.identity_distance
    failed["style"] = measures.style_probability < limits.style_probability
    if thresholds.memorised_bits is not None:
        failed["memorised"] = memorised(measures.nearest_spoof_bits, measures.nearest_spoof_distance, thresholds)
    if thresholds.near_duplicate_bits is not None:
        failed["near-duplicate"] = measures.near_duplicate_bits >= 0
    if thresholds.brisque_z is not None:
        failed["quality"] = np.abs(measures.brisque_z) > thresholds.brisque_z
        failed["no quality score"] = np.isnan(measures.brisque)
    failed["face"] = measures.mirror_distance > limits.mirror_distance
    if thresholds.leaks:
        failed["leak"] = measures.leak >= 0
    if (semantic := measures.semantic) is not None:
        near = semantic.duplicate >= 0, semantic.copied.is_valid().to_numpy(zero_copy_only=False)
        failed |= dict(zip(SEMANTIC_REASONS, near, strict=True))
    refused = np.stack(list(failed.values()))
    reasons = [", ".join(name for name, fault in zip(failed, row, strict=True) if fault) or None for row in refused.T]
    return Verdict(np.asarray(~refused.any(axis=0)), reasons)


def memorised(bits: np.ndarray, distance: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """Which rows are near their nearest training spoof by hash and by style features."""
    if thresholds.memorised_bits is None:
        return np.zeros(len(bits), dtype=bool)
    return np.asarray((bits <= thresholds.memorised_bits) & (distance <= thresholds.memorised_distance))


def _real(corpus: Corpus) -> np.ndarray:
    """Which rows of a corpus were not generated."""
    return ~are_generated(corpus.index)


def _masks(codes: np.ndarray, split: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The splits, as bits, in which each code occurs among the rows that count."""
    found = np.zeros(codes.max(initial=-1) + 1, dtype=np.int64)
    np.bitwise_or.at(found, codes[counts], split[counts])
    return np.asarray(found[codes])


def _person(table: pa.Table, domain: str) -> pa.Array:
    """The person in each row; a subject's name is unique only within its whole domain."""
    whole = pc.replace_substring_regex(_plain(table[domain]), pattern=f"(?s){PART}.*", replacement="")
    return pc.binary_join_element_wise(whole, _plain(table["subject"]), "/")


def _codes(names: pa.ChunkedArray | list[pa.Array]) -> np.ndarray:
    """Texts as int64 codes; equal texts get equal codes."""
    text = pa.chunked_array(names) if isinstance(names, list) else pa.chunked_array([_plain(names)])
    return np.asarray(text.dictionary_encode().combine_chunks().indices.to_numpy().astype(np.int64))


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """A text column as one array, without a dictionary; missing texts become empty."""
    return column.cast(pa.string()).combine_chunks().fill_null("")
