"""Reports for tests: one of every input, and the page parsed."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import NoConfig, face, png, row, small_rows, write_corpus
from factory.core.config import build
from factory.corpus.row import LIVE, SPOOF, Row
from factory.evaluate import metrics_of
from factory.report import PAGE, ReportConfig, run
from factory.run import Run, read_summary
from factory.storage import Storage
from factory.strength.figures import summarise
from factory.strength.grid import Block, draw_grid

VOID = {"meta", "img", "link", "br", "input", "hr"}
SEED = 2**62 + 12345


class Page(HTMLParser):
    """The page as a list of (tag, attributes) and as text by section; checks that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.raw = text
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, str] = {}
        self._open: list[str] = []
        self._section = "header"
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag == "section":
            self._section = attributes["id"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "section":
            self._section = "footer"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text[self._section] = " ".join((self.text.get(self._section, "") + " " + data).split())

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def sections(self) -> list[str]:
        return [attributes["id"] for attributes in self.of("section")]


def scored(rows: list[Row]) -> list[Row]:
    return [dataclasses.replace(r, brisque=20.0 + number % 30, brisque_impl="ours") for number, r in enumerate(rows)]


def spoofs_of(rows: list[Row], count: int = 40) -> list[Row]:
    """Generated rows: live faces and guides by turns, every ninth without a score."""
    lives = [r for r in rows if r.label == LIVE]
    guides = [r for r in rows if r.label == SPOOF]
    made = []
    for number in range(count):
        live, guide = lives[number % len(lives)], guides[number % len(guides)]
        made.append(
            row(
                number,
                key=f"abcd1234-train-{number:010d}",
                label=SPOOF,
                attack=guide.attack,
                domain=guide.domain,
                subject=live.subject,
                brisque=None if number % 9 == 8 else 30.0 + number,
                brisque_impl="ours",
                live_key=live.key,
                guide_key=guide.key,
                live_domain=live.domain,
                t0=150 + number,
                cfg_scale=1.5,
                steps=25,
                sampler="ddim",
                preset="exact",
                seed=SEED + number,
                generator="f" * 64,
            )
        )
    return made


def folder(path: Path, station: str, summary: Mapping[str, Any], files: dict[str, bytes] | None = None) -> str:
    claim = Run(str(path), station, {"split": "test", "summary": dict(summary)}, NoConfig())
    for name, data in (files or {}).items():
        claim.storage.create(name, data)
    claim.finish(summary)
    return str(path)


def evaluation(path: Path, seed: int, dev: bool = True, frames: int = 1) -> str:
    """An evaluation as `difffas evaluate` leaves it: twenty people, live and under two attacks."""
    rng = np.random.default_rng(seed)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["claimed_id", "test_label", "is_bonafide", "attack_type", "score", "split"])
    for split in ("test", "dev")[: 2 if dev else 1]:
        for person, attack, _ in itertools.product(range(20), ("live", "print", "replay"), range(frames)):
            score = rng.normal(0.5 if attack == "live" else 0.3, 0.2)
            writer.writerow([f"p{person}", f"{person}/{attack}", attack == "live", attack, score, split])
    data = text.getvalue().encode()
    return folder(path, "evaluate", metrics_of(data, "test", "dev", resamples=50), {"scores.csv": data})


def samples_csv(
    t0: list[int], cfg_scale: list[float], faces: int, strength: Callable[[int, float, int], float]
) -> bytes:
    """The samples of a strength study whose strength is known; pixels change against T₀."""
    text = io.StringIO()
    writer = csv.writer(text)
    facts = ("style", "live_strength", "guide_strength", "strength", "identity_change", "rms")
    writer.writerow(["t0", "cfg_scale", "face", *facts])
    writer.writerows(
        (level, w, face, "cam-print", -5.0, 9.0, strength(level, w, face), level / 1000, 50 - level / 10)
        for level in t0
        for w in cfg_scale
        for face in range(faces)
    )
    return text.getvalue().encode()


def study(path: Path) -> str:
    """A strength study as `difffas strength` leaves it."""
    t0, cfg_scale = [100, 250], [1.0, 2.0, 4.5]
    samples = samples_csv(t0, cfg_scale, 4, lambda t0, w, face: t0 / 100 + w / 10 + face)
    spoofs = np.stack([face(seed) for seed in range(6)]).reshape(2, 3, 32, 32, 3)
    grid = draw_grid([Block("cam-print", face(7), face(8), spoofs)], t0, cfg_scale)
    return folder(path, "strength", summarise(samples), {"samples.csv": samples, "grid.png": grid})


def trial(name: str, parameters: dict[str, float], auc: float | None, rows: int, **given: Any) -> dict[str, Any]:
    """A trial of a search as `difffas tune` records it."""
    figures = {"auc": auc, "d_eer": None if auc is None else 1 - auc, "step": None if auc is None else 1200}
    facts = {"trial": name, "parameters": parameters, "metric": auc, "rows": rows, **figures}
    return {**facts, "status": "finished", "reason": None, **given}


def one_of_everything(root: Path) -> dict[str, Any]:
    """The `inputs` of a report, written below `root`."""
    real = scored(small_rows(splits=("train", "test")))
    write_corpus(root / "real", real)
    write_corpus(root / "generated", spoofs_of(real))
    curve = [[step, 2.0 / step] for step in range(1, 50)]
    trials: list[dict[str, Any]] = [
        trial("0001", {"live_margin": 0.1, "t0_max": 100}, 0.7, rows=12),
        trial("0002", {"live_margin": 0.2, "t0_max": 200}, None, rows=0, status="failed", reason="no row <passes>"),
        trial("0003", {"live_margin": 0.3, "t0_max": 300}, 0.9, rows=34),
        trial("0004", {"live_margin": 0.4, "t0_max": 400}, 0.95, rows=40, status="stopped", step=400),
    ]
    again = {
        **{"trial": "0003", "folder": "best", "t0": [150, 300], "cfg_scale": [1.0, 3.0]},
        "rows": {"filtered": 34, "regenerated": 40},
        "metric": {"filtered": 0.9, "regenerated": 0.91},
    }
    searched = {"metric": "auc", "trials": trials, "best": "0003", "regenerated": [again]}
    figures = {"steps": 1200, "loss": 0.0408, "curve": curve, "images_per_second": 31.4}
    evaluations = [
        {"step": step, "000-499": 80 / step, "500-999": 40 / step, "all": 60 / step} for step in (400, 800, 1200)
    ]
    return {
        "real": str(root / "real"),
        "generated": str(root / "generated"),
        "models": {
            "style encoder": folder(root / "style", "fit-style", {**figures, "accuracy": None}),
            "generator": folder(
                root / "generator",
                "fit-generator",
                {**figures, "evaluations": evaluations},
                {"samples/samples-0000001200.png": png(face(3, 48))},
            ),
        },
        "strength": study(root / "strength"),
        "evaluations": {
            "real": evaluation(root / "a", 1),
            "both & more": evaluation(root / "b", 2, dev=False, frames=3),
        },
        "tune": folder(root / "tune", "tune", searched),
    }


def report(out: Path, inputs: dict[str, Any], **settings: Any) -> Page:
    run(build(ReportConfig, {"inputs": inputs, "out": str(out), **settings}))
    return Page((out / PAGE).read_text(encoding="utf-8"))


def summary_of(url: str) -> dict[str, Any]:
    """The summary of a folder."""
    return read_summary(Storage(url)) or {}
