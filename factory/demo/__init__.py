"""Embedded faces: run every station once, with the functions and the Ray code that a cluster uses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from difffas.style_encoder import SMALL_STYLE_ENCODER
from factory import audit, evaluate, generate, prepare, report, tune
from factory.core.documents import JsonObject
from factory.core.progress import duration, say
from factory.corpus.provenance import DRAWN
from factory.drawn import PRETRAINED, pictures
from factory.pipeline import StationRun, run_in_turn
from factory.train.recipes import classifier as fit_classifier
from factory.train.recipes import generator as fit_generator
from factory.train.recipes import judge as fit_judge
from factory.train.recipes import style as fit_style

SIZE = 64
SUBJECTS, CAPTURES = 36, 3
OTHERS = 120  # people for the judge of style, whom no generator has seen
DOMAINS, ATTACKS = ("webcam", "phone"), ("print", "replay", "mask")
T0, CFG_SCALE = (400, 440), (4.5, 5.5)  # settings at which the small generator reaches a style; it knows t < 500
OWN_SPOOFS = 30  # of the generator that the demo trains, in eight network calls each
SPOOFS = 1500  # of the shipped generator's student, in one call each
HALF: JsonObject = {"sampling": {"generated_share": 0.5}}  # of every batch: there are many more spoofs than real rows
CPU = {"gpus_per_worker": 0, "threads": 2, "read_ahead": 0}  # for two cores: none is free to read ahead


class Shown(TypedDict):
    """Where the demo's report and spoofs lie, and how long it took."""

    report: str
    spoofs: str
    seconds: float


def run(out: str) -> Shown:
    """Draw faces, then prepare, fit, generate, fit classifiers, evaluate, tune and report below the folder `out`."""
    root = Path(out).absolute()
    started = time.monotonic()
    say(f"demo: everything goes below {root}")
    _draw(root / "faces", SUBJECTS, CAPTURES, seed=7)
    _draw(root / "other-faces", OTHERS, 2, seed=11)
    run_in_turn("demo", stations(root))
    seconds = time.monotonic() - started
    page = root / "report" / report.PAGE
    say(f"demo: all stations in {duration(seconds)}; open {page}")
    return {"report": str(page), "spoofs": str(root / "spoofs"), "seconds": seconds}


def _draw(folder: Path, subjects: int, captures: int, seed: int) -> None:
    """Draw embedded faces, unless they are all there."""
    before = time.monotonic()
    if len(list(folder.rglob("*.png"))) == pictures.planned(subjects, captures, DOMAINS, ATTACKS):
        return
    drawn = pictures.draw(folder, subjects, captures, SIZE, DOMAINS, ATTACKS, seed=seed)
    say(f"demo: {drawn} images of drawn faces and attacks in {duration(time.monotonic() - before)}")


def stations(root: Path) -> Iterator[StationRun]:
    """(function, configuration model, settings) of every station, in order."""
    yield from _corpus_and_generator(root)
    yield from _judge_and_audit(root)
    yield from _downstream(root)


def _corpus_and_generator(root: Path) -> Iterator[StationRun]:
    split = {"train": 0.6, "dev": 0.2, "test": 0.2}
    yield StationRun("prepare", prepare.run, prepare.PrepareConfig, _corpus(f"{root}/faces", f"{root}/real", split))
    yield StationRun(
        "fit-style",
        fit_style.run,
        fit_style.FitStyleConfig,
        {
            "corpus": f"{root}/real",
            "out": f"{root}/style",
            "network": SMALL_STYLE_ENCODER,
            "train": {"steps": 400, "batch_size": 32, "learning_rate": 2e-3, "cosine_decay": True, **_looks(50, 4)},
            "resources": CPU,
        },
    )
    yield StationRun(
        "fit-generator",
        fit_generator.run,
        fit_generator.FitGeneratorConfig,
        {
            "corpus": f"{root}/real",
            "initial": str(PRETRAINED),
            "out": f"{root}/generator",
            "train": {
                "steps": 30,
                "batch_size": 16,
                "learning_rate": 2e-4,
                "cosine_decay": True,
                **_looks(15, 2),
            },
            "evaluation": {"samples": 24, "grid_steps": 10},  # seconds each time
            "ema_decay": 0.95,
            "resources": CPU,
        },
    )
    yield _generate(root, f"{root}/generator", "own-spoofs", "balanced", OWN_SPOOFS)
    yield _generate(root, str(PRETRAINED), "spoofs", "student", SPOOFS)


