"""The calibrate station: which match, T₀ and w each style needs, measured on held-out people.

Spoofs of the same faces, guides and noise are made in every cell of a grid. A judge that was fitted on other people
says how many reach their style, and a face embedder how many keep the person; `knee` says which cell is chosen.
Everything runs in this process. Each finished cell is a file, so a calibration that was stopped goes on.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypedDict

import yaml

from difffas.errors import UserError
from factory.calibrate.faces import Faces, choose_faces, drawn
from factory.calibrate.knee import Cell, Figures, figures_of, keeps, knees
from factory.calibrate.measure import Meter, Sample, figures, judged_right, read_samples, sample, samples
from factory.calibrate.settings import CalibrateConfig, matched
from factory.core.progress import duration, say
from factory.corpus import Corpus
from factory.corpus.identity import load_embedder
from factory.corpus.style_statistics import RowsOfStyle, matching_statistics, sources_of_run
from factory.models.generators import Generator
from factory.models.load import check_sampler, check_side, load_generator, model_digest
from factory.models.settings import SamplerConfig
from factory.models.style_judge import ClassifierOfStyle, judge_digest, judge_styles
from factory.protocols import check, check_apart, check_judge, check_model, open_corpus, protocol_of, record
from factory.run import Run
from factory.storage import Storage
from factory.tables.sheet import table_of

if TYPE_CHECKING:
    from difffas.matching import Statistics
    from factory.corpus.identity import FaceEmbedder

__all__ = ["CalibrateConfig", "CalibrateSummary", "StyleSummary", "remarks", "run"]

STATION = "calibrate"
MEASURES, CELLS, SAMPLER = "measures", "cells.csv", "sampler.yaml"
JUDGED_AT_ONCE = 64  # images
LEAST_ACCURACY = 0.9  # of the judge, as in an audit


class StyleSummary(TypedDict):
    """The settings of one style, and the figures of its spoofs on the people who chose them and on the others."""

    t0: int
    cfg_scale: float
    keeps_identity: bool
    chosen_on: Figures
    before: Figures | None
    after: Figures | None


class CalibrateSummary(TypedDict):
    """The summary of a calibration."""

    match: str
    cells: int
    people: dict[str, int]  # by split
    judge_accuracy: float  # on the real guides of the people who chose
    styles: dict[str, StyleSummary]
    before: Figures | None  # of the people who confirm, over all styles
    after: Figures | None


@dataclasses.dataclass(frozen=True)
class Part:
    """The faces of one split, and where the statistics for matching them come from."""

    split: str
    faces: Faces
    sources: dict[str, Statistics | RowsOfStyle]


def run(config: CalibrateConfig) -> CalibrateSummary:
    """Write `OUT/cells.csv` and `OUT/sampler.yaml`, which `generate` takes; return the summary.

    Raises:
        UserError: before anything is written, if a T₀ exceeds the generator's training, the judge does not know a
            style or learned from these people, a style has no statistics, the splits lack faces or share people, or a
            protocol is violated.
    """
    live = open_corpus(config.inputs.live, config.protocol)
    same = config.inputs.guides == config.inputs.live
    guides = live if same else open_corpus(config.inputs.guides, config.protocol)
    identity = _identity(config, live, guides)
    parts = [_part(config, live, guides, split) for split in (config.split, config.check) if split is not None]
    styles = {style for part in parts for style in part.faces.styles}
    _check_styles(config, styles)
    for sampler in (config.sampler, *config.cells()):
        _check_sampler(config, sampler, styles)
    embed = load_embedder(config.identity)
    claim = Run(config.out, STATION, {**identity, "embedder": embed.digest}, config)
    if (finished := claim.summary(CalibrateSummary)) is not None:
        return finished
    judge = ClassifierOfStyle(config.inputs.judge, JUDGED_AT_ONCE)
    workshop = Workshop(config, claim.storage, judge, embed)
    accuracy = float(judged_right(judge, parts[0].faces.guides, parts[0].faces.styles).mean())
    cells = _measure_grid(config, workshop, parts[0])
    claim.storage.create(CELLS, table_of(cells).encode())
    chosen = knees(cells, config.floor)
    sampler = calibrated(config.sampler, chosen)
    claim.storage.create(SAMPLER, sampler_yaml(sampler))
    compared = {"before": config.sampler, "after": sampler}
    confirmed = [[workshop.measure(part, name, of) for name, of in compared.items()] for part in parts[1:]]
    summary: CalibrateSummary = {
        "match": sampler.match,
        "cells": len(list(config.cells())),
        "people": {part.split: len(set(part.faces.person)) for part in parts},
        "judge_accuracy": accuracy,
        "styles": _styles(config, chosen, confirmed),
        "before": figures(confirmed[0][0]) if confirmed else None,
        "after": figures(confirmed[0][1]) if confirmed else None,
    }
    for line in remarks(config, summary):
        say(f"calibrate: {line}")
    return claim.finish(summary)


class Workshop:
    """Makes and measures spoofs, and keeps the measures of each sampler as a file."""

    def __init__(self, config: CalibrateConfig, out: Storage, judge: ClassifierOfStyle, embed: FaceEmbedder) -> None:
        self._config, self._out, self._judge, self._embed = config, out, judge, embed
        self._meters: dict[str, Meter] = {}
        self._generator: tuple[tuple[str, str], Generator] | None = None

    def measure(self, part: Part, name: str, sampler: SamplerConfig) -> list[Sample]:
        """The measures of a part's spoofs by this sampler; those of an earlier run are read."""
        place = f"{MEASURES}/{part.split}-{name}.csv"
        if not self._out.exists(place):
            t0, cfg_scale = drawn(sampler, part.faces, self._config.seed)
            spoofs = sample(self._generator_of(part, sampler), part.faces, t0, cfg_scale)
            if part.split not in self._meters:
                self._meters[part.split] = Meter(self._judge, self._embed, part.faces)
            lines = samples(part.faces, t0, cfg_scale, self._meters[part.split](spoofs))
            self._out.create(place, table_of(lines).encode())
        return read_samples(self._out.read(place))

    def _generator_of(self, part: Part, sampler: SamplerConfig) -> Generator:
        """The generator for this match; T₀ and w are in the request."""
        key = (part.split, sampler.match)
        if self._generator is None or self._generator[0] != key:
            statistics = matching_statistics(part.sources)
            inputs, threads = self._config.inputs, self._config.resources.threads
            self._generator = key, load_generator(inputs.generator, sampler, threads, statistics=statistics)
        return self._generator[1]


