"""The strength station: how T₀ and w set spoof strength and identity change (paper Figs. 6 and 7).

The same live faces, guides and noise are sampled at every (T₀, w) of a grid, so that only T₀ and w vary. Everything
runs in this process: a few hundred images, in batches of constant shape. The figures follow from `samples.csv` alone.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field, model_validator

from difffas.errors import UserError
from difffas.presets import PresetName
from difffas.routes import Matching, Route
from factory.core import draws
from factory.core.config import Config, PathOrUrl, build
from factory.core.progress import duration, say
from factory.corpus import Corpus
from factory.corpus.people import other_people
from factory.corpus.row import LIVE, SPOOF
from factory.corpus.style_statistics import matching_statistics, route_of, sources_of_run
from factory.models.generators import Generator, Request
from factory.models.load import check_sampler, encoder_config, load_generator, model_digest
from factory.models.measures import StyleScorer, rms_change, structure_change
from factory.models.settings import GeneratorFolder, SamplerConfig
from factory.protocols import check, check_model, open_corpus, protocol_of, record
from factory.run import Run
from factory.storage import Storage
from factory.strength.figures import Sample, StrengthSummary, cells_csv, summarise
from factory.strength.grid import Block, draw_grid, shown_faces
from factory.tables.sheet import table_of

if TYPE_CHECKING:
    from difffas.matching import Statistics

STATION = "strength"
SAMPLES, CELLS, GRID = "samples.csv", "cells.csv", "grid.png"
SHOWN = 3  # faces in the picture


class StrengthInputs(Config):
    """Folders, local or `s3://`. `guides` may be the same corpus as `live`; `generator` is a model folder."""

    live: PathOrUrl = Field(description="corpus of live faces")
    guides: PathOrUrl = Field(description="corpus whose spoofs show the styles; may be that of the live faces")
    generator: GeneratorFolder = Field(description="model folder, or portrait-64 or people-64, which ship")


class StrengthResources(Config):
    """Resources that the study may use; excluded from the fingerprint. A GPU is used if there is one."""

    threads: int = Field(2, ge=1, description="PyTorch threads on a CPU")


def is_exact(preset: str) -> bool:
    """Whether it is the default preset; studies from before there was a choice have its fingerprints."""
    return preset == "exact"


class StrengthConfig(Config):
    """One study: every T₀ with every w, on the same faces, guides and noise."""

    inputs: StrengthInputs
    protocol: PathOrUrl | None = Field(None, description="name or file; None: the corpora's own splits")
    out: PathOrUrl = Field(description="folder of the study, local or s3://")
    t0: tuple[int, ...] = Field(
        (100, 175, 250, 325, 400), min_length=1, description="noise levels at which editing starts"
    )
    cfg_scale: tuple[float, ...] = Field((1.0, 2.0, 3.0, 4.5, 6.0), min_length=1, description="guidance scales w")
    preset: PresetName = Field("exact", exclude_if=is_exact, description="as `sampler.preset` of `generate`")
    steps: int = Field(25, ge=1, description="steps of preset exact")
    faces: int = Field(16, ge=1, description="live faces, spread evenly over the split; styles take turns")
    split: str = Field("test", description="split whose people are shown")
    styles: tuple[str, ...] | None = Field(None, min_length=1, description="None: every spoof style of the guides")
    seed: int = Field(0, ge=0, description="seed of faces, guides and noise")
    match: Matching = Field("none", description="as `sampler.match` of `generate`")
    match_unseen: Literal["refuse", "estimate"] = Field("refuse", description="as `sampler.match_unseen`")
    batch_size: int = Field(16, ge=1, description="faces a network call")
    resources: StrengthResources = StrengthResources()

    @model_validator(mode="after")
    def _check(self) -> StrengthConfig:
        for name, values in (("t0", self.t0), ("cfg_scale", self.cfg_scale)):
            if list(values) != sorted(set(values)):
                raise UserError(f"{name} {list(values)} must rise: write each value once, the smallest first")
        steps = sampler_of(self).steps  # a match_unseen without match is refused here
        if not steps <= self.t0[0] <= self.t0[-1] <= 1000:
            raise UserError(f"t0 {list(self.t0)} must lie within steps ({steps}) and 1000")
        return self


@dataclasses.dataclass(frozen=True)
class Faces:
    """The inputs that are the same in every cell of the grid; arrays and lists have one entry per face."""

    live: np.ndarray  # int64, positions in the live corpus
    guide: np.ndarray  # int64, positions in the guide corpus
    style: list[str]  # of the guide
    routes: list[Route]
    seed: np.ndarray  # int64, 63 bits


def run(config: StrengthConfig) -> StrengthSummary:
    """Write `OUT/samples.csv`, `cells.csv` and `grid.png`; return the summary: cells, rank correlations, references.

    Raises:
        UserError: before anything is written, if a T₀ exceeds the generator's training, the style encoder does not
            know a style, the split lacks live faces or guides, their sizes differ, or a protocol is violated.
    """
    live = open_corpus(config.inputs.live, config.protocol)
    same = config.inputs.guides == config.inputs.live
    guides = live if same else open_corpus(config.inputs.guides, config.protocol)
    storage = Storage(config.inputs.generator)
    for corpus in (live, guides):
        check(corpus, (config.split,))
    check_model(storage, protocol_of(live), "the generator")
    identity = {
        "live": live.digest,
        "guides": guides.digest,
        "generator": model_digest(storage),
        "sampler": sampler_of(config).model_dump(mode="json", exclude={"by_style"}),
        # Its matching is the sampler's: studies from before it existed have these fingerprints.
        **config.model_dump(mode="json", exclude={"inputs", "out", "resources", "match", "match_unseen"}),
        "protocol": record(protocol_of(live)),
    }
    faces = choose_faces(config, live, guides)
    check_sampler(config.inputs.generator, sampler_of(config), set(faces.style))
    check_styles(storage, set(faces.style))
    size = image_size(live.pixels(faces.live[:1]), guides.pixels(faces.guide[:1]))
    sources = sources_of_run(
        config.inputs.generator, sampler_of(config), set(faces.routes), (live, guides), config.split, size
    )
    claim = Run(config.out, STATION, identity, config)
    if (finished := claim.summary(StrengthSummary)) is not None:
        return finished
    if not claim.storage.exists(SAMPLES):
        _sample(config, live, guides, faces, matching_statistics(sources), claim.storage)
    summary = summarise(claim.storage.read(SAMPLES))
    claim.storage.create(CELLS, cells_csv(summary))
    return claim.finish(summary)


def choose_faces(config: StrengthConfig, live: Corpus, guides: Corpus) -> Faces:
    """Choose live faces evenly over the split; styles take turns; guides come by hash, of another subject if possible.

    Raises:
        UserError: if there are too few live faces, a style has no guide, or there are fewer faces than styles.
    """
    positions = live.where(split=config.split, label=LIVE)
    if len(positions) < config.faces:
        raise UserError(f"split {config.split!r} has {len(positions)} live faces, `faces` is {config.faces}: lower it")
    spoofs = guides.where(split=config.split, label=SPOOF)
    style_of_spoof = guides.column("style")[spoofs]
    styles = config.styles or tuple(sorted(set(style_of_spoof)))
    absent = sorted(set(styles) - set(style_of_spoof))
    if absent or not styles:
        raise UserError(f"split {config.split!r} has no guide of {absent or 'any style'}: choose other `styles`")
    if config.faces < len(styles):
        raise UserError(f"{config.faces} faces cannot show {len(styles)} styles: raise `faces` or list fewer `styles`")
    n = np.arange(config.faces)
    chosen = positions[n * len(positions) // config.faces]
    style = [styles[face % len(styles)] for face in n]
    guide = other_people(live, guides, chosen, style, spoofs, draws.uniform(n, config.seed, STATION, "guide"))
    seed = (draws.bits(n, config.seed, STATION, "noise") >> np.uint64(1)).astype(np.int64)
    columns = [live.column("domain")[chosen], guides.column("domain")[guide], style]
    routes = [route_of(*names) for names in zip(*columns, strict=True)]
    return Faces(chosen, guide, style, routes, seed)


def _sample(
    config: StrengthConfig,
    live: Corpus,
    guides: Corpus,
    faces: Faces,
    statistics: dict[str, Statistics],
    out: Storage,
) -> None:
    """Generate and measure every cell of the grid; the picture first, the samples last."""
    lives, shown = live.pixels(faces.live), guides.pixels(faces.guide)
    threads = config.resources.threads
    generator = load_generator(config.inputs.generator, sampler_of(config), threads, False, None, statistics)
    score = StyleScorer(config.inputs.generator, faces.style)
    live_key, guide_key = live.column("key")[faces.live], guides.column("key")[faces.guide]
    live_strength, guide_strength = score(lives), score(shown)
    pictured = shown_faces(faces.style, SHOWN)
    lines: list[Sample] = []
    kept = []
    started = time.monotonic()
    for cell, (t0, cfg_scale) in enumerate(_cells(config), start=1):
        spoofs = generate_faces(generator, lives, shown, faces, t0, cfg_scale)
        kept.append(spoofs[pictured])
        strength, identity_change, rms = score(spoofs), structure_change(lives, spoofs), rms_change(lives, spoofs)
        lines += [
            {
                "t0": t0,
                "cfg_scale": cfg_scale,
                "face": face,
                "style": faces.style[face],
                "live_key": live_key[face],
                "guide_key": guide_key[face],
                "seed": faces.seed[face],
                "live_strength": live_strength[face],
                "guide_strength": guide_strength[face],
                "strength": strength[face],
                "identity_change": identity_change[face],
                "rms": rms[face],
            }
            for face in range(config.faces)
        ]
        say(f"strength: {cell}/{len(_cells(config))} cells in {duration(time.monotonic() - started)}")
    tiles = np.stack(kept).reshape(len(config.t0), len(config.cfg_scale), len(pictured), *lives.shape[1:])
    blocks = [
        Block(faces.style[face], lives[face], shown[face], tiles[:, :, place]) for place, face in enumerate(pictured)
    ]
    out.create(GRID, draw_grid(blocks, config.t0, config.cfg_scale))
    out.create(SAMPLES, table_of(lines).encode())


def generate_faces(
    generator: Generator, live: np.ndarray, guides: np.ndarray, faces: Faces, t0: int, cfg_scale: float
) -> np.ndarray:
    """Spoofs of the faces at one T₀ and w, uint8 (N, H, W, 3); raises UserError for spoofs that are not finite."""
    count = len(live)
    settings = np.full(count, t0), np.full(count, cfg_scale, np.float64)
    made = generator(Request(live, guides, np.arange(count), *settings, faces.seed, faces.routes))
    if made.broken:
        raise UserError(
            f"T₀ {t0}, w {cfg_scale:g}: {len(made.broken)} of {count} spoofs came out as NaN or infinity: lower w"
        )
    return made.pixels


def _cells(config: StrengthConfig) -> list[tuple[int, float]]:
    return [(t0, cfg_scale) for t0 in config.t0 for cfg_scale in config.cfg_scale]


def sampler_of(config: StrengthConfig) -> SamplerConfig:
    """The sampler of a study, whose ranges hold every T₀ and w."""
    return build(
        SamplerConfig,
        {
            "preset": config.preset,
            **({"steps": config.steps} if is_exact(config.preset) or "steps" in config.model_fields_set else {}),
            "t0": (config.t0[0], config.t0[-1]),
            "cfg_scale": (config.cfg_scale[0], config.cfg_scale[-1]),
            "match": config.match,
            "match_unseen": config.match_unseen,
            "batch_size": config.batch_size,
        },
    )


def check_styles(storage: Storage, wanted: set[str]) -> None:
    """Refuse styles that the encoder of a model folder does not know, and an encoder that knows one style only."""
    known = encoder_config(storage)["styles"]
    unknown = sorted(wanted - set(known))
    if unknown:
        raise UserError(f"the style encoder of {storage.url} does not know {unknown}: name `styles` among {known}")
    if len(known) < 2:
        raise UserError(f"the style encoder of {storage.url} knows only {known}: odds need a second style")


def image_size(live: np.ndarray, guide: np.ndarray) -> tuple[int, int]:
    """Height and width of the images; raises UserError if the guides have others."""
    if live.shape != guide.shape:
        sizes = ["×".join(map(str, images.shape[1:3])) for images in (live, guide)]
        raise UserError(f"live faces are {sizes[0]}, guides {sizes[1]}: prepare both corpora with one --size")
    return live.shape[1], live.shape[2]
