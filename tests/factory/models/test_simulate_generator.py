"""Simulated attacks as a generator: each face gets the attack of its guide, by its own seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.corpora import face
from difffas.errors import UserError
from difffas.routes import Route
from factory.models.generators import Request
from factory.models.simulate_generator import SimulateGenerator, check
from factory.simulate.attacks import ATTACKS

ROUTES = [Route("a-live", "b-live", "b-print"), Route("a-live", "a-live", "a-replay")]


def request(count: int, seed: int = 5) -> Request:
    live, numbers = np.stack([face(40 + n, 64) for n in range(count)]), np.arange(count)
    routes = [ROUTES[n % 2] for n in range(count)]
    return Request(live, live[:1], np.zeros(count, int), numbers, numbers.astype(float), numbers + seed, routes)


def test_a_face_gets_the_attack_of_its_guide() -> None:
    asked = request(4)
    made = SimulateGenerator()(asked)
    for row, name in enumerate(("print", "replay", "print", "replay")):
        assert (made.pixels[row] == ATTACKS[name](asked.live[row], 5 + row, None)).all()
    assert (made.pixels != SimulateGenerator()(request(4, seed=9)).pixels).any()


def test_a_spoof_does_not_depend_on_the_others() -> None:
    assert (SimulateGenerator()(request(4)).pixels[:1] == SimulateGenerator()(request(1)).pixels).all()


def test_every_face_needs_a_route() -> None:
    with pytest.raises(ValueError, match="0 routes for 2 live faces"):
        SimulateGenerator()(dataclasses.replace(request(2), routes=()))


def test_attacks_of_the_rendered_world_go_by_their_names_there() -> None:
    asked = dataclasses.replace(request(1), routes=[Route("a-live", "a-live", "a-rigid_mask")])
    assert (SimulateGenerator()(asked).pixels[0] == ATTACKS["mask"](asked.live[0], 5, None)).all()
    check({"rigid_mask", "partial", "make_up"}, (64, 64))


def test_an_attack_that_nothing_simulates_and_a_wide_image_are_refused() -> None:
    check({"print", "mask"}, (64, 64))
    with pytest.raises(UserError, match="knows no attack paper, wax, only print, replay"):
        check({"print", "wax", "paper"}, (64, 64))
    with pytest.raises(UserError, match="not 64×48"):
        check({"print"}, (64, 48))
