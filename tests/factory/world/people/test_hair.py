"""Hair grows from the scalp, stays outside the head, and is the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.people.ancestry import Ancestry
from factory.world.people.hair import STYLES, Hair, colour, hair
from factory.world.scene import Strands
from tests.factory.world.people.heads import around, mixed

MIXED = Ancestry(0.3, 0.3, 0.4)


def of_style(style: str, seed: int = 3) -> Hair:
    drawn = Hair.drawn(np.random.default_rng(seed), 35.0, "male", MIXED)
    return replace(drawn, style=style)


@pytest.mark.parametrize("style", STYLES)
def test_strands_are_rooted_in_the_skin_and_stay_outside_the_head(style: str) -> None:
    for body in hair(replace(of_style(style), beard=None), mixed()):
        assert np.isfinite(body.points).all()
        if isinstance(body, Strands) and body.points.shape[1] > 5:  # scalp hair
            roots, rest = body.points[:, 0], body.points[:, 2:].reshape(-1, 3)
            high = rest[:, 1] > -0.02 + around().middle[1]
            if high.any():  # few hairs are grey
                assert np.quantile(around().depth(rest[high]), 0.995) < 0.002
            assert np.abs(around().depth(roots)).max() < 0.06  # a tail hangs from its knot
            assert (body.radius > 0).all()


@pytest.mark.parametrize("seed", range(40))
def test_everybody_has_hair_of_some_style(seed: int) -> None:
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet([0.5, 0.5, 0.5])
    drawn = Hair.drawn(
        generator, float(generator.uniform(18, 80)), "female" if seed % 2 else "male", Ancestry(*shares)
    )
    assert drawn.style in STYLES
    assert 0 <= drawn.grey <= 1 and 0 <= drawn.receding <= 1 and 0 <= drawn.thinning <= 1
    assert seed % 2 == 0 or drawn.beard is None


def test_equal_seeds_make_equal_hair() -> None:
    first, second, other = (hair(of_style("messy", seed), mixed()) for seed in (5, 5, 6))
    assert all(np.array_equal(one.points, two.points) for one, two in zip(first, second, strict=True))
    strand, stranger = (next(body for body in bodies if isinstance(body, Strands)) for bodies in (first, other))
    assert not np.array_equal(strand.points[:10], stranger.points[:10])


def test_hair_moves_with_the_head() -> None:
    far = np.array([0.02, 0.05, -0.01], np.float32)
    here, there = hair(of_style("parted"), mixed()), hair(of_style("parted"), mixed() + far)
    for one, two in zip(here, there, strict=True):
        assert np.median(np.abs(two.points - one.points - far)) < 0.001


def test_pigments_make_natural_colours() -> None:
    black, brown, blond, red = colour(8, 0.3), colour(1.5, 0.3), colour(0.25, 0.1), colour(0.3, 2.0)
    assert sum(black) < sum(brown) < sum(blond)
    assert max(black) < 0.02 < min(blond)
    assert red[0] > 2.0 * red[1] > 2.0 * red[2]


def test_grey_lightens_hair_by_its_share() -> None:
    lightness = []
    for grey in (0.0, 0.5, 1.0):
        bodies = hair(replace(of_style("buzz"), eumelanin=6.0, grey=grey, beard=None), mixed())
        scalp_hair = [body for body in bodies if isinstance(body, Strands) and body.points.shape[1] == 4]
        lightness.append(np.mean([body.material.colour for body in scalp_hair]))
    assert lightness[0] < 0.05
    assert lightness[1] / lightness[2] == pytest.approx(0.5, abs=0.15)
