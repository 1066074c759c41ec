from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.corpora import small_rows, write_corpus
from difffas.classifier import SpoofClassifier
from difffas.errors import UserError
from difffas.objective import TrainingNoise, training_loss
from difffas.pipeline import SpoofPipeline
from difffas.style_encoder import StyleEncoder
from difffas.unet import SpoofUNet
from factory.corpus import Corpus
from factory.corpus.row import LIVE
from factory.models.tensors import to_pixels, to_tensor
from factory.train.recipes.pairs import PairsConfig
from factory.train.recipes.validate import Validation, check_known, sample_grid

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    rows = small_rows(subjects=6, captures=2, side=32, splits=("train", "dev"))
    return write_corpus(tmp_path_factory.mktemp("validate") / "corpus", rows)


@pytest.fixture(scope="module")
def networks() -> tuple[SpoofUNet, StyleEncoder]:
    torch.manual_seed(0)
    encoder = StyleEncoder(["cam-live", "cam-print"], stem_channels=8, channels=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    unet = SpoofUNet(base_channels=8, channel_multipliers=(1, 1, 1, 1, 1, 1), embed_channels=16)
    for parameter in unet.parameters():  # at the start it says 0 whatever it is asked
        torch.nn.init.normal_(parameter, std=0.1)
    return unet.eval(), encoder.eval()


class KnowsTheNoise(torch.nn.Module):
    """Predicts ε with an error that grows with t, from t alone: notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def forward(self, x: torch.Tensor, t: torch.Tensor, features: Any) -> Any:
        self.asked += t.tolist()
        return type("Output", (), {"sample": torch.zeros_like(x[:, :3])})


def test_every_bucket_is_judged_on_the_same_people_within_its_timesteps(
    corpus: Corpus, networks: tuple[SpoofUNet, StyleEncoder]
) -> None:
    validation = Validation(corpus, "dev", samples=6, seed=1, timesteps=500, batch_size=4)
    network = KnowsTheNoise()
    losses = validation.losses(network, networks[1], CPU)
    assert list(losses) == ["000-099", "100-199", "200-299", "300-399", "400-499", "all"]
    asked = np.array(network.asked).reshape(5, 6)
    assert (asked // 100 == np.arange(5)[:, None]).all()
    # A network that says 0 has the mean square of the noise, which is the same in every bucket.
    assert len({round(value, 5) for value in losses.values()}) == 1
    assert losses["all"] == pytest.approx(1.0, abs=0.05)


def test_the_loss_is_the_training_loss_of_fixed_draws(
    corpus: Corpus, networks: tuple[SpoofUNet, StyleEncoder]
) -> None:
    unet, encoder = networks
    validation = Validation(corpus, "dev", samples=4, seed=1, timesteps=100, batch_size=2)
    losses = validation.losses(unet, encoder, CPU)
    again = Validation(corpus, "dev", samples=4, seed=1, timesteps=100, batch_size=4).losses(unet, encoder, CPU)
    assert losses == pytest.approx(again, rel=1e-5)
    assert losses != Validation(corpus, "dev", samples=4, seed=2, timesteps=100).losses(unet, encoder, CPU)
    asked = KnowsTheNoise()
    validation.losses(asked, encoder, CPU)
    noise = torch.stack([validation._noise(row, (3, 32, 32)) for row in range(4)])
    kept = torch.ones(4, dtype=torch.bool)
    draw = TrainingNoise(torch.tensor(asked.asked[:4]), noise, kept, kept)
    live, spoof, guide = (to_tensor(part) for part in (validation.live, validation.spoof, validation.guide))
    with torch.no_grad():
        expected = training_loss(unet, encoder, spoof, live, guide, draw).mse.item()
    assert losses["00-19"] == pytest.approx(expected, rel=1e-5)


def test_only_held_out_people_are_shown_and_every_style(corpus: Corpus) -> None:
    held_out, lives = corpus.where(split="dev"), corpus.where(split="dev", label=LIVE)
    images = {corpus.pixels([i]).tobytes(): i for i in held_out}
    validation = Validation(corpus, "dev", samples=4, seed=1)
    assert {images[image.tobytes()] for image in validation.live} <= set(lives)
    styles = corpus.column("style")
    shown = [styles[images[image.tobytes()]] for image in validation.spoof]
    assert sorted(shown) == ["cam-print", "cam-print", "phone-print", "phone-print"]  # `dev` has the odd subjects
    assert [styles[images[image.tobytes()]] for image in validation.guide] == shown


def test_few_timesteps_have_few_buckets(corpus: Corpus, networks: tuple[SpoofUNet, StyleEncoder]) -> None:
    losses = Validation(corpus, "dev", samples=2, seed=1, timesteps=3).losses(*networks, CPU)
    assert list(losses) == ["0-0", "1-1", "2-2", "all"]


def test_a_split_without_pairs_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="split 'test' has no"):
        Validation(corpus, "test", samples=2, seed=1)


def test_the_grid_is_what_the_sampler_makes(corpus: Corpus, networks: tuple[SpoofUNet, StyleEncoder]) -> None:
    pipeline = SpoofPipeline(unet=networks[0], style_encoder=networks[1])
    validation = Validation(corpus, "dev", samples=4, seed=1, timesteps=300)
    grid = validation.grid(pipeline, rows=2, steps=2)
    assert grid.dtype == np.uint8
    assert grid.shape == (2 * 32, 4 * 32, 3)  # live, guide, T₀ 100 and 250; 400 was not trained
    assert np.array_equal(grid[:32, :32], validation.live[0])
    assert np.array_equal(grid[32:, 32:64], validation.guide[1])
    assert np.array_equal(grid, validation.grid(pipeline, rows=2, steps=2))
    alone = sample_grid(pipeline, validation.live[:2], validation.guide[:2], [100], seed=7, steps=2)
    made = pipeline(
        to_tensor(validation.live[:2]), to_tensor(validation.guide[:2]), t0=100, seed=_seeds_of(7), steps=2
    )
    assert np.array_equal(alone[:32, 64:], to_pixels(made)[0])


class SaysByBrightness:
    """Calls bright images cam-print and dark ones phone-print."""

    styles = ("cam-print", "phone-print")

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        self.seen.append(images)
        bright = images.mean(axis=(1, 2, 3)) > 127
        return np.stack([bright, ~bright], axis=1).astype(np.float64)


def test_a_judge_counts_the_spoofs_that_reach_their_guide_s_style(
    corpus: Corpus, networks: tuple[SpoofUNet, StyleEncoder]
) -> None:
    pipeline = SpoofPipeline(unet=networks[0], style_encoder=networks[1])
    validation = Validation(corpus, "dev", samples=4, seed=1, timesteps=300, batch_size=2)
    judge: Any = SaysByBrightness()
    found = validation.judged(pipeline, judge, cfg_scale=1.5, steps=2)
    assert [len(images) for images in judge.seen] == [2, 2]
    made = np.concatenate(judge.seen)
    chosen = np.where(made.mean(axis=(1, 2, 3)) > 127, "cam-print", "phone-print")
    reached = int((chosen == validation.style).sum())
    assert found == {"spoofs": 4, "reached": reached, "t0": 250, "cfg_scale": 1.5, "match": "none"}  # type: ignore[comparison-overlap]
    grid = validation.grid(pipeline, rows=2, cfg_scale=1.5, steps=2)
    assert np.array_equal(made[0], grid[:32, 3 * 32 :]), "the spoof in the grid's last column"


def test_a_judge_must_know_the_styles(tmp_path: Path) -> None:
    SpoofClassifier(["cam-live", "cam-print"], ["cam-live"], backbone="test_resnet").save(tmp_path / "classifier")
    check_known(str(tmp_path), {"cam-print"})
    with pytest.raises(UserError, match="does not know lab-mask, phone-print: fit one on a corpus with these styles"):
        check_known(str(tmp_path), {"cam-print", "phone-print", "lab-mask"})


def _seeds_of(seed: int) -> list[int]:
    from factory.train.recipes.validate import _seeds

    return _seeds(seed, 2)


def test_held_out_samples_are_made_as_in_training(corpus: Corpus, networks: tuple[SpoofUNet, StyleEncoder]) -> None:
    plain, filmed = (
        Validation(corpus, "dev", samples=4, seed=1, timesteps=300, pairs=PairsConfig(other_camera=share))
        for share in (0.0, 1.0)
    )
    assert np.array_equal(plain.live, filmed.live) and np.array_equal(plain.guide, filmed.guide)
    assert plain.losses(*networks, CPU) != filmed.losses(*networks, CPU), "the condition is another"
    pipeline = SpoofPipeline(unet=networks[0], style_encoder=networks[1])
    first, second = (each.grid(pipeline, rows=2, steps=2) for each in (plain, filmed))
    assert np.array_equal(first[:, : 2 * 32], second[:, : 2 * 32]), "live faces and guides are the same"
    assert not np.array_equal(first[:, 2 * 32 :], second[:, 2 * 32 :]), "sampling starts in the guide's tint"
