"""What a generator's student was taught, and the refusal of everything else before a run claims its folder."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from difffas.errors import UserError
from difffas.routes import Matching
from factory.models.generators import BUILT_IN
from factory.models.settings import Ranges, SamplerConfig
from factory.storage import Storage


class Taught(NamedTuple):
    """What a student was taught: closed ranges, names of styles, how live faces were matched, and calls of a spoof.

    `by_style` has the ranges of every style, even if all have the same.
    """

    t0: tuple[int, int]
    cfg_scale: tuple[float, float]
    styles: tuple[str, ...]
    match: Matching
    calls: int
    by_style: dict[str, Ranges]


def taught_of(name: str) -> Taught | None:
    """What the student of a generator was taught; None if the generator has no student."""
    from difffas.model_folder import has_student, student_config

    if name in BUILT_IN or not has_student(Storage(name)):
        return None
    config = student_config(Storage(name))
    every = len(config["styles"])
    t0 = config["t0_by_style"] or [config["t0"]] * every
    cfg_scale = config["cfg_scale_by_style"] or [config["cfg_scale"]] * every
    by_style = {
        style: Ranges(tuple(levels), tuple(scales))
        for style, levels, scales in zip(config["styles"], t0, cfg_scale, strict=True)
    }
    return Taught(
        tuple(config["t0"]),
        tuple(config["cfg_scale"]),
        tuple(config["styles"]),
        config["match"],
        config["calls"],
        by_style,
    )


def check_student(name: str, sampler: SamplerConfig, styles: Collection[str]) -> None:
    """Refuse what the student of a generator was not taught.

    Args:
        styles: those that will be made, whose ranges alone count; empty: all ranges of the sampler count.

    Raises:
        UserError: naming the student that is missing, or the call, match, range or style that it was not taught.
    """
    taught = taught_of(name)
    if taught is None:
        raise UserError(
            f"sampler.preset {sampler.preset}: generator {name} has no student; run `difffas fit-student` or use "
            "preset balanced"
        )
    if sampler.steps > taught.calls:
        raise UserError(
            f"sampler.preset {sampler.preset}: the student of {name} was taught one call "
            "(distillation.second_call 0); use preset student"
        )
    if sampler.match != taught.match:
        raise UserError(
            f"sampler.match {sampler.match}: the student of {name} was taught with match {taught.match}; "
            f"{_settings(taught)}"
        )
    if strange := sorted(set(styles) - set(taught.styles)):
        raise UserError(
            f"the student of {name} was not taught style {strange[0]!r}; it knows {', '.join(taught.styles)}"
        )
    whole = Ranges(taught.t0, taught.cfg_scale)
    if not styles:
        for key, ranges in sampler.all_ranges():
            _check_ranges(name, key, ranges, whole, _settings(taught))
    for style in sorted(styles):
        key = f"sampler.by_style.{style}" if style in sampler.by_style else "sampler"
        own = taught.by_style[style]
        of = "" if own == whole else f" of style {style}"
        _check_ranges(name, key, sampler.ranges(style), own, _settings(taught), of)


def _settings(taught: Taught) -> str:
    """All that must be set for a student, so that a user who meets one refusal does not meet the next."""
    whole = Ranges(taught.t0, taught.cfg_scale)
    given = [f"sampler.{field}=[{low:g},{high:g}]" for field, (low, high) in whole._asdict().items()]
    same = all(own == whole for own in taught.by_style.values())
    return f"set sampler.match={taught.match}, {' and '.join(given)}, or {'less' if same else 'what each style has'}"


def _check_ranges(name: str, key: str, asked: Ranges, taught: Ranges, mend: str, of: str = "") -> None:
    for field, (low, high) in asked._asdict().items():
        least, most = getattr(taught, field)
        if low < least or high > most:
            raise UserError(
                f"{key}.{field} [{low:g}, {high:g}]{of}: the student of {name} was taught {least:g} to {most:g}; "
                f"{mend}"
            )
