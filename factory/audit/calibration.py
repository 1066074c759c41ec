"""Take the limits of identity, style and face from real held-out spoofs, and say how many of them pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NotRequired, TypeAlias, TypedDict

import numpy as np

from difffas.metrics import auc
from factory.audit.verdict import RealLimit, Reference, RowLimits, Thresholds
from factory.corpus.row import LIVE, SPOOF

FEWEST = 10  # with fewer measured spoofs, a style takes its limit from the spoofs of all styles
LEAST_AUC = 0.6  # below, the distances of the same and of different people differ too little for a limit
LEAST_MIRROR_AUC = 0.9  # below, a distance to the mirror image says little: drawn faces have 0.64, photographs 0.99
HIGHEST_STYLE_LIMIT = 0.5
MEASURED = ("identity", "style", "quality", "face")


@dataclasses.dataclass(frozen=True)
class RealSpoofs:
    """Measures of real spoofs, one entry each; a missing live face or score is NaN."""

    style: np.ndarray  # text
    style_probability: np.ndarray
    style_right: np.ndarray  # bool, whether the own style is the judge's likeliest
    genuine_distance: np.ndarray  # to a live face of the same person
    impostor_distance: np.ndarray  # to a live face of another person
    brisque: np.ndarray
    mirror_distance: np.ndarray  # of the face to its mirror image
    held_out: bool  # whether the generator has not seen these people


class Passed(TypedDict):
    """Shares of real spoofs that keep each limit and all limits; None without a limit or a value."""

    identity: float | None
    style: float | None
    quality: float | None
    face: NotRequired[float | None]  # missing in folders of version 0.2.0
    all: float | None


class StyleLimits(TypedDict):
    """The limits of one style, and how its own real spoofs fare."""

    spoofs: int
    pairs: int  # spoofs with a live face of the same person
    pooled: list[str]  # the limits that come from the spoofs of all styles
    auc: float | None  # chance that a pair of one person is closer than a pair of two
    identity_distance: float | None
    no_identity_limit: str | None  # why
    style_probability: float | None
    no_style_limit: str | None
    mirror_distance: NotRequired[float | None]  # this and its reason are missing in folders of version 0.2.0
    no_mirror_limit: NotRequired[str | None]
    passed: Passed


class Limits(TypedDict):
    """The limits by style of the audited spoofs; `spoofs` counts the real spoofs of all styles."""

    held_out: bool
    spoofs: int
    judge_accuracy: float | None
    by_style: dict[str, StyleLimits]
    passed: Passed  # by the real spoofs of the audited styles


def calibrate(real: RealSpoofs, thresholds: Thresholds, references: Mapping[str, Reference]) -> Limits:
    """The limits of every audited style.

    Args:
        real: the real spoofs of all styles that the judge knows.
        references: the references of the z-scores by audited style, see `factory.audit.verdict.quality_z`.
    """
    accuracy = float(real.style_right.mean()) if len(real.style) else None
    found: dict[str, StyleLimits] = {}
    kept: list[dict[str, np.ndarray]] = []
    for style, reference in references.items():
        found[style], keeps = _calibrate_style(real, real.style == style, reference, accuracy, thresholds)
        kept.append(keeps)
    return {
        "held_out": real.held_out,
        "spoofs": len(real.style),
        "judge_accuracy": accuracy,
        "by_style": found,
        "passed": _passed({name: np.concatenate([keeps[name] for keeps in kept]) for name in MEASURED}),
    }


def _calibrate_style(
    real: RealSpoofs, own: np.ndarray, reference: Reference, accuracy: float | None, thresholds: Thresholds
) -> tuple[StyleLimits, dict[str, np.ndarray]]:
    """The limits of the style whose spoofs are `own`, and which of these keep them, by `MEASURED`."""
    paired = np.isfinite(real.genuine_distance)
    of_pairs, pooled_pairs = _enough(own & paired, paired)
    of_spoofs, pooled_spoofs = _enough(own, np.ones(len(own), dtype=bool))
    separable = _auc(real.genuine_distance[of_pairs], real.impostor_distance[of_pairs])
    distance, no_distance = _identity_limit(real.genuine_distance[of_pairs], separable, thresholds)
    probability, no_probability = _style_limit(real.style_probability[of_spoofs], accuracy, thresholds)
    mirror, no_mirror = _mirror_limit(real.mirror_distance[of_spoofs], separable, thresholds)
    keeps = {
        "identity": _at_most(real.genuine_distance[own], distance),
        "style": _at_most(-real.style_probability[own], None if probability is None else -probability),
        "quality": _quality(real.brisque[own], reference, thresholds.brisque_z),
        "face": _at_most(real.mirror_distance[own], mirror),
    }
    limits: StyleLimits = {
        "spoofs": int(own.sum()),
        "pairs": int((own & paired).sum()),
        "pooled": [name for name, is_so in (("identity", pooled_pairs), ("style", pooled_spoofs)) if is_so],
        "auc": separable,
        "identity_distance": distance,
        "no_identity_limit": no_distance,
        "style_probability": probability,
        "no_style_limit": no_probability,
        "mirror_distance": mirror,
        "no_mirror_limit": no_mirror,
        "passed": _passed(keeps),
    }
    return limits, keeps


def limits_of_rows(limits: Limits, styles: Sequence[str]) -> RowLimits:
    """The limits of each audited spoof, by its style."""
    names, place = np.unique(np.array(styles, dtype=str), return_inverse=True)
    chosen = [limits["by_style"][str(name)] for name in names]
    distance = np.array([style["identity_distance"] for style in chosen], dtype=np.float64)  # None becomes NaN
    probability = np.array([style["style_probability"] for style in chosen], dtype=np.float64)
    mirror = np.array([style["mirror_distance"] for style in chosen], dtype=np.float64)
    return RowLimits(distance[place], probability[place], mirror[place])


def remarks(limits: Limits, thresholds: Thresholds) -> list[str]:
    """What the person who runs the audit should know, a line each: doubts first, then how many real spoofs pass."""
    accuracy, floor, lines = limits["judge_accuracy"], thresholds.judge_accuracy, []
    if accuracy is None:
        return ["no real spoof is of a style that the judge knows: identity and style have no real limits"]
    people = "held-out real spoofs" if limits["held_out"] else "real spoofs"
    if not limits["held_out"]:
        lines.append("no real spoof is outside the training split: the limits come from people seen in training")
    if floor is not None and accuracy < floor:
        consequence = "refuses no row" if thresholds.style_probability == "real" else "is a doubtful reason"
        lines.append(
            f"WARNING: the judge of style is right on only {_percent(accuracy)} of {people} "
            f"(thresholds.judge_accuracy {floor:g}): style {consequence}; give a better inputs.judge"
        )
    if thresholds.identity_distance == "real":
        whys: dict[str, list[str]] = {}
        for name, style in limits["by_style"].items():
            if (why := style["no_identity_limit"]) is not None:
                whys.setdefault(why, []).append(name)
        lines += [f"no identity limit for {', '.join(names)}: {why}" for why, names in whys.items()]
    passed = limits["passed"]
    face, judged = passed.get("face"), "identity, style and quality"
    shares = {name: _percent(passed[name]) for name in ("identity", "style", "quality")}
    if face is not None:
        judged, shares = "identity, style, quality and face", {**shares, "face": _percent(face)}
    each = ", ".join(f"{name} {share}" for name, share in shares.items())
    lines.append(
        f"{_percent(passed['all'])} of {people} pass {judged} ({each}); the judge is right on {_percent(accuracy)}"
    )
    return lines


def _enough(own: np.ndarray, everywhere: np.ndarray) -> tuple[np.ndarray, bool]:
    """Where a limit is taken from, bool (P,): a style's own spoofs, or those of all styles if too few; and which."""
    pooled = int(own.sum()) < FEWEST
    return (everywhere if pooled else own), pooled


