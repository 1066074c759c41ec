"""The recipe of a generator for the embedded people: `python -m factory.embedded.fit OUT` fits and ships it.

It learns from other rendered people, whose live pictures have the pose and framing of their spoofs:
`embedded://aligned`. It starts from the generator of drawn people. Its card, `people-64/README.md`, states its cost.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

from difffas.errors import UserError
from difffas.style_statistics import PART
from factory import prepare
from factory.core.config import build
from factory.core.documents import JsonObject
from factory.core.progress import say
from factory.corpus import Corpus
from factory.drawn import PRETRAINED
from factory.embedded import PAIRS, smaller
from factory.storage.embedded import ALIGNED
from factory.train import TrainSummary
from factory.train.recipes import generator as fit_generator
from factory.train.recipes import style as fit_style

FOLDER = Path(__file__).parent / "people-64"
SIZE = 64
HELD_OUT = 192  # (live, spoof, guide) triples
CPU = {"gpus_per_worker": 0, "threads": 2, "read_ahead": 0, "checkpoint_every": 500}


def fit(out: str) -> TrainSummary:
    """Prepare the people, fit style encoder and generator below `out`; a second call resumes."""
    root = Path(out).absolute()
    prepare.run(build(prepare.PrepareConfig, smaller(SIZE, f"{root}/corpus")))
    fit_style.run(build(fit_style.FitStyleConfig, _style(root)))
    return fit_generator.run(build(fit_generator.FitGeneratorConfig, _generator(root)))


def _style(root: Path) -> JsonObject:
    training = {"steps": 1500, "batch_size": 32, "learning_rate": 2e-3, "weight_decay": 5e-3, "cosine_decay": True}
    return {
        "corpus": f"{root}/corpus",
        "out": f"{root}/style",
        "initial": str(PRETRAINED),  # its features mean much of what the network has learnt to read
        "vary": True,
        "train": {**training, "evaluate_every": 250},
        "resources": CPU,
    }


def _generator(root: Path) -> JsonObject:
    training = {"steps": 5000, "batch_size": 16, "learning_rate": 2e-3, "warmup_steps": 100, "cosine_decay": True}
    return {
        "corpus": ALIGNED,
        "style_encoder": f"{root}/style",
        "initial": str(PRETRAINED),
        "out": f"{root}/generator",
        "pairs": PAIRS,
        "weighting": "velocity",
        "train": {**training, "evaluate_every": 500},
        "ema_decay": 0.998,
        "evaluation": {"samples": HELD_OUT},
        "resources": CPU,
    }


def ship(root: Path, folder: Path = FOLDER) -> dict[str, float]:
    """Copy the generator that `fit` made below `root` into `folder`, in bfloat16: half the bytes, for a repository.

    Returns the loss by timestep on people outside the training set, which `held_out.json` keeps. Raises UserError
    unless this loss is below that of the generator already in `folder`.
    """
    with tempfile.TemporaryDirectory() as name:
        narrowed(root / "generator", Path(name), ("unet", "style_encoder", "scheduler", PART))
        losses = held_out_losses(Path(name), Corpus(ALIGNED))
        known = folder / "held_out.json"
        before = json.loads(known.read_text(encoding="utf-8"))["all"] if known.is_file() else math.inf
        if losses["all"] >= before:
            raise UserError(f"held-out loss {losses['all']:.5f}: the generator that is shipped has {before:.5f}")
        shutil.copytree(name, folder, dirs_exist_ok=True)
    known.write_text(json.dumps(losses, indent=2) + "\n", encoding="utf-8")
    return losses


def held_out_losses(model: Path, corpus: Corpus) -> dict[str, float]:
    """Mean squared error on ε of a model folder on the recipe's triples of `dev` people; `all` is their mean."""
    import torch

    from difffas.pipeline import SpoofPipeline
    from factory.train.recipes.pairs import PairsConfig
    from factory.train.recipes.validate import Validation

    pipeline = SpoofPipeline.from_pretrained(model)
    judge = Validation(corpus, "dev", HELD_OUT, 0, pipeline.unet.config.timesteps, pairs=build(PairsConfig, PAIRS))
    return judge.losses(pipeline.unet, pipeline.style_encoder, torch.device("cpu"))


def narrowed(model: Path, folder: Path, parts: tuple[str, ...]) -> None:
    """Copy parts of a model folder and its index, with weights in bfloat16; statistics of styles stay as they are."""
    import torch
    from safetensors.torch import load_file, save_file

    for part in parts:
        shutil.copytree(model / part, folder / part)
    for name in ("model_index.json", "pipeline.py"):
        if (model / name).is_file():  # models of earlier versions have no pipeline.py
            shutil.copy(model / name, folder)
    for path in (path for path in folder.glob("*/*.safetensors") if path.parent.name != PART):
        tensors = load_file(path)
        narrow = {n: t.to(torch.bfloat16) if t.is_floating_point() else t for n, t in tensors.items()}
        save_file(narrow, path, metadata={"format": "pt"})


if __name__ == "__main__":
    fit(sys.argv[1])
    say(f"embedded: held-out loss {ship(Path(sys.argv[1]))['all']:.5f}; now write the card")
