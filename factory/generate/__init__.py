"""The generate station: live corpus × guide corpus × plan → shards of labelled spoofs."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from difffas.errors import UnreadableError, UserError
from factory import cluster
from factory.cluster.capacity import Need
from factory.cluster.compiler import check_compiler
from factory.cluster.retries import BOUNDED
from factory.core import arithmetic
from factory.core.config import Config, PathOrUrl
from factory.core.progress import say
from factory.corpus import Corpus, style_statistics
from factory.corpus.encode import ImageRecord, codec_name
from factory.corpus.row import Facts
from factory.corpus.shards import OutputConfig
from factory.corpus.style_statistics import matching_statistics
from factory.generate import people
from factory.generate.actors import GenerateResources as GenerateResources
from factory.generate.actors import generators_of
from factory.generate.inputs import read_shard, routes_of
from factory.generate.plan import Plan
from factory.generate.remarks import another_side, remarks
from factory.generate.settings import PlanConfig
from factory.generate.within_protocol import generation_plan
from factory.images import decode
from factory.line import Failed, LineSummary, Work, finished_run, metrics, run_line
from factory.line.block import Block
from factory.line.faults import carry
from factory.models.generators import BUILT_IN as BUILT_IN
from factory.models.generators import DUMMY, RECOLOUR, SIMULATE, Request
from factory.models.load import check_sampler, check_side, load_generator, model_digest
from factory.models.people_sampler import makes_people
from factory.models.settings import GeneratorFolder, SamplerConfig
from factory.protocols import check_apart, check_model, open_corpus, protocol_of, record
from factory.run import Planned, Run, run_fingerprint
from factory.storage import Storage

if TYPE_CHECKING:
    from ray.data import Dataset

    from difffas.matching import Statistics
    from factory.corpus.style_statistics import RowsOfStyle

    Stages = Callable[[Dataset, bool], Dataset]

PREFIX = "spoof"


class GenerateInputs(Config):
    """Folders, local or `s3://`. `guides` may equal `live`; `generator` is a model folder, `recolour` or `dummy`.

    For a generator of new people, which edits no face, `live` and `guides` are the corpus that it was fitted on.
    """

    live: PathOrUrl = Field(description="corpus of live faces")
    guides: PathOrUrl = Field(description="corpus whose spoofs show the styles; may be that of the live faces")
    generator: GeneratorFolder = Field(
        description="model folder, portrait-64 or people-64 (which ship), recolour, simulate or dummy"
    )


class GenerateConfig(Config):
    """One generation run."""

    inputs: GenerateInputs
    out: PathOrUrl = Field(description="folder of the spoofs, local or s3://")
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpora's own splits")
    plan: PlanConfig = PlanConfig()
    sampler: SamplerConfig = SamplerConfig()
    output: OutputConfig = OutputConfig()
    resources: GenerateResources = GenerateResources()

    @model_validator(mode="after")
    def _check(self) -> GenerateConfig:
        generators = self.resources.generators
        least, most = (generators, generators) if isinstance(generators, int) else generators
        if not 1 <= least <= most:
            raise UserError(f"resources.generators {generators} must be a count from 1 or [least, most], least first")
        if self.resources.compile and self.sampler.preset == "exact":
            raise UserError("resources.compile is for presets in bfloat16: choose another sampler.preset than exact")
        return self


def run(config: GenerateConfig, failed: Failed = "skip") -> LineSummary:
    """Generate every planned spoof that does not exist yet; return the run's summary.

    `failed` says what to do with quarantined shards; see `run_line` for this and for the errors raised.
    """
    if config.resources.compile and config.inputs.generator not in BUILT_IN and cluster.is_local():
        check_compiler()
    inputs = open_inputs(config)
    claim, plan = plan_run(config, inputs, needs(config.resources))
    if (finished := finished_run(claim, plan.shards())) is not None:
        return finished
    if isinstance(plan, Plan):
        compare_codecs(inputs.live, config.output)
    for remark in remarks_of(config, inputs, plan):
        say(f"generate: {remark}")
    cluster.connect()
    work = Work(
        "generate",
        plan.shards(),
        len(plan),
        _editing(config, inputs, plan) if isinstance(plan, Plan) else _inventing(config, inputs, plan),
        PREFIX,
        config.output,
        keys=lambda shard: plan.shard_plan(shard).keys,
        stall_seconds=config.resources.stall_seconds,
        labels=config.resources.task_labels,
        distinct=plan.distinct() if plan.distinct() < len(plan) else None,
    )
    return run_line(claim, work, failed)


def _editing(config: GenerateConfig, inputs: Inputs, plan: Plan) -> Stages:
    """The stages that turn live faces into spoofs."""
    import ray

    places = [corpus.index.select(["shard", "position"]).combine_chunks() for corpus in (inputs.live, inputs.guides)]
    shared = ray.put((plan, *places))
    reading = {
        "plan": [shared],  # in a list: a bare reference would be resolved and copied into every task
        "live_url": inputs.live.storage.url,
        "guides_url": inputs.guides.storage.url,
        "recipe": recipe_of(config, inputs),
    }
    making = {
        "generator": config.inputs.generator,
        "digest": inputs.generator,
        "sampler": config.sampler,
        "threads": config.resources.threads,
        "compiled": config.resources.compile,
        "paired": config.output.paired,
        "statistics": matching_statistics(match_sources(config, inputs, plan)),
    }

    generators = generators_of(config.resources)

    def stages(dataset: Dataset, careful: bool) -> Dataset:
        tasks = cluster.placed(config.resources.task_labels)
        read = dataset.map(read_shard, fn_kwargs=reading, num_cpus=1, **tasks, **BOUNDED)
        return read.map(GenerateShard, fn_constructor_kwargs=making, **generators(careful))

    return stages


def _inventing(config: GenerateConfig, inputs: Inputs, plan: people.PeoplePlan) -> Stages:
    """The stage that samples new people."""
    generators, batch_size = generators_of(config.resources), config.sampler.batch_size
    making = (plan, config.inputs.generator, inputs.generator, batch_size, config.resources.threads)

    def stages(dataset: Dataset, careful: bool) -> Dataset:
        return dataset.map(people.SamplePeople, fn_constructor_args=making, **generators(careful))

    return stages


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The inputs of a run, opened and identified once."""

    live: Corpus
    guides: Corpus
    generator: str  # value of the `generator` column: `dummy`, `recolour` or the digest of the model folder
    people: bool = False  # whether the generator samples new people