def calibrated(sampler: SamplerConfig, chosen: dict[str, Cell]) -> SamplerConfig:
    """The sampler with the chosen match, and T₀ and w by style."""
    by_style = {
        style: {"t0": (cell["t0"], cell["t0"]), "cfg_scale": (cell["cfg_scale"], cell["cfg_scale"])}
        for style, cell in chosen.items()
    }
    match = next(iter(chosen.values()))["match"]
    return matched(sampler, match, by_style={**sampler.by_style, **by_style})


def sampler_yaml(sampler: SamplerConfig) -> bytes:
    """The section of a configuration of `generate`."""
    return yaml.safe_dump({"sampler": sampler.decisive()}, sort_keys=False, allow_unicode=True).encode()


def _identity(config: CalibrateConfig, live: Corpus, guides: Corpus) -> dict[str, object]:
    """Everything that decides the result, after checks of what does not need the faces."""
    storage = Storage(config.inputs.generator)
    for corpus in (live, guides):
        check(corpus, (config.split, config.check))
    if config.check is not None:
        check_apart(live, (config.split, config.check))
    check_model(storage, protocol_of(live), "the generator")
    check_judge(config.inputs.judge, "inputs.judge", (live, guides), (config.split, config.check))
    for sampler in (config.sampler, *config.cells()):
        _check_sampler(config, sampler)
    return {
        "live": live.digest,
        "guides": guides.digest,
        "generator": model_digest(storage),
        "judge": judge_digest(Storage(config.inputs.judge)),
        "sampler": config.sampler.decisive(),
        **config.model_dump(mode="json", exclude={"inputs", "out", "resources", "sampler"}),
        "protocol": record(protocol_of(live)),
    }


