"""A small generator of people, not trained, with the claim of a run on its corpus; and settings to use both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.dsdg import PairedVAE
from factory.core.config import build
from factory.corpus import Corpus
from factory.generate import GenerateConfig
from factory.models.people_sampler import VAE, write_vae_index

SIDE = 32


def write_people(folder: Path, split: str = "train", side: int = SIDE) -> Corpus:
    """Real faces in `real`, and in `people` a generator for them whose pairs differ."""
    real = write_corpus(folder / "real", small_rows(subjects=4, side=side, splits=("train", "dev")))
    torch.manual_seed(3)
    spoofs = sorted({style for style in real.column("style") if not style.endswith("-live")})
    vae = PairedVAE(spoofs, split, side, channels=(8, 8), latent=4)
    with torch.no_grad():
        for parameter in vae.decoder.parameters():
            parameter.mul_(3.0)
    vae.save_pretrained(folder / "people" / VAE)
    write_vae_index(folder / "people")
    return real


def people_config(folder: Path, out: str = "pairs", **settings: Any) -> GenerateConfig:
    """Seven pairs in shards of at most two pairs."""
    given = {
        "inputs": {"live": f"{folder}/real", "guides": f"{folder}/real", "generator": f"{folder}/people"},
        "out": f"{folder}/{out}",
        "plan": {"samples": 7},
        "sampler": {"batch_size": 2},
        "output": {"rows_per_shard": 5},
        "resources": {"gpus_per_generator": 0, "threads": 1},
        **settings,
    }
    return build(GenerateConfig, given)
