"""How often do spoofs reach their style, and do they keep the person? `python -m benchmarks.reach JUDGE WORK`

The shipped generator makes spoofs of drawn people whom it has not seen, within the domain of the live face and across,
with and without matching. JUDGE is a folder of `fit-judge`, fitted on yet other people (`make demo` leaves one in
out/demo/judge). Reached: the judge's likeliest style is the wanted one. Own: of all live faces, the nearest by
structure is the person's own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.machine import describe
from difffas.matching import Moments, Statistics
from difffas.routes import Matching, Route
from factory.calibrate import faces as calibrate
from factory.calibrate.measure import Meter, figures, sample, samples
from factory.corpus.identity import Structure
from factory.drawn import PRETRAINED, pictures
from factory.models.load import load_generator
from factory.models.settings import SamplerConfig
from factory.models.style_judge import ClassifierOfStyle
from factory.models.tensors import to_tensor

SIZE, SEED = 64, 64  # of the generator's people, as its card says
DOMAINS, ATTACKS = ("webcam", "phone"), ("print", "replay", "mask")
SETTINGS: list[tuple[Matching, int, float]] = [
    ("none", 250, 2.0),
    ("none", 420, 5.0),
    ("domain", 420, 5.0),
    ("style", 420, 5.0),
    ("style", 450, 4.0),
]
Faces = dict[str, list[tuple[str, np.ndarray]]]  # by style: person and pixels


def drawn(folder: Path, people: int, captures: int, seed: int) -> Faces:
    """Drawn people and attacks on them."""
    if len(list(folder.rglob("*.png"))) != pictures.planned(people, captures, DOMAINS, ATTACKS):
        pictures.draw(folder, people, captures, SIZE, DOMAINS, ATTACKS, seed=seed)
    found: Faces = {}
    for path in sorted(folder.rglob("*.png")):
        domain, attack, person = path.parts[-4:-1]
        found.setdefault(f"{domain}-{attack}", []).append((person, np.asarray(Image.open(path))))
    return found


def chosen(faces: Faces, number: int, seed: int) -> calibrate.Faces:
    """Faces and guides of other people, in turn within the domain of the live face and across."""
    lives = [(domain, *face) for domain in DOMAINS for face in faces[f"{domain}-live"]]
    rng = np.random.default_rng(seed)
    live, guides, people, routes = [], [], [], []
    for n in range(number):
        domain, person, pixels = lives[rng.integers(len(lives))]
        target = DOMAINS[1 - DOMAINS.index(domain)] if n % 2 == 1 else domain
        style = f"{target}-{ATTACKS[n // 2 % len(ATTACKS)]}"
        others = [guide for owner, guide in faces[style] if owner != person]
        live.append(pixels)
        guides.append(others[rng.integers(len(others))])
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
    parser.add_argument("work", type=Path, help="folder for the drawn faces")
    parser.add_argument("--seed", type=int, default=777, help="of the people")
    parser.add_argument("--spoofs", type=int, default=96, help="within a domain, and as many across")
    parser.add_argument("--preset", default="balanced")
    given = parser.parse_args()
    training = drawn(given.work / "training", 120, 2, SEED)
    statistics: dict[str, Statistics] = {
        style: Moments.of(to_tensor(np.stack([pixels for _, pixels in faces]))).statistics
        for style, faces in training.items()
    }
    people = drawn(given.work / f"people-{given.seed}", 64, 1, given.seed)
    faces, folder, threads = (
        chosen(people, 2 * given.spoofs, given.seed),
        str(PRETRAINED),
        torch.get_num_threads(),
    )
    meter = Meter(ClassifierOfStyle(given.judge, 64), Structure(), faces)
    print(f"{describe()}; {given.spoofs} spoofs each within a domain and across, people of seed {given.seed}")
    print("| match | T₀ | w | reached within / across | own face nearest within / across |\n|---|---|---|---|---|")
    for how, t0, scale in SETTINGS:
        sampler = SamplerConfig(preset=given.preset, match=how)
        generator = load_generator(folder, sampler, threads, statistics=statistics)
        settings = np.full(len(faces.live), t0), np.full(len(faces.live), scale)
        lines = samples(faces, *settings, meter(sample(generator, faces, *settings)))
        within, across = (figures([line for line in lines if line["within"] == side]) for side in (1, 0))
        cells = [f"{within[name]:.2f} / {across[name]:.2f}" for name in ("reach", "own")]  # type: ignore[literal-required]
        print(f"| {how} | {t0} | {scale:g} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
