"""Benchmarks for tests: evaluations with known scores, and stations that leave what the benchmark reads."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.corpora import small_rows, write_corpus
from factory import evaluate, strength
from factory.ablate.graph import TABLE_STATIONS, RowEvaluation
from factory.benchmark import traces
from factory.benchmark.evaluations import Evaluations
from factory.benchmark.settings import BenchmarkConfig
from factory.core.config import build
from factory.corpus import Corpus
from factory.corpus.row import style_of
from factory.evaluate import EvaluateConfig
from factory.run import Run
from factory.storage import Storage
from factory.strength import CELLS
from factory.strength.figures import cells_csv, summarise
from factory.tables.sheet import table_of
from tests.ablations import SUMMARY
from tests.pages import scored, study

CAMERAS = ("world__phone", "world__tablet", "world__webcam", "world__cctv")
ATTACKS = ("print", "replay")
PROTOCOLS = ("world-ptw-c", "world-loo-print")
PEOPLE = [f"s{number}" for number in range(8)]
PARTS = ("train", "train", "dev", "test")

Score = Callable[[str, str, str], float]  # split, person, attack

# What a test's evaluation station gives a face: (row's settings, seed) to the scores of faces.
Judge = Callable[[Mapping[str, Any]], Score]


def scores_csv(score: Score, people: list[str] = PEOPLE, attacks: tuple[str, ...] = ATTACKS) -> bytes:
    """A live face and every attack of each person, in dev and in test."""
    lines = [
        {
            "claimed_id": person,
            "test_label": f"{person}-{attack}",
            "is_bonafide": str(attack == "live"),
            "attack_type": attack,
            "score": repr(float(score(split, person, attack))),
            "split": split,
        }
        for split in ("dev", "test")
        for person in people
        for attack in ("live", *attacks)
    ]
    return table_of(lines).encode()


def write_evaluation(folder: Path, score: Score, **given: Any) -> None:
    """A finished evaluation of these scores."""
    source = folder.with_suffix(".csv")
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(scores_csv(score, **given))
    evaluate.run(build(EvaluateConfig, {"scores": str(source), "out": str(folder), "resamples": 0}))


def evaluations_of(
    root: Path, scores: Mapping[tuple[str, str, int], Score | str], resamples: int = 400, **given: Any
) -> Evaluations:
    """Evaluations by row, protocol and seed; a text in place of scores is the reason of a gap."""
    places = []
    for number, ((row, protocol, seed), score) in enumerate(scores.items()):
        if isinstance(score, str):
            places.append(RowEvaluation(row, protocol, seed, None, score))
        else:
            write_evaluation(root / f"evaluate-{number}", score, **given)
            places.append(RowEvaluation(row, protocol, seed, f"evaluate-{number}"))
    return Evaluations(Storage(str(root)), places, {}, "frame", resamples)


def world(folder: Path) -> Corpus:
    """Eight people before the four cameras, two of them in dev, two in test."""
    rows = scored(small_rows(len(PEOPLE), 1, CAMERAS, (*ATTACKS, "make_up"), splits=PARTS))
    kept = [row for row in rows if row.attack != "make_up"]  # the last attack lacks for odd people
    return write_corpus(folder, [dataclasses.replace(row, style=style_of(row.domain, row.attack)) for row in kept])


def benchmark_of(corpus: Corpus, out: Path, **given: Any) -> BenchmarkConfig:
    settings = {
        "corpus": corpus.storage.url,
        "size": None,
        "out": str(out),
        "protocols": PROTOCOLS,
        "seeds": [0, 1],
        "resamples": 200,
        "fit_generator": {},
        "features": {"steps": 250, "perplexity": 5},
        "strength": {"faces": 6, "t0": [25, 50], "cfg_scale": [1.0, 2.0]},
    }
    return build(BenchmarkConfig, {**settings, **given})


class Stubs:
    """Stations without networks: they leave finished folders, and count how often they are asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.fault: tuple[str, Exception] | None = None
        for station, (module, _) in TABLE_STATIONS.items():
            monkeypatch.setattr(module, "run", self._station(station))
        monkeypatch.setattr(strength, "run", self._strength)
        monkeypatch.setattr(traces, "run", self._traces)
        monkeypatch.setattr("factory.benchmark.maps.features", _features)

    def _called(self, station: str) -> None:
        self.calls.append(station)
        if self.fault is not None and self.fault[0] == station:
            raise self.fault[1]

    def _station(self, station: str) -> Any:
        real = evaluate._of_file

        def run_it(config: Any) -> Any:
            self._called(station)
            if station == "evaluate":
                fitted = json.loads((Path(config.classifier) / "summary.json").read_text())
                source = Path(config.out).with_suffix(".csv")
                source.write_bytes(scores_csv(_noisy(fitted)))
                asked = {"scores": str(source), "out": config.out, "resamples": 0}
                return real(build(EvaluateConfig, asked), str(source))
            figures: dict[str, Any] = {}
            if station == "fit_classifier":
                figures = {"seed": config.train.seed, "generated": config.generated is not None}
            return Run(config.out, station, {}, config).finish({**SUMMARY, **figures})

        return run_it

    def _strength(self, config: Any) -> Any:
        self._called("strength")
        made = Path(study(Path(config.out)))
        summary = summarise((made / "samples.csv").read_bytes())
        Storage(str(made)).create(CELLS, cells_csv(summary))
        return summary

    def _traces(self, config: Any) -> Any:
        self._called("traces")
        lines = [
            {"row": row, "seed": seed, "key": f"k{n}", "subject": person, "live": 0.9, "passed": 0.9 - 0.1 * n}
            for row, of_seed in config.classifiers.items()
            for seed in of_seed
            for n, person in enumerate(PEOPLE)
        ]
        claim = Run(config.out, "traces", {}, config)
        claim.storage.create(traces.SCORES, table_of(lines).encode())
        return claim.finish({"faces": len(PEOPLE), "classifiers": len(lines) // len(PEOPLE)})


def _noisy(fitted: Mapping[str, Any]) -> Score:
    """Live faces score higher; generated faces in training raise them by a little."""
    rng = np.random.default_rng(fitted["seed"])

    def score(split: str, person: str, attack: str) -> float:
        level = 0.7 + 0.05 * bool(fitted["generated"]) if attack == "live" else 0.35
        return float(np.clip(level + rng.normal(0, 0.15), 0, 1))

    return score


def _features(folder: Storage, pixels: np.ndarray, threads: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(len(pixels), 8))


def lines_of(data: bytes | str) -> list[dict[str, str]]:
    text = data.decode() if isinstance(data, bytes) else data
    return list(csv.DictReader(io.StringIO(text)))
