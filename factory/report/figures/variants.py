"""Fig. 5: the same faces, guides and noise through several generators, such as variants a to d of the fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field

from difffas.presets import PresetName
from difffas.routes import Matching
from factory import charts
from factory.charts.plate import Panel
from factory.charts.sheet import SheetRow, sheet
from factory.core.config import Config, PathOrUrl, build
from factory.corpus import Corpus
from factory.corpus.style_statistics import matching_statistics, sources_of_run
from factory.models.settings import GeneratorFolder
from factory.report.figures.figure import Figure, Prepared, Table, tile
from factory.report.sections import corpus_folder, open_folder
from factory.report.triplets import picture, picture_of
from factory.storage import Storage
from factory.strength import (
    Faces,
    StrengthConfig,
    check_styles,
    choose_faces,
    generate_faces,
    image_size,
    is_exact,
    sampler_of,
)


class VariantsFigure(Config):
    """Fig. 5: spoofs of the same faces, guides, T₀, w and noise; each column is a generator."""

    generators: dict[str, GeneratorFolder] = Field(min_length=2, description="model folders by head of their column")
    live: PathOrUrl = Field(description="corpus of live faces")
    guides: PathOrUrl | None = Field(None, description="None: the corpus of the live faces")
    split: str = Field("test", description="split whose people are shown")
    faces: int = Field(6, ge=1, description="live faces, spread evenly over the split; styles take turns")
    styles: tuple[str, ...] | None = Field(None, min_length=1, description="None: every spoof style of the guides")
    t0: int = Field(250, ge=1, le=1000, description="noise level at which editing starts")
    cfg_scale: float = Field(2.0, ge=0, description="guidance scale w")
    preset: PresetName = Field("exact", description="as `sampler.preset` of `generate`")
    steps: int = Field(25, ge=1, description="steps of preset exact")
    match: Matching = Field("none", description="as `sampler.match` of `generate`")
    seed: int = Field(0, ge=0, description="seed of faces, guides and noise")
    threads: int = Field(2, ge=1, exclude=True, description="PyTorch threads on a CPU")


class Column(NamedTuple):
    """A generator's spoofs: pixels, identity change, and strength under its own style encoder; N each."""

    pixels: np.ndarray
    change: np.ndarray
    strength: np.ndarray


class Opened(NamedTuple):
    """The corpora, the faces that all generators get, and whether all have the same style encoder."""

    live: Corpus
    guides: Corpus
    faces: Faces
    studies: dict[str, StrengthConfig]
    one_encoder: bool


def prepare(config: VariantsFigure) -> Prepared:
    """Open corpora and generators, and choose the faces.

    Raises:
        UserError: if a folder is not a generator, was not trained for T₀ or does not know a style, or the split lacks
            live faces or guides.
    """
    from factory.models.load import check_sampler, encoder_digest, model_digest

    live = Corpus(config.live)
    guides = live if config.guides in (None, config.live) else Corpus(str(config.guides))
    studies = {name: _study(config, url) for name, url in config.generators.items()}
    faces = choose_faces(next(iter(studies.values())), live, guides)
    image_size(live.pixels(faces.live[:1]), guides.pixels(faces.guide[:1]))
    digests = {name: model_digest(Storage(url)) for name, url in config.generators.items()}
    for name, url in config.generators.items():
        check_sampler(url, sampler_of(studies[name]), set(faces.style))
        check_styles(Storage(url), set(faces.style))
    encoders = {encoder_digest(Storage(url)) for url in config.generators.values()}
    identity = {
        **config.model_dump(mode="json", exclude={"generators", "live", "guides"}),
        "generators": [[name, digest] for name, digest in digests.items()],
        "live": live.digest,
        "guides": guides.digest,
    }
    folders = {"live faces": corpus_folder(live), **({} if guides is live else {"guides": corpus_folder(guides)})}
    folders |= {name: open_folder(url, "curve") for name, url in config.generators.items() if _has_run(url)}
    opened = Opened(live, guides, faces, studies, len(encoders) == 1)
    return Prepared(identity, folders, lambda: draw(config, opened))


