"""The world station: rendered people who do not exist, and attacks on them, as a corpus; manual: docs/world.md."""

from __future__ import annotations

from typing import Any

from difffas.errors import UserError
from factory import cluster
from factory.cluster.capacity import Need
from factory.cluster.retries import BOUNDED
from factory.core.progress import say
from factory.corpus.scenes import SCENES
from factory.line import Failed, LineSummary, Work, finished_run, run_line
from factory.run import SUMMARY, Planned, Run, read_claim
from factory.storage import Storage
from factory.world.attacks.enrolment import SIDE, enrolled_side
from factory.world.plan import Plan
from factory.world.render import renderer
from factory.world.settings import WorldConfig as WorldConfig
from factory.world.settings import WorldResources
from factory.world.worker import render_shard

PREFIX = "rendered"
DECISIVE = {"people", "domains", "attacks", "captures", "size", "samples", "seed", "output"}


def run(config: WorldConfig, failed: Failed = "skip") -> LineSummary:
    """Render every planned picture that is not in the corpus yet; return the run's summary.

    Raises:
        UserError: something is to be rendered and Mitsuba is not installed; see `run_line` for the others.
    """
    plan, rendered_by = Plan(config), _renderer_of(config.out)
    totals: Planned = {"shards": plan.shard_count, "images": len(plan), "styles": plan.style_counts()}
    claim = Run(config.out, "world", identity(config, rendered_by), config, totals, needs(config.resources))
    if (finished := finished_run(claim, plan.shards())) is not None:
        return finished
    say(f"world: {plan.describe()}")
    cluster.connect()
    import ray

    shared = ray.put((plan, config, claim.storage.url, renderer()))
    work = Work(
        "world",
        plan.shards(),
        len(plan),
        lambda dataset, _: dataset.map(
            render_shard,
            fn_kwargs={"shared": [shared]},  # in a list: a bare reference would be resolved for every task
            num_cpus=config.resources.num_cpus,
            **cluster.placed(config.resources.task_labels),
            **BOUNDED,
        ),
        PREFIX,
        config.output,
        keys=lambda shard: [picture.key for picture in plan.shard_plan(shard)],
        stall_seconds=config.resources.stall_seconds,
        labels=config.resources.task_labels,
        closing=lambda: SCENES.join_all_parts(claim.storage, plan.shards()),
    )
    return run_line(claim, work, failed)


def _renderer_of(out: str) -> str:
    """The renderer here; where none is installed, that of a finished folder, of which nothing is left to render."""
    try:
        return renderer()
    except UserError:
        storage = Storage(out)
        found = read_claim(storage)["identity"].get("renderer") if storage.exists(SUMMARY) else None
        if not isinstance(found, str):
            raise
        return found


def identity(config: WorldConfig, rendered_by: str | None = None) -> dict[str, Any]:
    """The settings that decide the shards' bytes, and the renderer: that of this machine by default."""
    settings = config.model_dump(mode="json", include=DECISIVE)
    if config.aligned:  # absent otherwise: folders begun before the setting existed can be resumed
        settings["aligned"] = "enrolled in rooms"  # True before: those had a plain wall behind the person
    if (side := enrolled_side(config.size)) != SIDE:  # folders begun when it was always SIDE differ
        settings["enrolled_side"] = side
    return {**settings, "split": list(config.split.items()), "renderer": rendered_by or renderer()}


def needs(resources: WorldResources) -> list[Need]:
    """The resources that a rendering needs at least: one task that renders, and one that writes."""
    labels = resources.task_labels
    return [
        Need(f"resources.num_cpus={resources.num_cpus}", cpus=resources.num_cpus, labels=labels),
        Need("a task that writes", cpus=1.0, labels=labels),
    ]
