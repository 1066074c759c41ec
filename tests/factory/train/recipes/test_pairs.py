"""Condition and noise of a sample follow from its counter, whoever computes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.objective import TrainingNoise, draw_training_noise
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.models.tensors import to_tensor
from factory.train.recipes.pairs import PairsConfig, Samples, are_papers
from factory.train.triples import MixedPairs

SEED, COUNTERS = 3, np.arange(48)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: Any) -> Corpus:
    return write_corpus(Path(tmp_path_factory.mktemp("pairs")), small_rows(subjects=4, captures=2))


def samples(corpus: Corpus, **shares: float) -> tuple[Samples, MixedPairs]:
    config = PairsConfig(**shares)
    triples = MixedPairs(corpus, "train", SEED, config.self_pairs)
    return Samples(config, triples, corpus, "train", 500, SEED), triples


def made(corpus: Corpus, counters: np.ndarray, **shares: float) -> tuple[torch.Tensor, ...]:
    """Live faces, spoofs, conditions, noise before and after, and timesteps after, of these samples."""
    found, triples = samples(corpus, **shares)
    live, spoof, guide = (to_tensor(corpus.pixels(places)) for places in triples(counters))
    condition = found.conditions(live, spoof, counters)
    each = [draw_training_noise((1, *spoof.shape[1:]), torch.Generator().manual_seed(int(n))) for n in counters]
    before = TrainingNoise(*(torch.cat(parts) for parts in zip(*each, strict=True)))
    after = found.noise(before, condition, spoof, guide, counters)
    return live, spoof, condition, before.noise, after.noise, after.t


def test_the_papers_samples_are_the_pairs_themselves(corpus: Corpus) -> None:
    live, _, condition, before, after, _ = made(corpus, COUNTERS)
    assert torch.equal(condition, live) and torch.equal(before, after)
    assert are_papers(PairsConfig()) and not are_papers(PairsConfig(shifted_noise=0.1))


def test_half_of_the_samples_are_self_pairs_and_a_third_of_the_others_is_filmed_anew(corpus: Corpus) -> None:
    live, _, condition, *_ = made(corpus, COUNTERS, self_pairs=0.5, other_camera=1 / 3)
    changed = (condition != live).flatten(1).any(1).reshape(-1, 2)
    assert changed.all(1).sum() + (changed.sum(1) == 1).sum() == len(changed), "of two samples one is a self-pair"
    assert 2 <= int(changed.all(1).sum()) <= 16


def test_noise_is_shifted_for_a_share_and_stays_below_the_start(corpus: Corpus) -> None:
    *_, before, after, t = made(corpus, COUNTERS, self_pairs=0.5, shifted_noise=0.8)
    moved = (before != after).flatten(1).any(1)
    assert 30 <= int(moved.sum()) <= 46
    assert int(t[moved].max()) < 500


def test_a_sample_does_not_depend_on_its_batch(corpus: Corpus) -> None:
    shares = {"self_pairs": 0.5, "other_camera": 0.5, "shifted_noise": 0.8}
    whole = made(corpus, COUNTERS, **shares)
    for part in (COUNTERS[:5], COUNTERS[17:18]):
        for all_of, some in zip(whole, made(corpus, part, **shares), strict=True):
            assert torch.equal(all_of[part], some)


def test_a_style_without_live_faces_of_its_domain_is_disguised_without_them(tmp_path: Path) -> None:
    rows = small_rows(subjects=4, captures=2)
    first = min(row.domain for row in rows)
    kept = [row for row in rows if row.label == SPOOF or row.domain == first]
    *_, condition, _, _, _ = made(write_corpus(tmp_path, kept), COUNTERS, self_pairs=1.0)
    assert bool(condition.isfinite().all())
