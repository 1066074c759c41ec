"""Paint the face: skin, lips, brows, eyes and beard, as linear colour over (u, v)."""

from __future__ import annotations

import numpy as np

from factory.drawn.portrait.light import towards
from factory.drawn.portrait.people import HAIR, IRIS, SKIN, Capture, Subject
from factory.drawn.portrait.shape import Canvas, eye_place, lip_height, mouth_corner, mouth_line, nose_tip
from factory.simulate.fields import Array, bump, linear, mix, noise, ridge, sample, soft


def tone(subject: Subject) -> Array:
    """The mean colour of the skin, 3 linear values."""
    place = subject.skin * (len(SKIN) - 1.001)
    fair, deep = linear(SKIN[int(place)]), linear(SKIN[int(place) + 1])
    return np.asarray(fair + (deep - fair) * (place % 1), np.float32)


def grain(subject: Subject) -> Array:
    """256,256 noise that belongs to the person; strokes and pores are sampled from it."""
    return np.random.default_rng([subject.seed, 3]).standard_normal((256, 256), np.float32)


def skin(subject: Subject, canvas: Canvas, texture: Array) -> Array:
    """H,W,3: tone, blotches, pores, redness of cheeks, nose and ears, shadows round the eyes, freckles and moles."""
    u, v, a = canvas.u, canvas.v, np.abs(canvas.u)
    own = np.random.default_rng([subject.seed, 4])
    blotch = sample(noise(own, 64, 8, 3), u * 13, v * 13)
    pores = sample(texture, u * 50, v * 50)
    red = 0.8 * bump(a, v, (0.58, 0.45), (0.26, 0.22)) + 0.7 * bump(a, v, (0.0, nose_tip(subject)), (0.2, 0.13))
    red += 0.3 * bump(a, v, (0.0, 1.5), (0.3, 0.15)) + 0.2 * blotch
    tired = bump(a, v, (0.45, 0.15), (0.2, 0.07)) * (0.3 + 0.6 * subject.age) + 0.5 * bump(
        a, v, (0.27, -0.04), (0.1, 0.13)
    )
    value = 1 + 0.055 * blotch + 0.035 * pores
    colour = np.empty((*u.shape, 3), np.float32)
    for channel, (own_tone, by_red, by_tired) in enumerate(
        zip(tone(subject), (0.0, -0.14, -0.12), (-0.2, -0.25, -0.18), strict=True)
    ):
        colour[..., channel] = own_tone * value * (1 + by_red * red) * (1 + by_tired * tired)
    wing, tip = 0.175 + 0.02 * subject.nose_width, nose_tip(subject)
    nostril = 0.85 * bump(a, v, (0.52 * wing, tip + 0.085), (0.05, 0.024)) + 0.3 * bump(
        a, v, (wing + 0.06, tip + 0.05), (0.03, 0.07)
    )
    colour *= 1 - nostril[..., None] * np.array([0.75, 0.9, 0.9], np.float32)
    if subject.freckles > 0.1:
        spots = np.clip(sample(noise(own, 128, 128), u * 34, v * 34) - 1, 0, 0.6) * bump(a, v, (0.3, 0.35), (0.6, 0.4))
        colour *= 1 - np.clip(subject.freckles * spots, 0, 0.8)[..., None] * np.array([0.5, 0.7, 0.8], np.float32)
    for place_u, place_v, width in own.uniform([-0.8, -0.8, 0], [0.8, 1.4, 1], (3, 3)):
        if width > 0.4:
            colour *= 1 - 0.75 * bump(u, v, (place_u, place_v), (0.026 * width, 0.026 * width))[..., None]
    return colour


