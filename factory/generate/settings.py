"""What to generate: policies, splits, styles, guides, and how many samples."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from difffas.errors import UserError
from factory.core.config import Config


class PlanConfig(Config):
    """What to generate.

    cross-attack: every attack that a live subject lacks in its own domain. cross-domain: the styles of other domains.
    same-style: the styles that a live subject has itself, by guides of other people, for comparison with its real
    spoofs (Fig. 13b); with this policy no guide shows the person of its live face.
    """

    policies: tuple[Literal["cross-attack", "cross-domain", "same-style"], ...] = Field(
        ("cross-attack", "cross-domain"), min_length=1, description="which styles a live face gets"
    )
    splits: tuple[str, ...] = Field(
        ("train",), min_length=1, description="splits whose live faces are used, each with guides of its own split"
    )
    samples: int | None = Field(None, ge=1, description="per split; None: one per (live, style, guide) triple")
    live_domains: tuple[str, ...] | None = Field(
        None, min_length=1, description="only live faces of these domains; None: all"
    )
    allowed_domains: tuple[str, ...] | None = Field(None, description="domains of a protocol; others are refused")
    allowed_attacks: tuple[str, ...] | None = Field(None, description="attacks of a protocol; others are refused")
    guides_per_style: int = Field(
        4, ge=1, description="guides that a live face meets in each style, where samples is null"
    )
    styles: tuple[str, ...] | None = Field(
        None, min_length=1, description="only these styles; None: all styles that the policies allow"
    )
    seed: int = Field(0, ge=0, description="seed of guides, T₀, w and noise")

    @model_validator(mode="after")
    def _check(self) -> PlanConfig:
        for name in ("splits", "styles"):
            given = getattr(self, name) or ()
            if len(set(given)) < len(given):
                raise UserError(f"plan.{name} {list(given)} names one twice")
        return self
