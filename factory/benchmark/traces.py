"""Has a classifier learnt the factory's own traces? Live test faces go through the generator, without any style.

With w = 0 the guide has no part, and with a small T₀ little more than the network's own texture is added. A classifier
that has seen generated faces, all of them spoofs, must not take such a face for one. What the pass does to any
classifier, such as a loss of detail, is seen on the rows that no generated face was added to.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from difffas.errors import UserError
from factory.benchmark.differences import Difference, Floats, Paired, difference
from factory.benchmark.evaluations import Evaluations
from factory.benchmark.seen import liveness
from factory.benchmark.settings import TracesConfig
from factory.core import draws
from factory.core.config import Config, PathOrUrl, build
from factory.core.progress import say
from factory.corpus.row import LIVE
from factory.models.generators import Request
from factory.models.load import load_generator, model_digest
from factory.models.settings import GeneratorFolder, SamplerConfig
from factory.protocols import open_corpus
from factory.run import Run, read_claim
from factory.storage import Storage
from factory.tables.sheet import plain, table_of

STATION = "traces"
SCORES = "traces.csv"


class PassConfig(Config):
    """One protocol: its generator, and the classifiers that are asked, by row and seed."""

    corpus: PathOrUrl
    protocol: PathOrUrl | None
    split: str = "test"
    generator: GeneratorFolder
    classifiers: dict[str, dict[int, PathOrUrl]]
    out: PathOrUrl
    settings: TracesConfig
    threads: int


class Score(TypedDict):
    """A line of traces.csv: a live face before and after the generator, to one classifier."""

    row: str
    seed: int
    key: str
    subject: str
    live: float
    passed: float


class TracesSummary(TypedDict):
    """The summary of one pass."""

    faces: int
    classifiers: int


def run(config: PassConfig) -> TracesSummary:
    """Write `OUT/traces.csv`: the liveness of every live face of the split, as it is and passed, to each classifier.

    Raises:
        UserError: if the split has no live face.
    """
    corpus = open_corpus(config.corpus, config.protocol)
    positions = corpus.where(split=config.split, label=LIVE)
    if not len(positions):
        raise UserError(f"{corpus.storage.url}: split {config.split!r} has no live face to pass")
    identity = {
        "corpus": corpus.digest,
        "split": config.split,
        "generator": model_digest(Storage(config.generator)),
        "classifiers": {
            row: {str(seed): read_claim(Storage(url))["fingerprint"] for seed, url in of_seed.items()}
            for row, of_seed in config.classifiers.items()
        },
        "settings": config.settings.model_dump(mode="json"),
    }
    claim = Run(config.out, STATION, identity, config)
    if (finished := claim.summary(TracesSummary)) is not None:
        return finished
    lives = corpus.pixels(positions)
    given = passed(lives, config)
    keys, subjects = corpus.column("key")[positions], corpus.column("subject")[positions]
    lines: list[Score] = []
    for row, of_seed in config.classifiers.items():
        for seed, url in of_seed.items():
            both = [liveness(Storage(url), pixels, config.threads) for pixels in (lives, given)]
            lines += [
                {"row": row, "seed": seed, "key": key, "subject": subject, "live": live, "passed": again}
                for key, subject, live, again in zip(keys, subjects, *(side.tolist() for side in both), strict=True)
            ]
    claim.storage.create(SCORES, table_of(lines).encode())
    summary: TracesSummary = {"faces": len(positions), "classifiers": len(lines) // len(positions)}
    return claim.finish(summary)


def passed(lives: np.ndarray, config: PassConfig) -> np.ndarray:
    """Live faces after the generator with w = 0, uint8 (N, H, W, 3); the guide has no part."""
    asked, count = config.settings, len(lives)
    sampler = build(
        SamplerConfig,
        {
            "steps": asked.steps,
            "t0": (asked.t0, asked.t0),
            "cfg_scale": (0.0, 0.0),
            "batch_size": asked.batch_size,
        },
    )
    generator = load_generator(config.generator, sampler, config.threads)
    seed = (draws.bits(np.arange(count), 0, STATION) >> np.uint64(1)).astype(np.int64)
    guide_of, t0, w = np.zeros(count, np.int64), np.full(count, asked.t0), np.zeros(count)
    made = generator(Request(lives, lives[:1], guide_of, t0, w, seed))
    if made.broken:
        raise UserError(f"{len(made.broken)} of {count} faces came out of {config.generator} as NaN or infinity")
    say(f"{STATION}: {count} live faces passed at T₀ {asked.t0}")
    return made.pixels


class Trace(TypedDict):
    """BPCER of a row's classifiers on live test faces, before and after the pass; fractions of 1."""

    row: str
    adds_faces: bool
    bpcer: float
    passed: float
    change: float
    low: float | None
    high: float | None


def bpcer_changes(folders: Mapping[str, Storage], evaluations: Evaluations, rows: Mapping[str, bool]) -> list[Trace]:
    """The change of every row's BPCER at the dev threshold, over these protocols, with an interval.

    Args:
        folders: of the passes, by protocol. evaluations: give the thresholds. rows: by name, whether a row adds faces
            of the generator.
    """
    scores = {protocol: _read(folder) for protocol, folder in folders.items()}
    found: list[Trace] = []
    for row, adds_faces in rows.items():
        paired, before, after = [], [], []
        for protocol, lines in scores.items():
            rates = _rates([line for line in lines if line["row"] == row], evaluations, row, protocol)
            if rates is not None:
                paired.append(rates[0])
                before.append(rates[1])
                after.append(rates[2])
        if paired:
            change: Difference = difference(paired, len(evaluations.people))
            found.append(
                {
                    "row": row,
                    "adds_faces": adds_faces,
                    "bpcer": float(np.mean(before)),
                    "passed": float(np.mean(after)),
                    "change": change.value,
                    "low": change.low,
                    "high": change.high,
                }
            )
    return found


def _rates(
    lines: Sequence[Score], evaluations: Evaluations, row: str, protocol: str
) -> tuple[Paired, float, float] | None:
    """The change of BPCER by seed and draw, and BPCER before and after the pass; None without a dev threshold."""
    seeds, in_draws, before, after = [], [], [], []
    number = {person: place for place, person in enumerate(evaluations.people)}
    for seed in sorted({line["seed"] for line in lines}):
        judged = evaluations.judged.get((row, protocol, seed))
        threshold = None if judged is None else judged.figure("threshold@dev_eer")
        mine = [line for line in lines if line["seed"] == seed and line["subject"] in number]
        if threshold is None or not mine:
            continue
        live, again = (np.array([line[side] for line in mine]) < threshold for side in ("live", "passed"))
        counts = evaluations.drawn[:, [number[line["subject"]] for line in mine]]
        change = again.astype(float) - live
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn: Floats = counts @ change / counts.sum(axis=1)
        seeds.append(float(change.mean()))
        in_draws.append(drawn)
        before.append(float(live.mean()))
        after.append(float(again.mean()))
    if not seeds:
        return None
    return Paired(np.array(seeds), np.stack(in_draws)), float(np.mean(before)), float(np.mean(after))


def _read(folder: Storage) -> list[Score]:
    text = folder.read(SCORES).decode()
    return [
        {
            "row": plain(line["row"]),
            "seed": int(line["seed"]),
            "key": plain(line["key"]),
            "subject": plain(line["subject"]),
            "live": float(line["live"]),
            "passed": float(line["passed"]),
        }
        for line in csv.DictReader(io.StringIO(text))
    ]