def _part(config: CalibrateConfig, live: Corpus, guides: Corpus, split: str) -> Part:
    generator, faces = config.inputs.generator, choose_faces(config, live, guides, split)
    height, width = faces.live.shape[1:3]
    check_side(generator, min(height, width))
    sources: dict[str, Statistics | RowsOfStyle] = {}
    for match in sorted({*config.grid.match, config.sampler.match}):
        sampler = matched(config.sampler, match)
        sources |= sources_of_run(generator, sampler, set(faces.routes), (live, guides), split, (height, width))
    return Part(split, faces, sources)


def _check_sampler(config: CalibrateConfig, sampler: SamplerConfig, styles: Collection[str] = ()) -> None:
    """As `check_sampler`; says so if the sampler is a cell of the grid."""
    try:
        check_sampler(config.inputs.generator, sampler, styles)
    except UserError as error:
        raise error if sampler is config.sampler else UserError(f"a cell of grid: {error}") from None


def _check_styles(config: CalibrateConfig, wanted: set[str]) -> None:
    known = judge_styles(Storage(config.inputs.judge))
    if unknown := sorted(wanted - set(known)):
        raise UserError(f"the judge of {config.inputs.judge} does not know {unknown}: name `styles` among {known}")


def _measure_grid(config: CalibrateConfig, workshop: Workshop, part: Part) -> list[Cell]:
    """All cells of all styles."""
    samplers, started = list(config.cells()), time.monotonic()
    found: list[Cell] = []
    for number, sampler in enumerate(samplers, start=1):
        t0, cfg_scale = sampler.t0[0], sampler.cfg_scale[0]
        lines = workshop.measure(part, f"{sampler.match}-{t0}-{cfg_scale:g}", sampler)
        found += [
            {"match": sampler.match, "t0": t0, "cfg_scale": cfg_scale, "style": style, **figures(mine)}
            for style, mine in _by_style(lines).items()
        ]
        say(f"calibrate: {number}/{len(samplers)} cells in {duration(time.monotonic() - started)}")
    return found


def _by_style(lines: Sequence[Sample]) -> dict[str, list[Sample]]:
    return {
        style: [line for line in lines if line["style"] == style]
        for style in sorted({line["style"] for line in lines})
    }


def _styles(
    config: CalibrateConfig, chosen: dict[str, Cell], confirmed: list[list[list[Sample]]]
) -> dict[str, StyleSummary]:
    compared = confirmed[0] if confirmed else [[], []]
    before, after = ({style: figures(mine) for style, mine in _by_style(lines).items()} for lines in compared)
    return {
        style: {
            "t0": cell["t0"],
            "cfg_scale": cell["cfg_scale"],
            "keeps_identity": keeps(cell, config.floor),
            "chosen_on": figures_of(cell),
            "before": before.get(style),
            "after": after.get(style),
        }
        for style, cell in chosen.items()
    }


def remarks(config: CalibrateConfig, summary: CalibrateSummary) -> list[str]:
    """What a person should know: a line for each style, and one for the judge if it is right too seldom."""
    lines = []
    for style, found in summary["styles"].items():
        of, before, after = found["chosen_on"], found["before"], found["after"]
        line = (
            f"{style}: match {summary['match']}, T₀ {found['t0']}, w {found['cfg_scale']:g}: reach {of['reach']:.2f}, "
            f"own {of['own']:.2f}, structure {of['structure']:.2f}"
        )
        if before and after:
            line += f"; on {config.check}: reach {before['reach']:.2f} before, {after['reach']:.2f} after"
        lines.append(line if found["keeps_identity"] else f"{line}; WARNING: no cell keeps the person, see floor")
    lowest, highest = config.grid.t0[0], config.grid.t0[-1]
    chosen = {style: found["t0"] for style, found in summary["styles"].items()}
    edge = [style for style, t0 in chosen.items() if lowest < highest and t0 in (lowest, highest)]
    if edge:
        lines.append(f"T₀ is at an end of grid.t0 for {', '.join(edge)}: a wider grid may find better settings")
    if summary["judge_accuracy"] < LEAST_ACCURACY:
        lines.append(
            f"WARNING: the judge of style is right on only {summary['judge_accuracy']:.0%} of the real guides: its "
            "reach is doubtful; give a better inputs.judge"
        )
    return lines
