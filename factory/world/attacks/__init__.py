"""Attacks that are part of the scene: each maps an impostor and an enrolment to what the camera sees instead."""

from __future__ import annotations

from factory.world.attacks.presentation import Attack
from factory.world.attacks.prints import print_attack
from factory.world.attacks.replays import replay_attack

ATTACKS: dict[str, Attack] = {
    "print": print_attack,
    "replay": replay_attack,
}