def draw(config: VariantsFigure, opened: Opened) -> Figure:
    """A row for each face: live face, guide, and the spoof of every generator."""
    columns = {name: _column(config, name, opened) for name in config.generators}
    faces = opened.faces
    lives, guides = opened.live.rows(faces.live), opened.guides.rows(faces.guide)
    rows = []
    for place, (live, guide) in enumerate(zip(lives, guides, strict=True)):
        spoofs = [
            tile(
                picture_of(column.pixels[place], guide), f"{name}:", charts.fixed(float(column.change[place]), 2), True
            )
            for name, column in columns.items()
        ]
        rows.append(
            SheetRow(faces.style[place], [tile(picture(live), "live"), tile(picture(guide), "guide"), *spoofs])
        )
    heads = ["live face", "guide", *columns]
    return Figure(
        name="variants",
        heading="Generators side by side",
        text=f"The same live faces, guides and noise at T₀ {config.t0}, w {charts.number(config.cfg_scale)} through "
        f"{len(columns)} generators; only the generator differs between the spoofs of a row. The faces are spread "
        "evenly "
        f"over split {config.split}. Below each spoof is its identity change, 1 − SSIM to the live face (0: "
        "unchanged).",
        panels=[Panel("", "", sheet(heads, rows, "Live faces, guides and spoofs of every generator"))],
        table=_table(columns, opened.one_encoder),
        notes=[
            "Strength is the log-odds of the guide's style under the style encoder that all these generators share."
        ]
        if opened.one_encoder
        else ["The generators have different style encoders, so their strengths cannot be compared and are left out."],
        wide=True,
    )


def _study(config: VariantsFigure, generator: str) -> StrengthConfig:
    """The settings of a strength study with one T₀ and one w, which chooses the faces and the sampler."""
    values = {
        "inputs": {"live": config.live, "guides": config.guides or config.live, "generator": generator},
        "out": generator,  # a study of a figure has no folder of its own
        "t0": (config.t0,),
        "cfg_scale": (config.cfg_scale,),
        **config.model_dump(include={"faces", "split", "styles", "seed", "match", "preset"}),
        **({"steps": config.steps} if is_exact(config.preset) else {}),
    }
    return build(StrengthConfig, values)


def _column(config: VariantsFigure, name: str, opened: Opened) -> Column:
    from factory.models.load import load_generator
    from factory.models.measures import StyleScorer, structure_change

    study, faces = opened.studies[name], opened.faces
    lives, guides = opened.live.pixels(faces.live), opened.guides.pixels(faces.guide)
    sources = sources_of_run(
        study.inputs.generator,
        sampler_of(study),
        set(faces.routes),
        (opened.live, opened.guides),
        config.split,
        lives.shape[1:3],
    )
    statistics = matching_statistics(sources)
    generator = load_generator(study.inputs.generator, sampler_of(study), config.threads, False, None, statistics)
    spoofs = generate_faces(generator, lives, guides, faces, config.t0, config.cfg_scale)
    strength = StyleScorer(study.inputs.generator, faces.style)(spoofs)
    return Column(spoofs, structure_change(lives, spoofs), strength)


def _table(columns: Mapping[str, Column], one_encoder: bool) -> Table:
    def spread(values: np.ndarray, decimals: int) -> str:
        return f"{charts.fixed(float(values.mean()), decimals)} ± {charts.fixed(float(values.std()), decimals)}"

    heads: Sequence[str] = ["identity change", *(["strength"] if one_encoder else [])]
    rows = [
        (name, [spread(column.change, 3), *([spread(column.strength, 1)] if one_encoder else [])])
        for name, column in columns.items()
    ]
    return Table(list(heads), rows)


def _has_run(url: str) -> bool:
    """Whether a model folder is also a finished training; one that ships is not."""
    storage = Storage(url)
    return storage.exists("run.json") and storage.exists("summary.json")
