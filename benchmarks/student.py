"""What a student keeps of its teacher, and what it costs.

    python -m benchmarks.student quality GENERATOR JUDGE WORK   # drawn strangers at 64², the presets of one folder
    python -m benchmarks.student terms JUDGE WORK GENERATOR...   # students of one teacher, such as of other losses
    python -m benchmarks.student speed                          # CPU-seconds of an image at 256², the full network

GENERATOR is a folder of `fit-student` for drawn people. JUDGE is a folder of `fit-judge`, fitted on yet other people
(`make demo` leaves one in out/demo/judge). Every way gets the same faces, guides, T₀, w and noise. Both print tables.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.machine import describe
from benchmarks.networks import Scale, build, faces, sample_reference
from benchmarks.reach import chosen, drawn
from benchmarks.sampler import cpu_seconds
from difffas.brisque import brisque
from difffas.distillation import laplacian
from difffas.style_statistics import read_statistics
from factory.calibrate.faces import Faces
from factory.calibrate.measure import judged_right
from factory.models.generators import Request
from factory.models.load import load_generator
from factory.models.measures import rms_change, structure_change
from factory.models.settings import SamplerConfig
from factory.models.style_judge import ClassifierOfStyle
from factory.models.taught import taught_of
from factory.models.tensors import to_tensor
from factory.storage import Storage

PEOPLE_SEED = 777
WAYS: dict[str, dict[str, object]] = {
    "exact, DDIM in 25 steps (the teacher)": {},
    "exact, DPM-Solver++(2M) in 10": {"name": "dpm_solver_pp_2m", "steps": 10},
    "balanced": {"preset": "balanced"},
    "fast": {"preset": "fast"},
    "student-2": {"preset": "student-2"},
    "student": {"preset": "student"},
}
COLUMNS = (
    "way", "CPU ms an image", "speed", "PSNR dB", "least", "reached", "identity", "fine detail", "BRISQUE, KS",
    "change with T₀", "change with w",
)  # fmt: skip


class Study:
    """Faces, guides, T₀, w and noise that are the same for every way, and the measures of its spoofs."""

    def __init__(self, generator: str, judge: str, work: Path, count: int) -> None:
        taught = taught_of(generator)
        assert taught is not None, "the generator has no student"
        self.generator, self.match = generator, taught.match
        self.faces: Faces = chosen(drawn(work / f"people-{PEOPLE_SEED}", 64, 1, PEOPLE_SEED), count, PEOPLE_SEED)
        rng = np.random.default_rng(PEOPLE_SEED)
        self.t0 = rng.integers(taught.t0[0], taught.t0[1] + 1, count)
        self.scale = rng.uniform(*taught.cfg_scale, count).round(3)
        self.judge = ClassifierOfStyle(judge, 64)
        self.teacher: np.ndarray | None = None

    def request(self, rows: slice) -> Request:
        mine = self.faces
        count = len(mine.live[rows])
        return Request(
            mine.live[rows], mine.guides[rows], np.arange(count), self.t0[rows], self.scale[rows], mine.seed[rows],
            mine.routes[rows],
        )  # fmt: skip

    def run(self, way: dict[str, object]) -> tuple[np.ndarray, float]:
        """Spoofs, uint8 (N, H, W, 3), and CPU-seconds of an image."""
        sampler = SamplerConfig.model_validate({"match": self.match, **way})
        statistics = read_statistics(Storage(self.generator))
        generate = load_generator(self.generator, sampler, torch.get_num_threads(), statistics=statistics)
        everything = self.request(slice(None))
        generate(self.request(slice(16)))  # warm-up
        started = time.process_time()
        made = generate(everything)
        seconds = time.process_time() - started
        return made.pixels, seconds / len(made.pixels)

    def row(self, name: str, made: np.ndarray, seconds: float, teachers: float) -> str:
        """A line of the table."""
        teacher = made if self.teacher is None else self.teacher
        error = np.square(made.astype(np.float64) - teacher).mean(axis=(1, 2, 3))
        decibels = 10 * np.log10(255.0**2 / np.maximum(error, 1e-9))
        distance = "- | -" if teacher is made else f"{decibels.mean():.1f} | {decibels.min():.1f}"
        reached = judged_right(self.judge, made, self.faces.styles).mean()
        identity = structure_change(self.faces.live, made).mean()
        fine = np.sqrt(_fine(made) / _fine(teacher))
        scores, of_teacher = brisque(made)[0], brisque(teacher)[0]
        change = rms_change(self.faces.live, made)
        cells = [
            f"{reached:.3f}", f"{identity:.3f}", f"{fine:.3f}", f"{_largest_gap(scores, of_teacher):.3f}",
            f"{_rank_correlation(change, self.t0):.3f}", f"{_rank_correlation(change, self.scale):.3f}",
        ]  # fmt: skip
        return f"| {name} | {seconds * 1e3:,.0f} | {teachers / seconds:.1f}× | {distance} | {' | '.join(cells)} |"


def _fine(images: np.ndarray) -> float:
    """Mean square of the finest Laplacian level."""
    return float(laplacian(to_tensor(images), 1)[0].square().mean())


def _largest_gap(first: np.ndarray, second: np.ndarray) -> float:
    """Kolmogorov and Smirnov's distance of two samples: the largest gap between their distribution functions."""
    both = np.sort(np.concatenate((first, second)))
    shares = [np.searchsorted(np.sort(each), both, side="right") / len(each) for each in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's; the measures have hardly any ties."""
    ranks = [np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in (first, second)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def quality(generator: str, judge: str, work: Path, count: int) -> None:
    """The presets beside the teacher's plain run."""
    study = Study(generator, judge, work, count)
    t0, scale = study.t0, study.scale
    print(f"{describe()}; {count} spoofs of drawn people of seed {PEOPLE_SEED}, half of them across domains,")
    print(f"T₀ {t0.min()} to {t0.max()}, w {scale.min():g} to {scale.max():g}, match {study.match}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    teachers = 0.0
    for name, way in WAYS.items():
        made, seconds = study.run(way)
        teachers = teachers or seconds
        print(study.row(name, made, seconds, teachers), flush=True)
        study.teacher = made if study.teacher is None else study.teacher


def terms(generators: list[str], judge: str, work: Path, count: int) -> None:
    """One call of each folder's student, beside what their teacher's ten steps make of the same noise."""
    study = Study(generators[0], judge, work, count)
    print(f"{describe()}; {count} spoofs of drawn people of seed {PEOPLE_SEED}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    made, teachers = study.run(WAYS["exact, DPM-Solver++(2M) in 10"])
    print(study.row("teacher", made, teachers, teachers), flush=True)
    study.teacher = made
    for generator in generators:
        study.generator = generator
        made, seconds = study.run(WAYS["student"])
        print(study.row(Path(generator).name, made, seconds, teachers), flush=True)


@torch.no_grad()
def speed(batch: int) -> None:
    """Each way in turn, twice; the better time. The equal steps of reference and `exact` are timed by two."""
    torch.set_num_threads(1)
    scale, device = Scale(), torch.device("cpu")
    official = build({**scale.unet, "form": "official", "condition_norm": "batch"}, scale.encoder)
    arguments = {**scale.unet, "out_channels": 3}
    ours = build(arguments, scale.encoder, with_student=True)
    live, guide = (faces(batch, scale.side, seed, device) for seed in range(2))
    conditions, null = ours.encode_conditions(guide), ours.null_conditions(scale.side, scale.side)
    assert len(null)

    def way(**given: object) -> Callable[[], Tensor]:
        return lambda: ours(live, conditions, seed=list(range(batch)), **given)  # type: ignore[arg-type]

    ways: dict[str, tuple[float, Callable[[], Tensor]]] = {
        "reference": (25 / 2, lambda: sample_reference(official, live, guide, 2)),
        "exact": (25 / 2, way(steps=2)),
        **{preset: (1.0, way(preset=preset)) for preset in ("balanced", "fast", "student-2", "student")},
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(2):
        for name, (factor, run) in ways.items():
            best[name] = min(best[name], factor * cpu_seconds(run)[1] / batch)
    print(f"{describe()}; `python -m benchmarks.student speed`\n\nBatch {batch}, one thread, 256², {arguments}.\n")
    print("| way | CPU-seconds an image | against the reference |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds:,.2f} | {best['reference'] / seconds:.1f}× |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    whats = parser.add_subparsers(dest="what", required=True)
    of_quality = whats.add_parser("quality")
    of_quality.add_argument("generator")
    of_quality.add_argument("judge")
    of_quality.add_argument("work", type=Path, help="folder for the drawn faces")
    of_quality.add_argument("--count", type=int, default=192)
    of_terms = whats.add_parser("terms")
    of_terms.add_argument("judge")
    of_terms.add_argument("work", type=Path)
    of_terms.add_argument("generators", nargs="+")
    of_terms.add_argument("--count", type=int, default=192)
    whats.add_parser("speed").add_argument("--batch", type=int, default=4)
    given = parser.parse_args()
    if given.what == "quality":
        quality(given.generator, given.judge, given.work, given.count)
    elif given.what == "terms":
        terms(given.generators, given.judge, given.work, given.count)
    else:
        speed(given.batch)


if __name__ == "__main__":
    main()
