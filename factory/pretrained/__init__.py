"""The generator that ships with this software, and its recipe: `python -m factory.pretrained OUT` fits it anew.

It knows the styles of the embedded faces (drawn people in two domains, printed, replayed and masked) at 64², so that
the demo makes spoofs at once and trains only a little further. Its card, `portrait-64/README.md`, says what it cost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from difffas.style_encoder import SMALL_STYLE_ENCODER
from difffas.unet import SMALL_UNET
from factory import embedded, fit_generator, fit_style, prepare
from factory.config import build
from factory.progress import say

FOLDER = Path(__file__).parent / "portrait-64"
SIZE, SUBJECTS, CAPTURES, SEED = 64, 400, 2, 64  # the demo draws other people, from another seed
DOMAINS, ATTACKS = ("webcam", "phone"), ("print", "replay", "mask")
CPU = {"gpus_per_worker": 0, "threads": 2, "read_ahead": 0, "checkpoint_every": 250}


def fit(out: str) -> dict[str, Any]:
    """Draw the faces and fit style encoder and generator below `out`; goes on where it stopped."""
    root = Path(out).absolute()
    if len(list((root / "faces").rglob("*.png"))) < embedded.planned(SUBJECTS, CAPTURES, DOMAINS, ATTACKS):
        say(f"pretrained: drawing {SUBJECTS} people")
        embedded.draw(root / "faces", SUBJECTS, CAPTURES, SIZE, DOMAINS, ATTACKS, seed=SEED)
    prepare.run(build(prepare.PrepareConfig, _corpus(root)))
    fit_style.run(build(fit_style.FitStyleConfig, _style(root)))
    return fit_generator.run(build(fit_generator.FitGeneratorConfig, _generator(root)))


def _corpus(root: Path) -> dict[str, Any]:
    return {
        "source": f"{root}/faces",
        "out": f"{root}/corpus",
        "pattern": embedded.PATTERN,
        "crop": "none",
        "size": SIZE,
        "license": "CC0-1.0",
        "split": {"train": 0.9, "dev": 0.1},
        "output": {"rows_per_shard": 500},
    }


def _style(root: Path) -> dict[str, Any]:
    training = {"steps": 1500, "batch_size": 32, "learning_rate": 2e-3, "weight_decay": 5e-3, "cosine_decay": True}
    return {
        "corpus": f"{root}/corpus",
        "out": f"{root}/style",
        "network": SMALL_STYLE_ENCODER,
        "train": {**training, "evaluate_every": 250},
        "resources": CPU,
    }


def _generator(root: Path) -> dict[str, Any]:
    training = {"steps": 6000, "batch_size": 16, "learning_rate": 2e-3, "warmup_steps": 100, "cosine_decay": True}
    return {
        "corpus": f"{root}/corpus",
        "style_encoder": f"{root}/style",
        "out": f"{root}/generator",
        # t below 500 only: T₀ beyond it turns a face into another one, and half the range is learnt twice as well.
        "network": {**SMALL_UNET, "dropout": 0.0, "timesteps": 500},
        "train": {**training, "evaluate_every": 500},
        "ema_decay": 0.998,
        "evaluation": {"samples": 192},
        "resources": CPU,
    }


def ship(model: Path, folder: Path) -> None:
    """Write the model folder `model` to `folder` with weights in bfloat16: half the bytes, for a repository."""
    import torch
    from safetensors.torch import load_file, save_file

    for path in sorted(path for path in model.rglob("*") if path.suffix in (".json", ".safetensors")):
        place = folder / path.relative_to(model)
        if path.name in ("run.json", "summary.json") or place.parts[len(folder.parts)] == "training":
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            place.write_bytes(path.read_bytes())
            continue
        tensors = load_file(path)
        narrow = {n: t.to(torch.bfloat16) if t.is_floating_point() else t for n, t in tensors.items()}
        save_file(narrow, place, metadata={"format": "pt"})
