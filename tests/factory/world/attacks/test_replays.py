from __future__ import annotations

import numpy as np

from factory.world.attacks.replays import DEVICES, replay_attack
from factory.world.render import render
from factory.world.scene import Camera, Mesh, Scene
from tests.factory.world.attacks.stage import enrolment, impostor

ATTACKS = [replay_attack(impostor(), enrolment(), np.random.default_rng(seed)) for seed in range(16)]


def test_devices_have_their_sizes_and_pitches() -> None:
    assert {attack.parameters["device"] for attack in ATTACKS} == set(DEVICES)
    for attack in ATTACKS:
        device = DEVICES[str(attack.parameters["device"])]
        assert device.width[0] <= float(attack.parameters["width"]) <= device.width[1]
        assert device.pixels[0] <= 0.0254 / float(attack.parameters["pixel_pitch"]) <= device.pixels[1]


def test_a_display_shines_in_the_dark_with_the_face_where_the_landmarks_say() -> None:
    for attack in ATTACKS[:4]:
        display = next(body for body in attack.bodies if body.material.glow is not None)
        for landmark in attack.landmarks:
            x, y, z = (float(value) for value in landmark)
            scene = Scene(Camera((x, y, z + 0.3), (x, y, z), 0.5), (display,), (), (0.0, 0.0, 0.0))
            red, green, _ = render(scene, 2, 64, 0).mean(axis=(0, 1))
            assert red > 2 * green > 0


def test_the_glass_reflects_the_room() -> None:
    attack = ATTACKS[0]
    display = next(body for body in attack.bodies if body.material.glow is not None)
    assert isinstance(display, Mesh)
    x, y, z = (float(value) for value in attack.landmarks[1])
    camera = Camera((x, y, z + 0.3), (x, y, z), 1.0)
    dark, bright = (render(Scene(camera, (display,), (), (room,) * 3), 4, 64, 0).mean() for room in (0.0, 2.0))
    assert 0.02 < bright - dark < 0.6
