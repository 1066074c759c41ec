"""How often do spoofs reach their style, and do they keep the person? `python -m benchmarks.reach JUDGE`

The shipped generator makes spoofs of embedded people whom it was not fitted on (split `dev`), within the domain of the
live face and across, with and without matching. JUDGE is a folder of `fit-judge`, fitted on yet other people (`make
demo` leaves one in out/demo/judge, of split `test`). Reached: the judge's likeliest style is the wanted one. Own: of
all live faces, the nearest by structure is the person's own.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.machine import describe
from benchmarks.people import Faces, faces_of
from difffas.routes import Matching, Route
from difffas.style_statistics import read_statistics
from factory.calibrate import faces as calibrate
from factory.calibrate.measure import Meter, figures, sample, samples
from factory.corpus.identity import Structure
from factory.models.load import load_generator
from factory.models.settings import SamplerConfig
from factory.models.style_judge import ClassifierOfStyle
from factory.storage import Storage
from factory.storage.embedded import GENERATOR

DOMAINS = tuple(f"world__{camera}" for camera in ("phone", "tablet", "webcam", "cctv"))
ATTACKS = ("print", "replay", "rigid_mask", "partial", "make_up")
SETTINGS: list[tuple[Matching, int, float]] = [
    ("none", 250, 2.0),
    ("none", 420, 5.0),
    ("guide", 400, 1.5),
    ("domain", 420, 5.0),
    ("style", 420, 5.0),
]


def chosen(faces: Faces, number: int, seed: int) -> calibrate.Faces:
    """Faces and guides of other people, in turn within the domain of the live face and across."""
    lives = [(domain, *face) for domain in DOMAINS for face in faces[f"{domain}-live"]]
    rng = np.random.default_rng(seed)
    live, guides, people, routes = [], [], [], []
    for n in range(number):
        domain, person, pixels = lives[rng.integers(len(lives))]
        others = [other for other in DOMAINS if other != domain]
        target = others[rng.integers(len(others))] if n % 2 == 1 else domain
        style = f"{target}-{ATTACKS[n // 2 % len(ATTACKS)]}"
        strangers = [guide for owner, guide in faces[style] if owner != person]
        live.append(pixels)
        guides.append(strangers[rng.integers(len(strangers))])
        people.append(person)
        routes.append(Route(f"{domain}-live", f"{target}-live", style))
    return calibrate.Faces(
        live=np.stack(live),
        guides=np.stack(guides),
        person=np.array(people),
        routes=routes,
        keys=[("", "")] * number,
        number=np.arange(number),
        seed=np.arange(number),
        gallery=np.stack([pixels for *_, pixels in lives]),
        gallery_person=np.array([person for _, person, _ in lives]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judge")
    parser.add_argument("--seed", type=int, default=777, help="of faces and guides")
    parser.add_argument("--spoofs", type=int, default=96, help="within a domain, and as many across")
    parser.add_argument("--preset", default="balanced")
    given = parser.parse_args()
    statistics = read_statistics(Storage(GENERATOR))
    faces, threads = chosen(faces_of("dev"), 2 * given.spoofs, given.seed), torch.get_num_threads()
    meter = Meter(ClassifierOfStyle(given.judge, 64), Structure(), faces)
    print(f"{describe()}; {given.spoofs} spoofs each within a domain and across, seed {given.seed}")
    print("| match | T₀ | w | reached within / across | own face nearest within / across |\n|---|---|---|---|---|")
    for how, t0, scale in SETTINGS:
        sampler = SamplerConfig(preset=given.preset, match=how)
        generator = load_generator(GENERATOR, sampler, threads, statistics=statistics)
        settings = np.full(len(faces.live), t0), np.full(len(faces.live), scale)
        lines = samples(faces, *settings, meter(sample(generator, faces, *settings)))
        within, across = (figures([line for line in lines if line["within"] == side]) for side in (1, 0))
        cells = [f"{within[name]:.2f} / {across[name]:.2f}" for name in ("reach", "own")]  # type: ignore[literal-required]
        print(f"| {how} | {t0} | {scale:g} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
