"""The generate station: live corpus × guide corpus × plan → shards of labelled spoofs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from factory import cluster
from factory.config import Config
from factory.corpus import Corpus, read_rows
from factory.generators import DUMMY, Request, check_t0, load_generator, model_digest
from factory.images import decode
from factory.license import strictest
from factory.line import run_line
from factory.plan import Order, Plan, PlanConfig, SamplerConfig
from factory.progress import say
from factory.row import SPOOF, Row, style_of
from factory.run import Run, run_fingerprint
from factory.shards import OutputConfig
from factory.storage import Storage

if TYPE_CHECKING:
    from ray.data import Dataset

PREFIX = "spoof"


class GenerateInputs(Config):
    """Folders, local or `s3://`. `guides` may be the same corpus as `live`; `generator` a model folder or `dummy`."""

    live: str
    guides: str
    generator: str


class GenerateResources(Config):
    """What the line may use; no part of the fingerprint. `generators` is a count or [least, most]."""

    generators: int | tuple[int, int] = 1
    gpus_per_generator: float = Field(1.0, ge=0, description="fractions share a GPU; 0 runs on CPUs")
    threads: int = Field(2, ge=1, description="PyTorch threads of a CPU generator")


class GenerateConfig(Config):
    """One generation run."""

    inputs: GenerateInputs
    out: str
    plan: PlanConfig = PlanConfig()
    sampler: SamplerConfig = SamplerConfig()
    output: OutputConfig = OutputConfig()
    resources: GenerateResources = GenerateResources()


def run(config: GenerateConfig) -> dict[str, Any]:
    """Generate every planned spoof that is not there yet; returns the run's summary."""
    live = Corpus(config.inputs.live)
    guides = live if config.inputs.guides == config.inputs.live else Corpus(config.inputs.guides)
    claim, plan = plan_run(config, live, guides)
    if (finished := claim.summary()) is not None:
        return finished
    cluster.connect()
    import ray

    gpus = _gpus(config.resources)
    shared = ray.put((plan, live.index.combine_chunks(), guides.index.combine_chunks()))
    reading = {
        "plan": [shared],  # in a list: a bare reference would be resolved and copied into every task
        "live_url": live.storage.url,
        "guides_url": guides.storage.url,
        "recipe": {
            "steps": config.sampler.steps,
            "sampler": config.sampler.name,
            "preset": config.sampler.preset,
            "generator": claim_generator(config.inputs.generator),
        },
    }
    making = (config.inputs.generator, config.sampler.model_dump(mode="json"), config.resources.threads)

    def stages(dataset: Dataset) -> Dataset:
        return dataset.map(read_order, fn_kwargs=reading, num_cpus=1).map(
            GenerateShard,
            fn_constructor_args=making,
            compute=_pool(config.resources.generators),
            num_cpus=0,  # a generator that waits for a CPU can starve behind the tasks that feed it
            num_gpus=gpus,
            max_task_retries=2,  # Ray's default is endless: a shard that kills its process would restart for ever
            max_restarts=8,
        )

    return run_line(claim, "generate", plan.shards(), len(plan), stages, PREFIX, config.output)


def plan_run(config: GenerateConfig, live: Corpus, guides: Corpus) -> tuple[Run, Plan]:
    """Claim the output folder and lay the plan; raises ValueError before anything is written if there is none."""
    _check_sizes(live, guides)
    generator = claim_generator(config.inputs.generator)
    check_t0(config.inputs.generator, config.sampler)
    identity = {
        "live": live.digest,
        "guides": guides.digest,
        "generator": generator,
        "plan": config.plan.model_dump(mode="json"),
        "sampler": config.sampler.model_dump(mode="json"),
        "output": config.output.model_dump(mode="json"),
    }
    key = run_fingerprint("generate", identity)
    plan = Plan(config.plan, config.sampler, config.output.rows_per_shard, live.index, guides.index, key)
    return Run(config.out, "generate", identity, config), plan


def _check_sizes(live: Corpus, guides: Corpus) -> None:
    """Compare the first images of both corpora; each corpus has one size by itself."""
    (height, width), (guide_height, guide_width) = (corpus.pixels([0]).shape[1:3] for corpus in (live, guides))
    if (height, width) != (guide_height, guide_width):
        raise ValueError(
            f"live faces are {height}×{width} and guides {guide_height}×{guide_width}: prepare both with one size"
        )


def claim_generator(name: str) -> str:
    """Value of the `generator` column: `dummy` or the digest of the model folder."""
    return DUMMY if name == DUMMY else model_digest(Storage(name))


