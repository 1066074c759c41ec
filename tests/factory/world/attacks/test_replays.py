from __future__ import annotations

import numpy as np

from factory.world.attacks.moire import Photosites, beats
from factory.world.attacks.page import Page
from factory.world.attacks.replays import DISPLAYS, TEXELS, _beating, replay_attack
from factory.world.attacks.sheet import Sheet
from factory.world.capture.cameras import CCTV, PHONE
from factory.world.render import render
from factory.world.scene import Camera, Mesh, Scene
from tests.factory.world.attacks.stage import enrolment, impostor

ATTACKS = [replay_attack(impostor(), enrolment(), PHONE, np.random.default_rng(seed)) for seed in range(16)]


def test_devices_have_their_sizes_and_pitches() -> None:
    assert {attack.parameters["device"] for attack in ATTACKS} == set(DISPLAYS)
    for attack in ATTACKS:
        device = DISPLAYS[str(attack.parameters["device"])]
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


def test_photosites_are_as_large_on_the_display_as_the_camera_has_them_and_frames_it() -> None:
    poor = [replay_attack(impostor(), enrolment(), CCTV, np.random.default_rng(seed)) for seed in range(3)]
    for camera, attacks in ((PHONE, ATTACKS), (CCTV, poor)):
        for attack in attacks:
            height = 2.55 * np.linalg.norm(attack.landmarks[:2].mean(axis=0) - attack.landmarks[3:].mean(axis=0))
            across = float(height) / float(attack.parameters["photosite_pitch"])
            assert camera.face[0] <= across / camera.photosites <= camera.face[1]


def test_a_phone_sees_bands_on_a_monitor_and_cctv_does_not() -> None:
    page = Page(enrolment(), Sheet(0.45, 0.27), 0.4, TEXELS)
    fine, coarse = (
        _beating(page, 0.28e-3, Photosites(0.4 / camera.photosites, 0.02, (0, 0), 0.3), np.random.default_rng(0))
        for camera in (PHONE, CCTV)
    )
    assert fine.std() > 0.02 > 0.002 > coarse.std()


def test_bands_are_none_of_the_textures() -> None:
    """What beats faster than the texels is not seen as slower bands."""
    page, photosites = Page(enrolment(), Sheet(0.45, 0.27), 0.4, TEXELS), Photosites(0.14e-3, 0.0, (0, 0), 0.3)
    seen = _beating(page, 0.28e-3 * 1.31, photosites, np.random.default_rng(0))
    alone = beats(page.texels_places(), 0.28e-3 * 1.31, photosites)
    assert seen[..., 1].mean(axis=0).std() < 0.3 * alone[..., 1].mean(axis=0).std()
