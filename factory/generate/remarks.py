"""Remarks on a plan: consequences that its author may not have intended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory.corpus.hub import too_many_files

if TYPE_CHECKING:
    from factory.generate.people import PeoplePlan
    from factory.generate.plan import Plan


def remarks(plan: Plan | PeoplePlan, formats: int) -> list[str]:
    """Remarks on consequences of a plan that may be unintended: repeated samples, more files than the Hub accepts."""
    found = []
    if (distinct := plan.distinct()) < len(plan):
        found.append(
            f"{len(plan):,} samples, of which {distinct:,} are distinct combinations of live face, guide, T₀ and w; "
            f"the others repeat one with another seed: raise plan.guides_per_style, widen the ranges of "
            f"sampler.t0, sampler.cfg_scale or sampler.by_style, or lower plan.samples"
        )
    many = too_many_files(plan.sizes(), plan.shard_count, formats)
    return found + ([many] if many else [])
