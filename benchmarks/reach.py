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
from torch import Tensor

from benchmarks.machine import describe
from difffas.matching import Moments, Statistics
from difffas.pipeline import SpoofPipeline
from difffas.routes import Matching, Route
from difffas.style_statistics import routed
from factory.drawn import embedded, pretrained
from factory.models.load import load_classifier
from factory.models.tensors import to_tensor
from factory.storage import Storage

DOMAINS, ATTACKS = pretrained.DOMAINS, pretrained.ATTACKS
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
    if len(list(folder.rglob("*.png"))) != embedded.planned(people, captures, DOMAINS, ATTACKS):
        embedded.draw(folder, people, captures, pretrained.SIZE, DOMAINS, ATTACKS, seed=seed)
    found: Faces = {}
    for path in sorted(folder.rglob("*.png")):
        domain, attack, person = path.parts[-4:-1]
        found.setdefault(f"{domain}-{attack}", []).append((person, np.asarray(Image.open(path))))
    return found


def structure(images: Tensor) -> Tensor:
    """Luminance at a quarter of the side, without its mean, at unit length: B, D."""
    small = torch.nn.functional.avg_pool2d(images.mean(1, keepdim=True), 4).flatten(1)
    return torch.nn.functional.normalize(small - small.mean(1, keepdim=True), dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judge")
    parser.add_argument("work", type=Path, help="folder for the drawn faces")
    parser.add_argument("--seed", type=int, default=777, help="of the people")
    parser.add_argument("--spoofs", type=int, default=96, help="within a domain, and as many across")
    parser.add_argument("--preset", default="balanced")
    given = parser.parse_args()
    judge = load_classifier(Storage(given.judge))
    training = drawn(given.work / "training", 120, 2, pretrained.SEED)
    statistics: dict[str, Statistics] = {
        style: Moments.of(to_tensor(np.stack([pixels for _, pixels in faces]))).statistics
        for style, faces in training.items()
    }
    faces = drawn(given.work / f"people-{given.seed}", 64, 1, given.seed)
    lives = [(domain, *face) for domain in DOMAINS for face in faces[f"{domain}-live"]]
    rng = np.random.default_rng(given.seed)
    rows = []
    for number in range(2 * given.spoofs):
        domain, person, pixels = lives[rng.integers(len(lives))]
        across = number % 2 == 1
        target = DOMAINS[1 - DOMAINS.index(domain)] if across else domain
        style = f"{target}-{ATTACKS[number // 2 % len(ATTACKS)]}"
        others = [guide for owner, guide in faces[style] if owner != person]
        route = Route(f"{domain}-live", f"{target}-live", style)
        rows.append((person, pixels, others[rng.integers(len(others))], route, across))
    live, guide = (to_tensor(np.stack([row[place] for row in rows])) for place in (1, 2))  # type: ignore[misc]
    routes, across_rows = [row[3] for row in rows], torch.tensor([row[4] for row in rows])
    wanted = torch.tensor([judge.styles.index(route.spoof) for route in routes])
    everyone = structure(to_tensor(np.stack([pixels for *_, pixels in lives])))
    pipeline = SpoofPipeline.from_pretrained(pretrained.FOLDER)
    print(f"{describe()}; {given.spoofs} spoofs each within a domain and across, people of seed {given.seed}")
    print("| match | T₀ | w | reached within / across | own face nearest within / across |\n|---|---|---|---|---|")
    for how, t0, scale in SETTINGS:
        made = []
        condition, start = routed(live, routes, statistics, how)
        for part in torch.arange(len(rows)).chunk(-(-len(rows) // 16)):
            options = {"t0": t0, "cfg_scale": scale, "seed": part.tolist(), "preset": given.preset}
            made.append(pipeline(condition[part], guide[part], start=start[part], **options))  # type: ignore[arg-type]
        spoofs = torch.cat(made)
        with torch.no_grad():
            cosines = torch.cat([judge(part) for part in spoofs.chunk(-(-len(rows) // 64))])  # type: ignore[arg-type]
        reached = cosines.argmax(dim=1) == wanted
        nearest = (structure(spoofs) @ everyone.T).argmax(dim=1).tolist()
        own = torch.tensor([lives[place][1] == row[0] for place, row in zip(nearest, rows, strict=True)])
        cells = [
            f"{float(found[~across_rows].double().mean()):.2f} / {float(found[across_rows].double().mean()):.2f}"
            for found in (reached, own)
        ]
        print(f"| {how} | {t0} | {scale:g} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