def _generate(root: Path, generator: str, out: str, preset: str, samples: int) -> StationRun:
    settings: JsonObject = {
        "inputs": {"live": f"{root}/real", "guides": f"{root}/real", "generator": generator},
        "out": f"{root}/{out}",
        "plan": {"policies": ["cross-attack", "cross-domain"], "samples": samples, "guides_per_style": 6},
        "sampler": {
            "preset": preset,
            "t0": T0,
            "cfg_scale": CFG_SCALE,
            "match": "style",
            "batch_size": 15,
        },
        "output": {"formats": ["parquet", "webdataset"], "rows_per_shard": 300},
        "resources": {"gpus_per_generator": 0, "threads": 2},
    }
    return StationRun("generate", generate.run, generate.GenerateConfig, settings)


def _looks(every: int, patience: int) -> JsonObject:
    """Settings of `train`: steps between looks at held-out people, and looks without a better one that end it."""
    return {"evaluate_every": every, "patience": patience}


def _corpus(source: str, out: str, split: dict[str, float]) -> JsonObject:
    return {
        "source": source,
        "out": out,
        "pattern": pictures.PATTERN,
        "crop": "none",
        "size": SIZE,
        "license": "CC0-1.0",
        "digital_source_type": DRAWN,
        "split": split,
        "output": {"rows_per_shard": 120},
    }


def _judge_and_audit(root: Path) -> Iterator[StationRun]:
    others = _corpus(f"{root}/other-faces", f"{root}/others", {"train": 0.8, "dev": 0.2})
    yield StationRun("prepare", prepare.run, prepare.PrepareConfig, others)
    yield StationRun(
        "fit-judge",
        fit_judge.run,
        fit_judge.FitJudgeConfig,
        {
            "corpus": f"{root}/others",
            "out": f"{root}/judge",
            "backbone": "test_resnet",  # timm's smallest
            "train": {"steps": 500, "batch_size": 32, "learning_rate": 2e-3, "cosine_decay": True, **_looks(100, 3)},
            "resources": CPU,
        },
    )
    yield StationRun(
        "audit",
        audit.run,
        audit.AuditConfig,
        {
            "inputs": {
                "generated": f"{root}/spoofs",
                "live": f"{root}/real",
                "guides": f"{root}/real",
                "style_encoder": str(PRETRAINED),
                "judge": f"{root}/judge",
            },
            "out": f"{root}/audit",
            "identity": "structure",
            "resources": {"workers": 1, "threads": 2},
        },
    )


def _downstream(root: Path) -> Iterator[StationRun]:
    classifiers: dict[str, JsonObject] = {
        "classifier-real": {"generated": None, "loss": {"name": "cross-entropy"}},
        "classifier-generated": {
            "generated": f"{root}/spoofs",
            "audit": f"{root}/audit",
            "loss": {"name": "rq"},
            **HALF,
        },
    }
    for name, settings in classifiers.items():
        yield StationRun(
            "fit-classifier",
            fit_classifier.run,
            fit_classifier.FitClassifierConfig,
            {
                "corpus": f"{root}/real",
                "out": f"{root}/{name}",
                "backbone": "resnet18",
                "train": {
                    "steps": 150,
                    "batch_size": 32,
                    "learning_rate": 5e-4,
                    "cosine_decay": True,
                    **_looks(50, 3),
                },
                "resources": CPU,
                **settings,
            },
        )
        yield StationRun(
            "evaluate",
            evaluate.run,
            evaluate.EvaluateConfig,
            {"classifier": f"{root}/{name}", "corpus": f"{root}/real", "out": f"{root}/{name}-scores"},
        )
    yield StationRun(
        "tune",
        tune.run,
        tune.TuneConfig,
        {
            "out": f"{root}/search",
            "fit": {
                "corpus": f"{root}/real",
                "generated": f"{root}/spoofs",
                "backbone": "test_convnext",  # timm's smallest: several real backbones would take more than minutes
                "train": {"steps": 40, "batch_size": 32, "learning_rate": 1e-3, "evaluate_every": 20},
                "resources": {**CPU, "threads": 1},
            },
            "search": {
                "live_margin": [0.1, 0.5],
                "spoof_margin": [0.1, 0.5],
                "t0_max": [420, T0[1]],
                "generated_share": [0.2, 0.6],
            },
            "trials": 3,
        },
    )
    yield StationRun(
        "report",
        report.run,
        report.ReportConfig,
        {
            "title": "Spoof factory demo",
            "out": f"{root}/report",
            "inputs": {
                "real": f"{root}/real",
                "generated": f"{root}/spoofs",
                "audit": f"{root}/audit",
                "models": {
                    "style encoder": f"{root}/style",
                    "judge": f"{root}/judge",
                    "generator": f"{root}/generator",
                    **{name.replace("-", " "): f"{root}/{name}" for name in classifiers},
                },
                "evaluations": {name.replace("-", " "): f"{root}/{name}-scores" for name in classifiers},
                "tune": f"{root}/search",
            },
        },
    )