def lips(subject: Subject, capture: Capture, canvas: Canvas, colour: Array) -> None:
    """Paint the lips, the dark line between them, and in an open mouth the teeth; in place."""
    near = np.nonzero((np.abs(canvas.u) < 0.62) & (np.abs(canvas.v - 1.08) < 0.36))
    u, px, tall = canvas.u[near], canvas.pixel, lip_height(subject)
    line = canvas.v[near] - mouth_line(subject, capture, u)
    p = np.abs(u / mouth_corner(subject, capture))
    arc = np.sqrt(np.clip(1 - p * p, 0, 1))
    gap = 0.1 * capture.mouth_open * np.clip(1 - p * p, 0, 1)
    above = 1.1 * tall * (1 - 0.2 * ridge(p, 0.13) - 0.3 * p) * arc
    below = 1.55 * tall * arc**1.3 + gap
    blur = 1.5 * px + 0.012
    inside = soft(-above - blur, -above + blur, line) * soft(below + blur, below - blur, line) * soft(1.03, 0.92, p)
    base = colour[near]
    pigment = base * np.array([0.86, 0.5, 0.53], np.float32)
    pigment += (linear((160, 46, 62)) - pigment) * (0.7 * subject.lipstick)
    pigment *= ((1 + 0.06 * np.sin(u * 90)) * (1 - 0.15 * soft(0.01, -0.01, line)))[:, None]
    base = mix(base, pigment, 0.85 * inside)
    between = np.exp(-(((line - 0.3 * gap) / (0.018 + 0.5 * px)) ** 2)) * soft(1.06, 0.86, p)
    base = mix(base, base * np.array([0.32, 0.2, 0.2], np.float32), 0.9 * np.asarray(between, np.float32))
    if capture.mouth_open > 0.05:
        hole = soft(-px, px, line) * soft(gap + px, gap - px, line) * soft(0.97, 0.85, p)
        tooth = soft(0.8 * gap + px, 0.8 * gap - px, line) * soft(0.85, 0.6, p) * (0.9 + 0.1 * np.cos(u * 75))
        base = mix(mix(base, linear((58, 22, 22)), hole), linear((200, 186, 166)), hole * tooth * soft(0.0, 0.03, gap))
    colour[near] = base


def brows(subject: Subject, canvas: Canvas, colour: Array, texture: Array) -> None:
    """Paint brows of slanted strokes, in place."""
    near = np.nonzero(np.abs(canvas.v + 0.33) < 0.28)
    u, v = canvas.u[near], canvas.v[near]
    p = (np.abs(u) - 0.15) / 0.64
    along = np.clip(p, 0, 1)
    middle = -0.28 - 0.025 * subject.brow_height - (0.09 + 0.02 * subject.brow_arch) * np.sin(along * 2.3) + 0.05 * p
    thick = (0.056 + 0.012 * subject.brow_weight) * (1 - 0.6 * along * along)
    stroke = sample(texture, (np.abs(u) + 0.9 * v * (1 - along)) * 40 + (u > 0) * 97, v * 12 + 60)
    alpha = np.exp(-(np.abs((v - middle) / thick) ** 3)) * soft(-0.06, 0.14, p) * soft(1.05, 0.7, p)
    alpha *= np.clip(0.8 + 0.3 * stroke, 0.1, 1)
    faint = subject.hair in ("blond", "white", "grey")
    colour[near] = mix(
        colour[near], linear(HAIR[subject.hair]) * 0.5, np.asarray((0.72 if faint else 0.85) * alpha, np.float32)
    )


def eyes(subject: Subject, capture: Capture, canvas: Canvas, colour: Array) -> tuple[Array, Array]:
    """Paint lids, lashes and eyeballs in place; return the opening of the lids and the catch-light, H,W in 0..1."""
    opening, glint = np.zeros_like(canvas.u), np.zeros_like(canvas.u)
    spacing, wide, tall = eye_place(subject)
    tall, px, light = tall * (1 - capture.blink), canvas.pixel, towards(capture)
    for side in (-1, 1):
        near = np.nonzero((np.abs(canvas.u * side - spacing) < 0.42) & (np.abs(canvas.v) < 0.3))
        e = canvas.u[near] * side - spacing  # increases towards the temple
        f = canvas.v[near] + (0.05 + 0.04 * subject.eye_tilt) * e
        p = e / wide
        arc = np.clip(1 - p * p, 0, 1)
        top, low = -tall * arc**0.6 * (1 - 0.12 * p) + 0.012, 0.58 * tall * arc**0.8 * (1 + 0.2 * p) + 0.012
        inside = soft(top - px, top + px, f) * soft(low + px, low - px, f) * soft(1.0, 0.93, np.abs(p))
        base = colour[near]
        crease = ridge(f - top + 0.055 + 0.012 * subject.eyelid, 0.024) * soft(1.2, 0.7, np.abs(p))
        base = mix(
            base, base * np.array([0.5, 0.4, 0.38], np.float32), crease * (0.7 if subject.eyelid > -0.8 else 0.15)
        )
        base = mix(base, _ball(subject, capture, e * side, f, p, top), inside)
        lash = (
            ridge(f - top + 0.006, 0.022 + 0.4 * px) * soft(1.15, 0.92, np.abs(p)) * (0.75 + 0.2 * soft(-0.5, 0.8, p))
        )
        lash += 0.3 * ridge(f - low, 0.012 + 0.4 * px) * soft(1.02, 0.8, np.abs(p))
        dark = 0.95 if subject.strong < 0.5 else 0.75
        colour[near] = mix(base, linear((26, 18, 16)), np.clip(lash * dark, 0, 0.95))
        at = 0.032 * float(np.sign(light[0])) + 0.1 * capture.gaze[0], -0.04 + 0.08 * capture.gaze[1]
        opening[near] += inside
        glint[near] += inside * bump(e * side, f, at, (0.02 + 0.3 * px, 0.02 + 0.3 * px))
    return opening, glint


