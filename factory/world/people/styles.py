"""Scalp hair: how the strands of each style grow, fall and lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from factory.world.people.envelope import MIDDLE, Envelope
from factory.world.people.head import base
from factory.world.people.roots import Roots, skin_normals
from factory.world.scene import Floats

CROWN = np.array([0.008, 0.095, -0.145])  # where short hair turns around, on the base mesh
FACE = 0.80  # radians to either side of straight ahead that long hair leaves free, seen from the skull's middle


@dataclass(frozen=True)
class Cut:
    """A style.

    Args:
        top: Metres of hair on the top of the head.
        side: Metres at its sides and back.
        lift: How steeply hair leaves the skin: 0 along it, 1 straight out.
        volume: Metres that the outer hair keeps from the head.
        away: How strongly hair runs away from the crown.
        aside: How strongly it runs to the sides of its parting.
        back: How strongly it runs backwards; negative is to the front.
        fall: How strongly it falls.
        clump: How far strands join their lock's middle at their tips, 0 to 1.
        lock: Metres between the locks.
        curl: Metres: the radius of curls.
        pitch: Metres along a strand that a curl takes.
        noise: Metres that single hairs stray.
        strands: How many.
        radius: Metres: half of a strand's thickness.
        points: Of a strand.
        level: Metres below the eyes where all hair is cut; None cuts by length alone.
        hug: How strongly the skull's upper half keeps hair within its volume, 0 to 1.
    """

    top: float
    side: float
    lift: float = 0.3
    volume: float = 0.006
    away: float = 1.0
    aside: float = 0.0
    back: float = 0.0
    fall: float = 0.1
    clump: float = 0.4
    lock: float = 0.009
    curl: float = 0.0
    pitch: float = 0.03
    noise: float = 0.001
    strands: int = 7000
    radius: float = 0.00025
    points: int = 10
    level: float | None = None
    hug: float = 0.0


CUTS = {
    "buzz": Cut(0.007, 0.005, 0.7, 0.001, fall=0.0, clump=0.1, noise=0.0005, strands=9000, points=4),
    "parted": Cut(0.065, 0.016, 0.45, 0.014, away=0.3, aside=1.0, back=-0.2, fall=0.3, clump=0.35, hug=0.7),
    "messy": Cut(0.050, 0.022, 0.55, 0.016, away=1.0, fall=0.35, clump=0.8, lock=0.014, noise=0.003, hug=0.35),
    "swept": Cut(0.075, 0.018, 0.5, 0.018, away=0.0, back=1.0, fall=0.2, clump=0.45, hug=0.7),
    "curly": Cut(
        0.065,
        0.035,
        0.8,
        0.022,
        fall=0.4,
        clump=0.6,
        lock=0.012,
        curl=0.005,
        pitch=0.022,
        points=22,
        strands=5000,
        hug=0.3,
    ),
    "afro": Cut(
        0.040,
        0.034,
        1.0,
        0.02,
        away=0.0,
        fall=0.0,
        clump=0.3,
        lock=0.006,
        curl=0.003,
        pitch=0.012,
        points=20,
        noise=0.003,
        strands=6000,
    ),
    "bob": Cut(
        0.30,
        0.25,
        0.3,
        0.014,
        away=0.1,
        aside=0.8,
        back=0.1,
        fall=0.8,
        clump=0.35,
        points=16,
        level=0.105,
        hug=0.9,
        strands=6000,
        radius=0.0003,
    ),
    "straight": Cut(
        0.46,
        0.40,
        0.25,
        0.009,
        away=0.1,
        aside=0.8,
        back=0.2,
        fall=0.9,
        clump=0.5,
        points=18,
        level=0.27,
        hug=0.9,
        strands=3600,
        radius=0.00045,
    ),
    "wavy": Cut(
        0.44,
        0.38,
        0.3,
        0.013,
        away=0.1,
        aside=0.8,
        back=0.15,
        fall=0.8,
        clump=0.6,
        lock=0.014,
        curl=0.007,
        pitch=0.08,
        points=22,
        level=0.24,
        hug=0.8,
        strands=3600,
        radius=0.00045,
    ),
}


def strands(
    cut: Cut, roots: Roots, points: Floats, around: Envelope, parting: float, generator: np.random.Generator
) -> Floats:
    """S, P, 3: the strands of a style.

    Args:
        cut: The style.
        roots: S of them.
        points: The head's points (V, 3).
        around: Its envelope.
        parting: Metres of the parting from the middle, to the person's left.
        generator: Of all that is random.
    """
    canon = roots.at(base().points)
    start, normal = roots.at(points), roots.at(skin_normals(points))
    side = np.where(canon[:, 0] + 0.004 * generator.standard_normal(len(canon)) > parting, 1.0, -1.0)
    length = _lengths(cut, canon, generator)
    grown = _grown(cut, start, normal, canon, side, length, parting, around, generator)
    grown = _clumped(cut, grown, canon, side, generator)
    if cut.curl > 0:
        grown = _curled(cut, grown, length, generator)
    stray = np.cumsum(generator.standard_normal(grown.shape), axis=1) / np.sqrt(cut.points)
    grown = grown + cut.noise * stray * np.linspace(0, 1, cut.points)[None, :, None]
    flat = around.pushed(np.asarray(grown[:, 1:].reshape(-1, 3), np.float32), 0.0012)
    grown[:, 1:] = flat.reshape(grown[:, 1:].shape)
    return np.asarray(grown, np.float32)


def _lengths(cut: Cut, canon: Floats, generator: np.random.Generator) -> Floats:
    top = np.clip((canon[:, 1] - 0.03) / 0.05, 0, 1)
    top = top * top * (3 - 2 * top)
    low = np.clip((canon[:, 1] + 0.075) / 0.05, 0.25, 1)  # tapers towards the nape
    length = cut.side * (low if cut.level is None else 1) * (1 - top) + cut.top * top
    return np.asarray(length * generator.uniform(0.8, 1.05, len(canon)), np.float32)


def _grown(
    cut: Cut,
    start: Floats,
    normal: Floats,
    canon: Floats,
    side: Floats,
    length: Floats,
    parting: float,
    around: Envelope,
    generator: np.random.Generator,
) -> Floats:
    """Strands step by step: each turns towards where the style sends it, and the head holds it off."""
    count, steps = len(start), cut.points
    gaps = np.diff(np.linspace(0, 1, steps) ** 1.35)  # closer points where hair bends most
    rank = np.clip((canon[:, 1] + 0.06) / 0.18, 0, 1)  # hair from higher up lies further out
    layer = 0.002 + cut.volume * (0.25 + 0.75 * rank) * generator.uniform(0.55, 1.0, count)
    place = start - 0.001 * normal
    heading = _unit(_comb(cut, place, canon, side, around, 0.0) + 4 * cut.lift**2 * normal)
    path = [place]
    face = np.asarray(FACE + 0.1 * generator.standard_normal(count).clip(-1.5, 2), np.float32)
    cut_off = around.middle[1] - MIDDLE[1] - (cut.level or 9) + 0.008 * generator.standard_normal(count)
    for number in range(1, steps):
        step = (length * gaps[number - 1])[:, None]
        gone = length * gaps[:number].sum()
        wanted = _comb(cut, place, canon, side, around, number / steps)
        bend = np.clip(step / (0.035 if cut.lift < 0.9 else 0.2), 0, 0.7)
        heading = _unit(heading * (1 - bend) + wanted * bend)
        onward = place + heading * step
        if cut.level is not None:
            onward = _beside_face(onward, side, face, parting, around)
            short = np.clip((place[:, 1] - cut_off) / np.maximum(step[:, 0], 1e-6), 0.02, 1)[:, None]
            onward = place + (onward - place) * short
        near = 0.0012 + layer * np.clip(gone / 0.035, 0, 1) * np.clip(gone / 0.035, 0, 1)
        onward = _held(cut, np.asarray(onward, np.float32), near, around)
        onward = around.pushed(onward, np.asarray(near, np.float32))
        heading = _unit(0.5 * heading + 0.5 * _unit(onward - place))
        place = onward
        path.append(place)
    return np.stack(path, axis=1)


def _comb(cut: Cut, place: Floats, canon: Floats, side: Floats, around: Envelope, along: float) -> Floats:
    """Where the style sends hair at its places (S, 3), unit vectors."""
    middle = around.middle
    crown = middle - MIDDLE + CROWN
    outward = _unit(np.asarray(place - middle, np.float32))
    wanted = cut.away * _unit(place - crown)
    above = np.clip((place[:, 1:2] - middle[1]) / 0.06, 0, 1)
    wanted = wanted + cut.aside * above * side[:, None] * np.array([1.0, 0, 0])
    wanted = wanted + cut.back * above * np.array([0, 0, -1.0])
    wanted = wanted + cut.fall * (0.4 + along) * np.array([0, -1.0, 0])
    level = np.clip((place[:, 1:2] - middle[1] + 0.01) / 0.03, 0, 1)  # above the ears hair lies along the skull
    wanted = wanted - np.sum(wanted * outward, axis=1, keepdims=True) * outward * level
    return _unit(wanted + cut.lift**2 * 1.2 * (1 - along) * outward)


def _held(cut: Cut, place: Floats, near: Floats, around: Envelope) -> Floats:
    """Places that left the skull's upper half drawn back to its volume."""
    away = place - around.middle.astype(np.float32)
    distance = np.linalg.norm(away, axis=1)
    excess = np.maximum(-around.depth(place) - near, 0) * cut.hug * np.clip((away[:, 1] + 0.02) / 0.03, 0, 1)
    return np.asarray(place - away * (excess / np.maximum(distance, 1e-6))[:, None], np.float32)


