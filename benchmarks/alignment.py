"""Would aligning real pairs help a generator keep the person? `python -m benchmarks.alignment CORPUS...`

A print and a live face of one person do not match pixel by pixel: pose, expression and place differ. Landmarks could
undo a shift, a turn and a scale. This finds for every pair the best of all such movements, which no landmarks can
beat, and prints how alike the structure of the two faces is then (correlation of a band of 1 to 6 pixels): with a
live face of the same person, and with a stranger's. Only a gap between the two says that a pair teaches whose face it
is.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from factory.corpus import Corpus

Floats = NDArray[np.float64]
STARTS = ((0, 0, 0, 0), (0, 0, 3, 0), (0, 0, -3, 0), (0.1, 0, 0, 0), (-0.1, 0, 0, 0), (0, 0.1, 0, 0), (0, -0.1, 0, 0))
STEPS = np.diag([0.08, 0.08, 2.0, 2.0])  # log scale, radians, pixels, pixels
FURTHEST = np.array([0.3, 0.3, 8.0, 8.0])
MARGIN = 10


def structure(pixels: NDArray[np.uint8]) -> Floats:
    """H, W: a face without its light and its noise."""
    grey = pixels.astype(float).mean(-1)
    return np.asarray(ndimage.gaussian_filter(grey, 1) - ndimage.gaussian_filter(grey, 6))


def moved(face: Floats, movement: Floats) -> Floats:
    """The face scaled, turned and shifted about its middle."""
    scale, angle = np.exp(movement[0]), movement[1]
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(face.shape) - 1) / 2
    offset = middle - matrix @ middle + movement[2:]
    return np.asarray(ndimage.affine_transform(face, matrix, offset=offset, order=1, mode="nearest"))


def likeness(one: Floats, other: Floats) -> float:
    """Correlation of the inner parts."""
    inner = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    return float(np.corrcoef(one[inner].ravel(), other[inner].ravel())[0, 1])


def best_likeness(one: Floats, other: Floats) -> float:
    """Correlation after the best movement of the other face."""
    found = likeness(one, other)
    for start in STARTS:
        simplex = np.array([start, *(start + STEPS)])
        result = optimize.minimize(
            lambda movement: -likeness(one, moved(other, movement)),
            start,
            method="Nelder-Mead",
            options={"maxiter": 120, "initial_simplex": simplex},
        )
        if (np.abs(result.x) < FURTHEST).all():
            found = max(found, -result.fun)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "corpora", nargs="+", metavar="CORPUS", help="real faces, such as unseen_people's split-*/real"
    )
    parser.add_argument("--prints", type=int, default=60, help="spoofs of each corpus")
    given = parser.parse_args()
    generator = np.random.default_rng(0)
    found: dict[str, list[tuple[float, float]]] = {"same person": [], "stranger": []}
    for corpus in map(Corpus, given.corpora):
        attack, subject, domain = (corpus.column(name) for name in ("attack", "subject", "domain"))
        for spoof in generator.permutation(np.flatnonzero(attack != "live"))[: given.prints]:
            near = (attack == "live") & (domain == domain[spoof])
            own, others = (
                np.flatnonzero(near & mine) for mine in (subject == subject[spoof], subject != subject[spoof])
            )
            if not len(own) or not len(others):
                continue
            face = structure(corpus.pixels([spoof])[0])
            for whose, faces in (("same person", own), ("stranger", others)):
                live = structure(corpus.pixels([generator.choice(faces)])[0])
                found[whose].append((likeness(face, live), best_likeness(face, live)))
    print("| live face of | pairs | as prepared | best movement |\n|---|---|---|---|")
    for whose, values in found.items():
        before, after = np.mean(values, axis=0)
        print(f"| {whose} | {len(values)} | {before:.2f} | {after:.2f} |")


if __name__ == "__main__":
    main()