def read_order(
    row: dict[str, Any], plan: list[Any], live_url: str, guides_url: str, recipe: dict[str, Any]
) -> dict[str, Any]:
    """First stage, a CPU task: the order of a shard with its decoded live faces and distinct guides."""
    import ray

    orders, live_index, guides_index = ray.get(plan[0])
    order: Order = orders.order(row["shard"])
    lives = read_rows(Storage(live_url), live_index, order.live)
    distinct, guide_of = np.unique(order.guide, return_inverse=True)
    guides = read_rows(Storage(guides_url), guides_index, distinct)
    faces, styles = [_try_decode(face) for face in lives], [_try_decode(guide) for guide in guides]
    shape = next((image.shape for image in (*faces, *styles) if not isinstance(image, str)), (32, 32, 3))
    pixels, face_faults = _stack(faces, shape)
    guide_pixels, guide_faults = _stack(styles, shape)
    records = [
        {
            "row": _facts(order, i, lives[i], guides[guide_of[i]], recipe),
            "reject": face_faults.get(i) or guide_faults.get(guide_of[i]),
        }
        for i in range(len(lives))
    ]
    return {
        "shard": row["shard"],
        "records": json.dumps(records),
        "pixels": pixels,
        "guides": guide_pixels,
        "guide_of": guide_of,
        "t0": order.t0,
        "cfg_scale": order.cfg_scale,
        "seed": order.seed,
    }


def _try_decode(row: Row) -> np.ndarray | str:
    """The pixels of a row, or why it has none: a bad image is a reject, not the end of the run."""
    try:
        return decode(row.image)
    except ValueError as error:
        return f"{'guide' if row.label == SPOOF else 'live face'}: {error}"


def _stack(images: list[np.ndarray | str], shape: tuple[int, ...]) -> tuple[np.ndarray, dict[int, str]]:
    """Images as one array, black where there is none, and the faults by place."""
    pixels = np.zeros((len(images), *shape), np.uint8)
    faults = {}
    for place, image in enumerate(images):
        if isinstance(image, str):
            faults[place] = image
        elif image.shape != shape:
            faults[place] = f"size {image.shape[0]}×{image.shape[1]} among {shape[0]}×{shape[1]}"
        else:
            pixels[place] = image
    return pixels, faults


def _facts(order: Order, i: int, live: Row, guide: Row, recipe: dict[str, Any]) -> dict[str, Any]:
    """The row of sample i: subject and split of its live face, domain, attack and style of its guide."""
    assert live.split == guide.split == order.split, "a pair must not cross splits"
    return {
        "key": order.keys[i],
        "label": SPOOF,
        "attack": guide.attack,
        "domain": guide.domain,
        "style": style_of(guide.domain, guide.attack),
        "subject": live.subject,
        "capture": live.capture,
        "split": live.split,
        "source": f"{live.source} + {guide.source}",
        "license": strictest(live.license, guide.license),
        "live_key": live.key,
        "guide_key": guide.key,
        "live_domain": live.domain,
        "live_source": live.source,
        "guide_source": guide.source,
        "live_license": live.license,
        "guide_license": guide.license,
        "t0": int(order.t0[i]),
        "cfg_scale": float(order.cfg_scale[i]),
        "seed": int(order.seed[i]),
        **recipe,
    }


class GenerateShard:
    """Second stage, an actor: live faces of a shard become spoofs."""

    def __init__(self, generator: str, sampler: dict[str, Any], threads: int) -> None:
        self._generate = load_generator(generator, SamplerConfig.model_validate(sampler), threads)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of `read_order` with spoofs in the place of the live faces."""
        request = Request(row["pixels"], row["guides"], row["guide_of"], row["t0"], row["cfg_scale"], row["seed"])
        spoofs = self._generate(request)
        return {
            "shard": row["shard"],
            "records": row["records"],
            "pixels": spoofs,
            "device": self._generate.device,
        }


def _gpus(resources: GenerateResources) -> float:
    available = cluster.gpus_in_cluster()
    if resources.gpus_per_generator and not available:
        say("generate: no GPU in this cluster, generating on CPUs (resources.gpus_per_generator=0 says so too)")
        return 0.0
    return resources.gpus_per_generator


def _pool(generators: int | tuple[int, int]) -> Any:
    from ray.data import ActorPoolStrategy

    if isinstance(generators, int):
        return ActorPoolStrategy(size=generators, max_tasks_in_flight_per_actor=2)
    least, most = generators
    return ActorPoolStrategy(min_size=least, max_size=most, max_tasks_in_flight_per_actor=2)