def _beside_face(place: Floats, side: Floats, face: Floats, parting: float, around: Envelope) -> Floats:
    """Places turned around the skull's axis until they leave the face free."""
    away = place - around.middle
    angle, flat = np.arctan2(away[:, 0], away[:, 2]), np.hypot(away[:, 0], away[:, 2])
    low = np.clip((0.066 - (away[:, 1] + MIDDLE[1])) / 0.045, 0, 1)  # below the hairline
    ahead = (low > 0) & (np.abs(angle) < 2.2)
    start = (1 - low) * parting / 0.11
    angle = np.where(side > 0, np.maximum(angle, start + face * low), np.minimum(angle, start - face * low))
    turned = np.stack([np.sin(angle) * flat, away[:, 1], np.cos(angle) * flat], axis=1) + around.middle
    return np.where(ahead[:, None], turned, place)


def _clumped(cut: Cut, grown: Floats, canon: Floats, side: Floats, generator: np.random.Generator) -> Floats:
    """Strands drawn to the middle of their lock, the more the closer to the tip."""
    count = len(grown)
    locks = generator.choice(count, size=max(8, min(count // 4, int(0.055 / cut.lock**2 / 1.6))), replace=False)
    where = np.concatenate([canon, 0.02 * side[:, None]], axis=1)
    near = np.sum(where**2, axis=1)[:, None] - 2 * where @ where[locks].T + np.sum(where[locks] ** 2, axis=1)[None]
    lock = grown[locks[np.argmin(near, axis=1)]]
    pull = (
        cut.clump
        * generator.uniform(0.5, 1.0, (count, 1, 1))
        * np.clip(np.linspace(-0.15, 1, cut.points), 0, 1)[None, :, None] ** 0.8
    )
    return np.asarray(grown * (1 - pull) + lock * pull, np.float32)


def _curled(cut: Cut, grown: Floats, length: Floats, generator: np.random.Generator) -> Floats:
    """Strands wound around their way."""
    along = np.gradient(grown, axis=1)
    along /= np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1e-9)
    across = np.cross(along, np.array([0.3, 0.2, 1.0]))
    across /= np.maximum(np.linalg.norm(across, axis=2, keepdims=True), 1e-9)
    third = np.cross(along, across)
    place = grown[:, 0]
    cell = np.floor(place / (1.5 * cut.lock)) @ np.array([12.9898, 78.233, 37.719])
    phase = 2 * np.pi * np.modf(np.sin(cell) * 43758.5453)[0] + generator.normal(0, 0.5, len(grown))
    distance = np.linspace(0, 1, cut.points)[None] * length[:, None]
    turn = phase[:, None] + 2 * np.pi * distance / (cut.pitch * generator.uniform(0.8, 1.25, (len(grown), 1)))
    wide = cut.curl * np.clip(distance / (1.5 * cut.pitch), 0, 1)
    wound = np.cos(turn)[..., None] * across + np.sin(turn)[..., None] * third
    return np.asarray(grown + wide[..., None] * wound, np.float32)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
