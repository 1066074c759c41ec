"""Attacks that are part of the scene: each maps an impostor and an enrolment to what the camera sees instead."""

from __future__ import annotations

from factory.world.attacks.make_up import make_up
from factory.world.attacks.masks import rigid_mask, silicone_mask
from factory.world.attacks.paper_masks import paper_mask
from factory.world.attacks.partial import partial_attack
from factory.world.attacks.presentation import Attack
from factory.world.attacks.prints import print_attack
from factory.world.attacks.replays import replay_attack

ATTACKS: dict[str, Attack] = {
    "print": print_attack,
    "replay": replay_attack,
    "rigid_mask": rigid_mask,
    "silicone_mask": silicone_mask,
    "paper_mask": paper_mask,
    "partial": partial_attack,
    "make_up": make_up,
}