def _auc(genuine: np.ndarray, impostor: np.ndarray) -> float | None:
    impostor = impostor[np.isfinite(impostor)]
    if not len(genuine) or not len(impostor):
        return None
    labels = np.repeat([LIVE, SPOOF], [len(genuine), len(impostor)])
    return auc(-np.concatenate([genuine, impostor]), labels)


Limit: TypeAlias = tuple[float | None, str | None]  # the limit, or None and why


def _limit(given: RealLimit, obstacle: str | None, percentile: Callable[[], float]) -> Limit:
    """The limit as the thresholds give it, or for `real` the percentile, unless there is an obstacle."""
    if given != "real":
        return given, "not set" if given is None else None
    return (None, obstacle) if obstacle else (percentile(), None)


def _identity_limit(genuine: np.ndarray, separable: float | None, thresholds: Thresholds) -> Limit:
    obstacle = None
    if not len(genuine):
        obstacle = "no real spoof has a live face of its person"
    elif separable is None:
        obstacle = "no live face of another person"
    elif separable < LEAST_AUC:
        obstacle = "the embedder cannot tell these people apart"
    return _limit(thresholds.identity_distance, obstacle, lambda: _upper(genuine, thresholds))


def _style_limit(probabilities: np.ndarray, accuracy: float | None, thresholds: Thresholds) -> Limit:
    obstacle = None
    if not len(probabilities):
        obstacle = "no real spoof of a style that the judge knows"
    elif _unreliable(accuracy, thresholds.judge_accuracy):
        obstacle = "the judge is right too seldom"
    lower = 100 - thresholds.percentile
    return _limit(
        thresholds.style_probability,
        obstacle,
        lambda: min(HIGHEST_STYLE_LIMIT, float(np.percentile(probabilities, lower, method="lower"))),
    )