def open_inputs(config: GenerateConfig) -> Inputs:
    """Open the corpora (once if they are the same) and compute the generator's digest, which reads its weights."""
    live = open_corpus(config.inputs.live, config.protocol)
    same = config.inputs.guides == config.inputs.live
    guides = live if same else open_corpus(config.inputs.guides, config.protocol)
    name = config.inputs.generator
    invents = name not in BUILT_IN and makes_people(Storage(name))
    return Inputs(live, guides, claim_generator(name), invents)


def plan_run(
    config: GenerateConfig, inputs: Inputs, asked: Sequence[Need] = ()
) -> tuple[Run, Plan | people.PeoplePlan]:
    """Make the plan, then claim the output folder; raises UserError before anything is written."""
    plan = lay_plan(config, inputs)
    planned: Planned = {"shards": plan.shard_count, "images": len(plan), "styles": plan.style_counts()}
    return Run(config.out, "generate", _identity(config, inputs), config, planned, asked), plan


def needs(resources: GenerateResources) -> list[Need]:
    """The resources that a generation needs at least: one generator, and one task beside it."""
    gpus = resources.gpus_per_generator
    return [
        Need(f"a generator (resources.gpus_per_generator={gpus:g})", gpus=gpus, labels=resources.generator_labels),
        Need("a task that reads", cpus=1.0, labels=resources.task_labels),
    ]


def lay_plan(config: GenerateConfig, inputs: Inputs) -> Plan | people.PeoplePlan:
    """Make the plan of a run; raises UserError if the inputs do not fit each other or the generator."""
    live, guides = inputs.live, inputs.guides
    if inputs.people:
        key = run_fingerprint("generate", _identity(config, inputs))
        given = config.plan, config.sampler, config.output, config.inputs.generator
        return people.lay_plan(*given, live if live is guides else None, inputs.generator, key)
    side = _common_side(live, guides)
    key = run_fingerprint("generate", _identity(config, inputs))
    check_side(config.inputs.generator, side)
    if config.inputs.generator not in BUILT_IN:
        check_model(Storage(config.inputs.generator), protocol_of(live), "the generator")
    check_apart(live, config.plan.splits)
    inside = generation_plan(config.plan, live, guides)
    plan = Plan(inside, config.sampler, config.output.rows_per_shard, live.index, guides.index, key)
    check_sampler(config.inputs.generator, config.sampler, plan.style_counts())
    match_sources(config, inputs, plan)
    return plan


def match_sources(config: GenerateConfig, inputs: Inputs, plan: Plan) -> dict[str, Statistics | RowsOfStyle]:
    """The sources of the statistics that `sampler.match` needs; empty for the value `none`.

    Raises:
        UserError: naming a style without statistics.
    """
    generator, sampler, routes = config.inputs.generator, config.sampler, plan.routes()
    if sampler.match != "none" and generator in BUILT_IN:
        raise UserError(f"sampler.match {sampler.match} does nothing with generator {generator}: leave it out")
    if generator in (RECOLOUR, SIMULATE) and sampler != SamplerConfig(batch_size=sampler.batch_size):
        raise UserError(f"generator {generator} has no T₀, w, steps or preset: leave sampler out")
    if generator == SIMULATE:
        from factory.models import simulate_generator

        simulate_generator.check({route.attack for route in routes}, _size(inputs.live))
    if generator == RECOLOUR:
        sampler = SamplerConfig(match="style", match_unseen="estimate")
        routes = {route._replace(condition=route.live) for route in routes}
    if sampler.match == "none":
        return {}
    from difffas.style_statistics import read_statistics

    known = {} if generator == RECOLOUR else read_statistics(Storage(generator))
    corpora = [inputs.live, *([inputs.guides] if inputs.guides is not inputs.live else [])]
    size = _size(inputs.live)
    return style_statistics.match_sources(known, sampler, routes, corpora, config.plan.splits, size)


