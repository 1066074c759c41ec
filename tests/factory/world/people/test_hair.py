"""Hair grows from the scalp, stays outside the head, and is the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from factory.world.people.ancestry import Ancestry
from factory.world.people.beard import Beard, beard_strands
from factory.world.people.brows import Brows, brow_strands, lids
from factory.world.people.envelope import envelope
from factory.world.people.hair import STYLES, Hair, colour, hair
from factory.world.people.head import base, shaped
from factory.world.people.roots import sprinkled
from factory.world.people.scalp import scalp
from factory.world.scene import Floats, Mesh, Strands

MIXED = Ancestry(0.3, 0.3, 0.4)


def a_head() -> Floats:
    return shaped({"macrodetails/asian-male-young": 0.4, "macrodetails/caucasian-female-old": 0.6})


def of_style(style: str, seed: int = 3) -> Hair:
    drawn = Hair.drawn(np.random.default_rng(seed), 35.0, "male", MIXED)
    return replace(drawn, style=style)


@pytest.mark.parametrize("style", STYLES)
def test_strands_are_rooted_in_the_skin_and_stay_outside_the_head(style: str) -> None:
    points = a_head()
    around = envelope(points)
    for body in hair(replace(of_style(style), beard=None), points):
        assert np.isfinite(body.points).all()
        if isinstance(body, Strands) and body.points.shape[1] > 5:  # scalp hair
            roots, rest = body.points[:, 0], body.points[:, 2:].reshape(-1, 3)
            high = rest[:, 1] > -0.02 + around.middle[1]
            assert np.quantile(around.depth(rest[high]), 0.995) < 0.002
            assert np.abs(around.depth(roots)).max() < 0.06  # a tail hangs from its knot
            assert (body.radius > 0).all()


def test_scalp_hair_leaves_face_and_ears_free() -> None:
    roots = sprinkled(scalp(0.0, 0.0, 0.003, 1), 2000, np.random.default_rng(0)).at(base().points)
    ahead = roots[:, 2] > -0.02
    assert len(roots) == 2000
    assert roots[ahead, 1].min() > 0.05
    assert roots[:, 1].min() > -0.09
    assert np.abs(roots[roots[:, 1] < 0][:, 0]).max() < 0.08


def test_receding_hair_bares_the_forehead_first() -> None:
    young, old = (
        sprinkled(scalp(receding, 0.0, 0.0, 1), 1500, np.random.default_rng(0)).at(base().points)
        for receding in (0.0, 1.0)
    )
    assert (old[:, 2] > -0.05).mean() < 0.3 * (young[:, 2] > -0.05).mean()


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
    first, second, other = (hair(of_style("messy", seed), a_head()) for seed in (5, 5, 6))
    assert all(np.array_equal(one.points, two.points) for one, two in zip(first, second, strict=True))
    strand, stranger = (next(body for body in bodies if isinstance(body, Strands)) for bodies in (first, other))
    assert not np.array_equal(strand.points[:10], stranger.points[:10])


def test_hair_moves_with_the_head() -> None:
    far = np.array([0.02, 0.05, -0.01], np.float32)
    here, there = hair(of_style("parted"), a_head()), hair(of_style("parted"), a_head() + far)
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
        bodies = hair(replace(of_style("buzz"), eumelanin=6.0, grey=grey, beard=None), a_head())
        scalp_hair = [body for body in bodies if isinstance(body, Strands) and body.points.shape[1] == 4]
        lightness.append(np.mean([body.material.colour for body in scalp_hair]))
    assert lightness[0] < 0.05
    assert lightness[1] / lightness[2] == pytest.approx(0.5, abs=0.15)


def test_a_scarf_covers_the_scalp_and_leaves_the_face_free() -> None:
    points = a_head()
    bodies = hair(replace(of_style("scarf"), beard=None), points)
    cloth = next(body for body in bodies if isinstance(body, Mesh))
    around = envelope(points)
    away = cloth.points - around.middle
    face = (np.abs(np.arctan2(away[:, 0], away[:, 2])) < 0.3) & (away[:, 1] > -0.09) & (away[:, 1] < 0.03)
    assert not face.any()
    above = away[:, 1] > 0.02
    assert around.depth(cloth.points[above]).max() < 0.002


def test_brows_lie_above_the_eyes_and_lids_around_them() -> None:
    brows = Brows(1.0, 0.0, 200, 0.3, 0.008)
    path = brow_strands(brows, base().points, np.random.default_rng(0))
    assert path[..., 1].min() > 0.005 and path[..., 1].max() < 0.04
    for side in (1, -1):
        upper, lower = (base().points[lid] for lid in lids(side))
        assert (np.sign(upper[:, 0]) == side).all()
        assert upper[:, 1].mean() > lower[:, 1].mean() + 0.003


@pytest.mark.parametrize("kind", ["moustache", "goatee", "full"])
def test_beards_leave_lips_and_cheeks_free(kind: str) -> None:
    beard = Beard(kind, 0.008, 3000, 0.2)  # type: ignore[arg-type]
    root = beard_strands(beard, base().points, np.random.default_rng(0))[:, 0]
    assert root[:, 1].max() < 0.01 and len(root) > 300
    lips = (np.abs(root[:, 0]) < 0.02) & (np.abs(root[:, 1] + 0.0655) < 0.005)
    assert not lips.any()