def _mirror_limit(distances: np.ndarray, separable: float | None, thresholds: Thresholds) -> Limit:
    obstacle = None
    if not np.isfinite(distances).any():
        obstacle = "no face recognition" if len(distances) else "no real spoof of a style that the judge knows"
    elif separable is None or separable < LEAST_MIRROR_AUC:
        obstacle = "the embedder is not seen to know these faces"
    return _limit(thresholds.mirror_distance, obstacle, lambda: _upper(distances, thresholds))


def _upper(distances: np.ndarray, thresholds: Thresholds) -> float:
    """A distance that occurs, so that at least this share of the real spoofs keeps the limit."""
    return float(np.percentile(distances, thresholds.percentile, method="higher"))


def _unreliable(accuracy: float | None, floor: float | None) -> bool:
    return accuracy is not None and floor is not None and accuracy < floor


def _at_most(values: np.ndarray, limit: float | None) -> np.ndarray:
    """1.0 where a value keeps the limit, 0.0 where it does not, NaN without a limit or a value."""
    if limit is None:
        return np.full(len(values), np.nan)
    return np.where(np.isfinite(values), values <= limit, np.nan)


def _quality(brisque: np.ndarray, reference: Reference, limit: float | None) -> np.ndarray:
    """As `_at_most`, for |z| of the scores; a spoof without a score does not pass."""
    if limit is None:
        return np.full(len(brisque), np.nan)
    mean, std = reference["mean"], reference["std"]
    if mean is None or std is None:
        return np.where(np.isfinite(brisque), np.nan, 0.0)
    return np.where(np.abs(brisque - mean) / std <= limit, 1.0, 0.0)


def _passed(keeps: Mapping[str, np.ndarray]) -> Passed:
    """The shares. A spoof with an unknown value passes, as in a verdict."""
    share = {name: float(np.nanmean(values)) if np.isfinite(values).any() else None for name, values in keeps.items()}
    whole = np.stack(list(keeps.values()))
    everything = float((whole != 0.0).all(axis=0).mean()) if whole.size else None
    return {
        "identity": share["identity"],
        "style": share["style"],
        "quality": share["quality"],
        "face": share["face"],
        "all": everything,
    }


def _percent(share: float | None) -> str:
    return "not judged" if share is None else f"{100 * share:.0f} %"
