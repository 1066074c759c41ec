"""DSDG's network: latents drawn as a normal distribution says, people that follow from their seed, strict loading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from difffas.dsdg import PairedVAE, draw_latents
from difffas.errors import UserError

STYLES = ("a-print", "a-replay", "b-print")


@pytest.fixture(scope="module")
def vae() -> PairedVAE:
    torch.manual_seed(0)
    made: PairedVAE = PairedVAE(list(STYLES), size=32, channels=(8, 16), latent=6).eval()
    return made


def images(seed: int, count: int = 3) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@torch.no_grad()
def test_latents_are_mean_plus_deviation_times_noise(vae: PairedVAE) -> None:
    noise = torch.randn(3, 3, 6, generator=torch.Generator().manual_seed(1))
    made, still = vae(images(1), images(2), noise), vae(images(1), images(2), torch.zeros(3, 3, 6))
    for place, name in enumerate(("live_identity", "spoof_identity", "pattern")):
        found, centre = getattr(made, name), getattr(still, name)
        assert torch.equal(found.mean, centre.value) and torch.equal(found.mean, centre.mean)
        wanted = found.mean + found.log_variance.exp().sqrt() * noise[:, place]
        torch.testing.assert_close(found.value, wanted)
    assert made.live.shape == made.spoof.shape == (3, 3, 32, 32)
    assert float(torch.cat((made.live, made.spoof)).abs().max()) <= 1
    assert made.logits.shape == (3, 3)


@torch.no_grad()
def test_the_live_identity_sees_the_live_face_alone(vae: PairedVAE) -> None:
    still = torch.zeros(3, 3, 6)
    first, other = vae(images(1), images(2), still), vae(images(1), images(5), still)
    assert torch.equal(first.live_identity.mean, other.live_identity.mean)
    assert not torch.equal(first.pattern.mean, other.pattern.mean)


@pytest.mark.parametrize("style", STYLES)
def test_a_pattern_is_a_draw_that_the_classifier_gives_the_style(vae: PairedVAE, style: str) -> None:
    for seed in range(20):
        identity, pattern = draw_latents(vae, style, seed)
        again = draw_latents(vae, style, seed)
        assert torch.equal(identity, again[0]) and torch.equal(pattern, again[1])
        assert vae.styles[int(vae.head(pattern).argmax())] == style
    others = {name: draw_latents(vae, name, 3)[0] for name in STYLES}
    assert all(torch.equal(others[style], other) for other in others.values())  # the seed alone is the person


def test_latents_of_many_people_are_standard_normal(vae: PairedVAE) -> None:
    drawn = [draw_latents(vae, STYLES[seed % 3], seed) for seed in range(1500)]
    identity = torch.stack([each[0] for each in drawn])
    assert float(identity.mean(dim=0).abs().max()) < 0.12
    assert float((identity.std(dim=0) - 1).abs().max()) < 0.1
    pattern = torch.stack([each[1] for each in drawn])
    assert float(pattern.mean(dim=0).abs().max()) < 1.5  # cut to styles, so near the centre only together


def test_a_style_that_no_draw_reaches_gets_its_likeliest_draw(vae: PairedVAE) -> None:
    never: PairedVAE = PairedVAE(list(STYLES), size=32, channels=(8, 16), latent=6).eval()
    with torch.no_grad():
        never.head.bias.copy_(torch.tensor([100.0, 0.0, 0.0]))
    _, pattern = draw_latents(never, "a-replay", 1)
    chance = never.head(pattern).log_softmax(0)[1]
    plain = torch.randn(2000, 6, generator=torch.Generator().manual_seed(9))
    assert float(chance) > float(never.head(plain).log_softmax(1)[:, 1].quantile(0.99))


def test_a_sample_depends_on_its_seed_and_style_alone(vae: PairedVAE) -> None:
    live, spoof = vae.sample(["a-print", "b-print", "a-print"], [5, 6, 7])
    assert live.shape == spoof.shape == (3, 3, 32, 32)
    again = vae.sample(["a-print"] * 3, [7, 5, 8])
    torch.testing.assert_close(again[0][:2], live[[2, 0]])
    torch.testing.assert_close(again[1][:2], spoof[[2, 0]])
    with pytest.raises(ValueError, match="'c-print' is unknown"):
        vae.sample(["c-print"], [1])


def test_a_folder_gives_the_network_back_and_others_are_refused(vae: PairedVAE, tmp_path: Path) -> None:
    vae.save_pretrained(tmp_path)
    back = PairedVAE.from_pretrained(tmp_path)
    assert back.styles == STYLES and back.config["split"] == "train"
    assert all(torch.equal(value, vae.state_dict()[name]) for name, value in back.state_dict().items())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "latent": 7}))
    with pytest.raises(UserError, match="misshapen"):
        PairedVAE.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [({"size": 30}, "multiple of 4"), ({"styles": []}, "distinct"), ({"styles": ["a", "a"]}, "distinct")],
)
def test_impossible_networks_are_refused(arguments: dict[str, object], fault: str) -> None:
    with pytest.raises(UserError, match=fault):
        PairedVAE(**{"styles": ["a"], "size": 32, "channels": (8, 16), "latent": 4, **arguments})
