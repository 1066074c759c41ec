"""Are rendered people people, and their spoofs spoofs? `python -m benchmarks.rendered CORPUS --weights RETINAFACE`

Three judges that know nothing of the renderer look at a corpus of `difffas world`. *Found*: the share of images in
which RetinaFace finds a face; faces are then cut as `difffas prepare` cuts them. *Same person*: the AUC with which
dlib's distances tell other live faces of the image's person from those of other people. *Told*: the AUC with which a
classifier that was fitted on photographs alone (`--classifier`, a folder of fit-classifier; the mean of several) tells
live faces from this attack.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.machine import describe
from factory.corpus import Corpus
from factory.corpus.identity import load_embedder
from factory.corpus.people import people
from factory.corpus.row import LIVE_ATTACK
from factory.images import resize
from factory.models.load import load_classifier
from factory.models.tensors import to_tensor
from factory.sources.faces import cut_square
from factory.sources.retinaface import Detector, retinaface
from factory.storage import Storage

ENLARGED = 512  # pixels: about the side of a face in the frames that RetinaFace was trained on
SIDE = 128
CLASSIFIER_SIDE = 64  # of the faces that benchmarks.unseen_people fits its classifiers on


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Share of pairs in which the positive value is the larger one."""
    order = np.sort(negative)
    below, upto = (np.searchsorted(order, positive, side=side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(negative))


def identity(vectors: np.ndarray, person: np.ndarray, lives: np.ndarray, rows: np.ndarray) -> float:
    """AUC of the nearness to other live faces of the same person against those of other people; NaN without either."""
    away = np.linalg.norm(vectors[rows][:, None] - vectors[lives][None], axis=2)
    same = person[rows][:, None] == person[lives][None]
    other_image = rows[:, None] != lives[None]
    if not (same & other_image).any() or same.all():
        return float("nan")
    return auc(-away[same & other_image], -away[~same])


def cut(pixels: np.ndarray, detect: Detector) -> tuple[np.ndarray, bool]:
    """The largest face as prepare cuts it, uint8 (SIDE, SIDE, 3), and True; without one the picture and False."""
    enlarged = resize(pixels, ENLARGED)
    faces = detect(enlarged)
    return (cut_square(enlarged, faces[0].box, SIDE), True) if faces else (resize(pixels, SIDE), False)


def liveness(folder: str, faces: np.ndarray) -> np.ndarray:
    """Liveness of faces, uint8 (N, H, W, 3), by a classifier."""
    network = load_classifier(Storage(folder)).eval()
    with torch.no_grad():
        return network.liveness(
            network(to_tensor(np.stack([resize(face, CLASSIFIER_SIDE) for face in faces])))
        ).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--classifier", nargs="*", default=[])
    given = parser.parse_args()
    corpus, embed, detect = Corpus(given.corpus), load_embedder("dlib"), retinaface(given.weights)
    attack, person = corpus.column("attack"), people(corpus)
    cuts = [cut(face, detect) for face in corpus.pixels(np.arange(len(corpus)))]
    faces, found = np.stack([face for face, _ in cuts]), np.array([there for _, there in cuts])
    vectors = embed(faces)
    live = [liveness(folder, faces) for folder in given.classifier]
    lives = np.flatnonzero(attack == LIVE_ATTACK)
    print(f"{describe()}; {len(np.unique(person))} people, {len(corpus)} images")
    print("| attack | images | found | same person | told |\n|---|---|---|---|---|")
    for name in sorted(np.unique(attack), key=lambda name: (name != LIVE_ATTACK, name)):
        rows = np.flatnonzero(attack == name)
        told = np.mean([auc(scores[lives], scores[rows]) for scores in live]) if live and name != LIVE_ATTACK else None
        cells = [f"{found[rows].mean():.3f}", f"{identity(vectors, person, lives, rows):.3f}"]
        print(f"| {name} | {len(rows)} | {' | '.join(cells)} | {'' if told is None else f'{told:.3f}'} |")


if __name__ == "__main__":
    main()
