"""Remarks on a plan and its inputs: consequences that their author may not have intended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory.corpus.hub import too_many_files
from factory.models.generators import BUILT_IN
from factory.storage import Storage

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


def another_side(generator: str, side: int) -> list[str]:
    """A remark if a generator was fitted on images of another shorter side, in pixels.

    A network draws at any size, but what it has learned is that of one. Models without statistics name none.
    """
    from difffas.style_statistics import read_statistics

    if generator in BUILT_IN:
        return []
    fitted = {min(each.size) for each in read_statistics(Storage(generator)).values()}
    if not fitted or side in fitted:
        return []
    return [
        f"images have side {side}, generator {generator} was fitted on {min(fitted)}: its spoofs will be poor; "
        f"prepare the images with size {min(fitted)}"
    ]
