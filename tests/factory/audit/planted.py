"""A small world for the audit: people as coarse patterns, attacks as tints, and spoofs with known faults."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image

from benchmarks.corpora import png, row, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.style_encoder import StyleEncoder
from factory.audit import AuditConfig, run
from factory.core.config import build
from factory.corpus.row import LIVE, SPOOF, Row
from factory.line.walk import place_of
from factory.models.tensors import to_tensor
from factory.storage import Storage

SIDE = 32
TINTS = {"live": (1.0, 1.0, 1.0), "print": (1.0, 0.75, 0.5), "replay": (0.5, 0.75, 1.0)}
STYLES = ("cam-live", "cam-print", "cam-replay")
SPLITS = ("train",) * 8 + ("test",) * 2  # of subjects 0 … 9


def person(number: int, attack: str, grain: int = 0) -> np.ndarray:
    """The face of a person under an attack's tint, uint8 (32, 32, 3); the brightness does not depend on the attack."""
    coarse = np.random.default_rng(number).integers(60, 200, (6, 6), dtype=np.uint8)
    pattern = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float64)
    noise = np.random.default_rng(1000 + grain).normal(0, 2, (SIDE, SIDE, 3))
    tinted: np.ndarray = (pattern[:, :, None] * np.array(TINTS[attack]) + noise).clip(0, 255).astype(np.uint8)
    return tinted


def real_rows() -> list[Row]:
    """Live, print and replay of ten people, but no replay of the even ones."""
    rows: list[Row] = []
    for number, split in enumerate(SPLITS):
        for attack in ("live", "print", "replay"):
            if attack == "replay" and number % 2 == 0:
                continue
            place = len(rows)
            rows.append(
                row(
                    place,
                    key=f"real-{number}-{attack}",
                    image=png(person(number, attack, place)),
                    label=LIVE if attack == "live" else SPOOF,
                    attack=attack,
                    subject=f"s{number}",
                    split=split,
                    brisque=30.0 + (place % 5),
                )
            )
    return rows


def spoof(name: str, subject: int, pixels: np.ndarray, **given: Any) -> Row:
    """A generated replay of a live face."""
    facts: dict[str, Any] = {
        "key": f"made-{name}",
        "image": png(pixels),
        "label": SPOOF,
        "attack": "replay",
        "subject": f"s{subject}",
        "split": SPLITS[subject],
        "live_key": f"real-{subject}-live",
        "guide_key": "real-1-replay",
        "live_domain": "cam",
        "brisque": 32.0,
    }
    return row(0, **(facts | given))


def planted_rows() -> list[Row]:
    """Three good spoofs, and one with each fault; the name says which."""
    other = person(77, "replay", 9)  # nobody of the corpus
    flat = np.full((SIDE, SIDE, 3), (60, 90, 120), np.uint8)
    return [
        spoof("good-0", 0, person(0, "replay", 50)),
        spoof("good-2", 2, person(2, "replay", 51)),
        spoof("good-8", 8, person(8, "replay", 52), guide_key="real-9-replay"),
        spoof("memorised", 4, person(3, "replay", 53), guide_key="real-3-replay"),
        spoof("swapped", 6, other),
        spoof("style", 4, person(4, "live", 54)),
        spoof("twin", 2, person(2, "replay", 51), guide_key="real-3-replay"),  # of good-2, its key comes later
        spoof("leak", 9, person(9, "replay", 55), split="train"),
        spoof("flat", 2, flat, brisque=None),
        spoof("poor", 6, person(6, "replay", 56), brisque=90.0),
    ]


# Why each row must be refused.
EXPECTED = {
    "made-good-0": None,
    "made-good-2": None,
    "made-good-8": None,
    "made-memorised": "identity, memorised",
    "made-swapped": "identity",
    "made-style": "style",
    "made-twin": "near-duplicate",
    "made-leak": "leak",
    "made-flat": "identity, no quality score",
    "made-poor": "quality",
}


@functools.cache
def fitted_encoder() -> StyleEncoder:
    """A small style encoder that tells the tints apart, after seconds."""
    torch.manual_seed(0)
    encoder = StyleEncoder(STYLES, stem_channels=8, channels=(8, 8, 8, 16), depths=(1, 1, 1, 1))
    optimiser = torch.optim.AdamW(encoder.parameters(), 3e-3)
    for step in range(60):
        people = [(100 + 16 * step + n, n % 3) for n in range(18)]
        images = np.stack([person(number, tuple(TINTS)[style], number) for number, style in people])
        _, logits = encoder(to_tensor(images))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([style for _, style in people]))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return encoder.eval()


@functools.cache
def fitted_classifier(styles: tuple[str, ...] = STYLES, right: bool = True) -> SpoofClassifier:
    """A small classifier that tells the tints apart, after seconds; if not `right`, it takes each for the next one."""
    torch.manual_seed(0)
    classifier = SpoofClassifier(styles, ("cam-live",), backbone="test_convnext").train()
    optimiser = torch.optim.AdamW(classifier.parameters(), 3e-3)
    for step in range(60):
        people = [(100 + 16 * step + n, n % len(styles)) for n in range(18)]
        images = np.stack([person(number, styles[style].removeprefix("cam-"), number) for number, style in people])
        cosines = classifier(to_tensor(images))
        assert isinstance(cosines, torch.Tensor)
        wanted = torch.tensor([(style + (not right)) % len(styles) for _, style in people])
        loss = torch.nn.functional.cross_entropy(classifier.scale * cosines, wanted)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return classifier.eval()


def write_world(root: Path, rows: list[Row] | None = None, per_shard: int = 3, name: str = "made") -> dict[str, Any]:
    """Corpora and encoder below `root`; returns the inputs of an audit."""
    write_corpus(root / name, planted_rows() if rows is None else rows, per_shard=per_shard)
    if not (root / "real").exists():
        write_corpus(root / "real", real_rows())
        fitted_encoder().save_pretrained(root / "style" / "style_encoder")
    real = f"{root}/real"
    return {"generated": f"{root}/{name}", "live": real, "guides": real, "style_encoder": f"{root}/style"}


LIMITS = {"identity_distance": 0.6, "style_probability": 0.5, "brisque_z": 5.0}


def settings(inputs: dict[str, Any], out: Path | str, **given: Any) -> dict[str, Any]:
    """An audit by structure, with limits that fit this world."""
    return {"inputs": inputs, "out": str(out), "identity": "structure", "thresholds": LIMITS, **given}


def audit(inputs: dict[str, Any], out: Path | str, **given: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", run(build(AuditConfig, settings(inputs, out, **given))))


def inline(
    name: str, out: Storage, folder: str, shards: Any, task: Any, actor: Any, arguments: Any, workers: int, gpus: float
) -> None:
    """What `walk` does, in this process."""
    work = actor(*arguments())
    for shard in shards:
        row = work({"shard": shard, "place": place_of(folder, shard), **task(shard)})
        assert not row["fault"], row["fault"]
