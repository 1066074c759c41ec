"""Skin tone that matching carries over shows in the table, and tone that is kept does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from difffas.matching import Moments, match
from factory.audit.tones import RealTones, tone_drifts, tones
from factory.drawn.portrait import Capture, Subject, landmarks, render
from factory.models.tensors import to_pixels, to_tensor
from factory.sources.faces import cut_square, landmark_box

SIDE, PEOPLE = 64, 6
CAST = np.array([1.0, 0.92, 0.78])  # of the print, in both domains: the cameras are the same


def drawn_people(skin: tuple[float, float], first: int) -> np.ndarray:
    """Live faces of people whose skin is of these tones, uint8 (N, 64, 64, 3)."""
    subjects = (Subject.from_seed(number) for number in range(first, first + 2000))
    chosen = [subject for subject in subjects if skin[0] <= subject.skin <= skin[1] and not subject.beard][:PEOPLE]
    assert len(chosen) == PEOPLE
    return np.stack([crop(subject, Capture.from_seed(7)) for subject in chosen])


def crop(subject: Subject, capture: Capture) -> np.ndarray:
    points = np.asarray(landmarks(subject, capture, 2 * SIDE))[[0, 1, 3, 4]]
    return cut_square(render(subject, capture, 2 * SIDE), landmark_box(points.ravel()), SIDE)


def printed(faces: np.ndarray) -> np.ndarray:
    return np.asarray((faces * CAST).round().astype(np.uint8))


@pytest.fixture(scope="module")
def domains() -> dict[str, np.ndarray]:
    return {"fair": drawn_people((0.0, 0.25), 0), "deep": drawn_people((0.75, 1.0), 5000)}


def table(domains: dict[str, np.ndarray], spoofs: dict[tuple[str, str], np.ndarray]) -> dict[tuple[str, str], Any]:
    """The lines of spoofs by (live domain, guide domain), all prints."""
    names: dict[str, list[str]] = {"live_domain": [], "domain": [], "style": []}
    for live, guide in spoofs:
        for name, value in zip(names, (live, guide, f"{guide}-print"), strict=True):
            names[name] += [value] * PEOPLE
    tone = np.concatenate([tones(made) for made in spoofs.values()])
    live_tone = np.concatenate([tones(domains[live]) for live, _ in spoofs])
    domain = np.repeat(list(domains), PEOPLE)
    real = RealTones(
        domain=domain,
        style=np.array([f"{name}-print" for name in domain]),
        spoof=np.concatenate([tones(printed(faces)) for faces in domains.values()]),
        live=np.concatenate([tones(faces) for faces in domains.values()]),
    )
    found = tone_drifts(pa.table(names), tone, live_tone, real)
    return {(line["live_domain"], line["guide_domain"]): line for line in found}


def test_matching_between_people_of_other_skin_carries_their_tone_over(domains: dict[str, np.ndarray]) -> None:
    spoofs = {}
    for live, faces in domains.items():
        for guide, others in domains.items():
            source = Moments.of(to_tensor(faces)).statistics
            target = Moments.of(to_tensor(printed(others))).statistics
            with torch.no_grad():
                spoofs[live, guide] = to_pixels(match(source, target)(to_tensor(faces)))
    lines = table(domains, spoofs)
    assert lines["deep", "fair"]["live_difference"] > 70 and lines["fair", "deep"]["live_difference"] < -70
    kept = kept_tones(domains)["deep", "fair"]["drift"]
    assert lines["deep", "fair"]["drift"] > kept + 25, "deep skin has become fairer, a third of the way or more"
    assert abs(lines["deep", "fair"]["drift"] - lines["deep", "fair"]["real_drift"]) > 40
    for name in domains:
        within = lines[name, name]
        assert within["live_difference"] is None
        assert within["drift"] == pytest.approx(within["real_drift"], abs=2)


def test_a_spoof_that_keeps_the_tone_drifts_no_more_than_its_own_cast(domains: dict[str, np.ndarray]) -> None:
    kept = kept_tones(domains)
    for live, guide in kept:
        assert kept[live, guide]["drift"] == kept[live, live]["real_drift"]
        assert abs(kept[live, guide]["drift"]) < 25


def kept_tones(domains: dict[str, np.ndarray]) -> dict[tuple[str, str], Any]:
    return table(domains, {(live, guide): printed(domains[live]) for live in domains for guide in domains})


def test_without_real_pairs_or_a_difference_nothing_is_said() -> None:
    rows = pa.table({"live_domain": ["a", "a", "a"], "domain": ["b"] * 3, "style": ["b-print"] * 3})
    nothing, unknown = np.array([], dtype=str), np.array([], dtype=np.float64)
    nobody = RealTones(nothing, nothing, unknown, unknown)
    (line,) = tone_drifts(rows, np.array([10.0, 12.0, np.nan]), np.array([20.0, 20.0, 20.0]), nobody)
    assert (line["rows"], line["drift"], line["real_pairs"]) == (2, -9.0, 0)
    assert line["real_drift"] is line["live_difference"] is None
    alike = RealTones(np.array(["b"]), np.array(["b-print"]), np.array([5.0]), np.array([22.0]))
    (line,) = tone_drifts(rows, np.array([10.0, 12.0, np.nan]), np.array([20.0, 20.0, 20.0]), alike)
    assert (line["real_drift"], line["live_difference"]) == (-17.0, 2.0)