def _identity(config: GenerateConfig, inputs: Inputs) -> dict[str, Any]:
    """The settings that decide the shards' bytes; the plan inside a protocol follows from protocol and corpora."""
    return {
        **({"protocol": record(protocol_of(inputs.live))} if protocol_of(inputs.live) else {}),
        "live": inputs.live.digest,
        "guides": inputs.guides.digest,
        "generator": inputs.generator,
        **config.model_dump(mode="json", include={"plan", "output"}),
        "sampler": {"batch_size": config.sampler.batch_size} if inputs.people else config.sampler.decisive(),
    }


def recipe_of(config: GenerateConfig, inputs: Inputs) -> Facts:
    """The columns that all rows of a run share."""
    return {
        "match": config.sampler.match,
        "steps": config.sampler.steps,
        "sampler": config.sampler.name,
        "preset": config.sampler.preset,
        "generator": inputs.generator,
    }


def compare_codecs(live: Corpus, output: OutputConfig) -> None:
    """Warn if spoofs will be stored in another codec than their live faces: the file would then reveal its class."""
    stored, wanted = sorted(set(live.column("codec"))), codec_name(output)
    if stored != [wanted]:
        say(
            f"generate: live faces are stored as {', '.join(stored)}, spoofs will be as {wanted}: a reader of "
            f"files instead of pixels can tell them apart (output.codec, output.quality; docs/publishing.md)"
        )


def remarks_of(config: GenerateConfig, inputs: Inputs, plan: Plan | people.PeoplePlan) -> list[str]:
    """Remarks on a plan and on what it is made from, before anything is made."""
    found = [] if inputs.people else another_side(config.inputs.generator, min(_size(inputs.live)))
    return found + remarks(plan, len(config.output.formats))


def _common_side(live: Corpus, guides: Corpus) -> int:
    """The shorter side of the images, after checking that both corpora have the same image size."""
    (height, width), (guide_height, guide_width) = _size(live), _size(guides)
    if (height, width) != (guide_height, guide_width):
        raise UserError(
            f"live faces are {height}×{width} and guides {guide_height}×{guide_width}: prepare both with one size"
        )
    return min(height, width)


def _size(corpus: Corpus) -> tuple[int, int]:
    """Height and width of the first readable image; the line turns unreadable images into rejects."""
    fault: UnreadableError | None = None
    for row in corpus.rows(range(min(len(corpus), 10))):
        try:
            height, width, _ = decode(row.image).shape
        except UnreadableError as error:
            fault = error
        else:
            return height, width
    raise UserError(f"{corpus.storage.url}: none of its first images can be read ({fault}): prepare it again")


def claim_generator(name: str) -> str:
    """Value of the `generator` column: `dummy` or the digest of the model folder."""
    return name if name in BUILT_IN else model_digest(Storage(name))


class GenerateShard:
    """Second stage, an actor: turns the live faces of a shard into spoofs."""

    def __init__(
        self,
        generator: str,
        digest: str,
        sampler: SamplerConfig,
        threads: int,
        compiled: bool,
        paired: bool,
        statistics: dict[str, Statistics],
    ) -> None:
        self._paired, self._matches = paired, sampler.match in ("domain", "style") or generator in (RECOLOUR, SIMULATE)
        self._generate = load_generator(generator, sampler, threads, compiled, digest, statistics)
        self._busy = metrics.Busy()
        computed = generator != DUMMY and self._generate.device.startswith("cpu")
        self._notes = {"arithmetic": arithmetic.describe()} if computed else {}

    def __call__(self, row: Block) -> Block:
        """Return a row of `read_shard` with spoofs in place of the live faces."""
        with self._busy.at_work():
            return carry(row, "generate", self._work)

    def _work(self, row: Block) -> Block:
        routes = routes_of(json.loads(row["records"])) if self._matches else []
        arrays = row["pixels"], row["guides"], row["guide_of"], row["t0"], row["cfg_scale"], row["seed"]
        request = Request(*arrays, routes)
        try:
            made = self._generate(request)
        except RuntimeError as error:
            import torch  # here, so that a generator without a network starts without it

            if not isinstance(error, torch.AcceleratorError):
                raise
            # The GPU's context is lost and every later shard would fail too: Ray restarts the actor and the shard.
            say(f"generate: shard {row['shard']}: {error}; restarting the generator")
            os._exit(70)
        records: list[ImageRecord] = json.loads(row["records"])
        for place in made.broken:
            records[place]["reject"] = records[place]["reject"] or "the generator made non-finite pixels"
        block: Block = {
            "shard": row["shard"],
            "records": json.dumps(records),
            "pixels": made.pixels,
            "device": self._generate.device,
            "notes": json.dumps(self._notes | ({"batch_splits": made.splits} if made.splits else {})),
        }
        return {**block, "lives": row["pixels"]} if self._paired else block
