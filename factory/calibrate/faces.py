"""Choose the live faces and guides of a calibration: each style meets live faces of the whole split."""

from __future__ import annotations

import dataclasses

import numpy as np

from difffas.errors import UserError
from difffas.routes import Route
from factory.calibrate.settings import CalibrateConfig
from factory.core import draws
from factory.corpus import Corpus
from factory.corpus.people import other_people, people
from factory.corpus.row import LIVE, SPOOF
from factory.corpus.style_statistics import route_of
from factory.models.settings import SamplerConfig

GALLERY = 512  # live faces among which the nearest is looked for, spread evenly over the split


@dataclasses.dataclass(frozen=True)
class Faces:
    """What spoofs are made of; every entry has N elements but the gallery."""

    live: np.ndarray  # uint8 N, H, W, 3
    guides: np.ndarray  # uint8 N, H, W, 3
    person: np.ndarray  # text, of the live face
    routes: list[Route]
    keys: list[tuple[str, str]]  # of live face and guide
    number: np.ndarray  # int64, within the split: what is drawn for a face depends on it
    seed: np.ndarray  # int64, 63 bits
    gallery: np.ndarray  # uint8 G, H, W, 3: live faces
    gallery_person: np.ndarray  # text

    @property
    def styles(self) -> list[str]:
        """The styles wanted."""
        return [route.spoof for route in self.routes]


def choose_faces(config: CalibrateConfig, live: Corpus, guides: Corpus, split: str) -> Faces:
    """`config.faces` live faces for each style, evenly over the split; guides by hash, of others if possible.

    Raises:
        UserError: if the split has no live face, a style has no guide there, or the images are of several sizes.
    """
    positions = live.where(split=split, label=LIVE)
    spoofs = guides.where(split=split, label=SPOOF)
    shown = guides.column("style")[spoofs]
    styles = config.styles or tuple(sorted(set(shown)))
    absent = sorted(set(styles) - set(shown))
    if not len(positions):
        raise UserError(f"split {split!r} has no live face: set split and check to those of held-out people")
    if absent or not styles:
        raise UserError(f"split {split!r} has no guide of {absent or 'any style'}: choose other `styles`")
    n = np.arange(config.faces * len(styles))
    chosen = positions[n * len(positions) // len(n)]
    style = [styles[number % len(styles)] for number in n]
    names = "calibrate", split
    guide = other_people(live, guides, chosen, style, spoofs, draws.uniform(n, config.seed, *names, "guide"))
    spread = positions[np.unique(np.linspace(0, len(positions) - 1, GALLERY).astype(np.int64))]
    gallery = np.union1d(spread, chosen)  # with each face's own person, or nobody could be found in a large split
    columns = [live.column("domain")[chosen], guides.column("domain")[guide], style]
    faces, shown_guides = live.pixels(chosen), guides.pixels(guide)
    if faces.shape != shown_guides.shape:
        sizes = ["×".join(map(str, images.shape[1:3])) for images in (faces, shown_guides)]
        raise UserError(f"live faces are {sizes[0]}, guides {sizes[1]}: prepare both corpora with one --size")
    return Faces(
        live=faces,
        guides=shown_guides,
        person=people(live)[chosen],
        routes=[route_of(*each) for each in zip(*columns, strict=True)],
        keys=list(zip(live.column("key")[chosen], guides.column("key")[guide], strict=True)),
        number=n,
        seed=(draws.bits(n, config.seed, *names, "noise") >> np.uint64(1)).astype(np.int64),
        gallery=live.pixels(gallery),
        gallery_person=people(live)[gallery],
    )


def drawn(sampler: SamplerConfig, faces: Faces, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """T₀, int64 (N,), and w, float64 (N,), of each face, from the ranges for its style."""
    (low, high), (least, most) = (np.array(ends).T for ends in zip(*map(sampler.ranges, faces.styles), strict=True))
    t0 = low + draws.below(high - low + 1, faces.number, seed, "calibrate", "t0")
    return t0, least + draws.uniform(faces.number, seed, "calibrate", "cfg_scale") * (most - least)