def _ball(subject: Subject, capture: Capture, x: Array, y: Array, p: Array, top: Array) -> Array:
    """Colour N,3 of the eyeball at offsets x, y from its centre; p is -1 in the inner and 1 in the outer corner."""
    dx, dy = x - 0.1 * capture.gaze[0], y + 0.015 - 0.08 * capture.gaze[1]
    d = np.hypot(dx, dy) / (0.104 + 0.002 * subject.eye_size)
    white = linear((214, 204, 196)) * ((0.95 - 0.45 * p * p) * (1 - 0.35 * subject.skin))[:, None]
    white = mix(white, linear((176, 112, 102)), soft(-0.76, -0.95, p))
    light = towards(capture)
    fibres = 0.75 + 0.5 * d + 0.12 * np.sin(np.arctan2(dy, dx) * 23) - 4 * (dx * light[0] + dy * light[1])
    iris = linear(IRIS[subject.iris]) * np.clip(fibres, 0.3, 2)[:, None]
    ball = mix(white, iris, soft(1.06, 0.94, d))
    ball = mix(ball, iris * 0.2, 0.8 * ridge(d - 1, 0.15))
    ball = mix(ball, linear((8, 7, 7)), soft(0.48, 0.36, d))
    return np.asarray(ball * (1 - 0.6 * ridge(y - top, 0.045))[:, None], np.float32)


def beard(subject: Subject, canvas: Canvas, colour: Array, texture: Array) -> None:
    """Paint beard, moustache and stubble of short strands, in place."""
    if subject.moustache == 0:
        return
    near = np.nonzero((canvas.v > 0.0) & (canvas.r < 1.03))
    u, v = canvas.u[near], canvas.v[near]
    a = np.abs(u)
    strand = sample(texture, u * 55, v * 16) + 0.6 * sample(texture, u * 24 + 90, v * 9 + 40)
    ragged = 0.035 * strand
    upper = 0.3 + 0.78 * (1 - np.clip(a / 0.9, 0, 1)) ** 0.7  # the edge on the cheek
    jaw = soft(-0.05, 0.16, v - upper + ragged) * soft(0.42, 0.56, a + 0.75 * soft(1.15, 1.32, v) + ragged)
    bar = np.clip(
        1.5 * bump(a, v, (0.0, 0.9), (0.4, 0.075)) * soft(-0.03, 0.06, a)
        + 4 * ragged * bump(a, v, (0, 0.9), (0.4, 0.1)),
        0,
        1,
    )
    mouth = 1 - bump(a, v, (0.0, 1.1), (0.36, 0.09))
    alpha = np.clip(np.maximum(subject.beard * jaw * mouth, subject.moustache * bar), 0, 1) * np.clip(
        0.85 + 0.2 * strand, 0, 1
    )
    hair = linear(HAIR[subject.hair]) * np.clip(0.8 + 0.3 * strand, 0.2, 2)[:, None]
    colour[near] = mix(colour[near], np.asarray(hair, np.float32), np.asarray(0.92 * alpha, np.float32))
