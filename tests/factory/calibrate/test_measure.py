"""Measures of spoofs: the judge's word, the nearest person, the structure; and their way through a file."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from benchmarks.corpora import face
from factory.audit.identity import Structure
from factory.calibrate.faces import Faces, choose_faces
from factory.calibrate.measure import Measured, Meter, figures, read_samples, sample, samples
from factory.corpus import Corpus
from factory.models.generators import Made, Request
from factory.tables.sheet import table_of
from tests.factory.calibrate.conftest import Settings


@pytest.fixture
def faces(calibration_corpus: Corpus, settings: Settings) -> Faces:
    return choose_faces(settings(), calibration_corpus, calibration_corpus, "dev")


class Judge:
    """Takes every second image for the wanted style."""

    def judged(self, images: np.ndarray, styles: list[str]) -> tuple[np.ndarray, np.ndarray]:
        assert len(images) == len(styles)
        return np.zeros(len(images)), np.arange(len(images)) % 2 == 0


def test_a_live_face_is_its_own_and_another_s_is_not(faces: Faces) -> None:
    meter = Meter(cast("Any", Judge()), Structure(), faces)
    same = meter(faces.live)
    assert same.own.all() and same.reached.tolist() == [True, False] * 4
    np.testing.assert_allclose(same.structure, 1.0)
    others = np.stack([face(1000 + number) for number in range(len(faces.live))])
    strange = meter(others)
    assert (strange.structure < 1.0).all()
    swapped = meter(faces.gallery[[int(np.flatnonzero(faces.gallery_person != own)[0]) for own in faces.person]])
    assert not swapped.own.any()


def test_spoofs_that_are_not_finite_are_a_mistake(faces: Faces) -> None:
    asked: list[Request] = []

    class Broken:
        device = "cpu"

        def __call__(self, request: Request) -> Made:
            asked.append(request)
            return Made(request.live, broken=[1])

    t0 = np.arange(len(faces.live)) + 100
    with pytest.raises(ValueError, match="T₀ 100 to 107, w 9 to 9: 1 of 8 spoofs came out as NaN or infinity"):
        sample(Broken(), faces, t0, np.full(len(t0), 9.0))
    assert asked[0].routes == faces.routes and np.array_equal(asked[0].seed, faces.seed)


def test_samples_go_through_a_file_unchanged_and_are_averaged(faces: Faces) -> None:
    count = len(faces.live)
    measured = Measured(np.arange(count) % 2 == 0, np.arange(count) > 0, np.linspace(0, 1, count))
    lines = samples(faces, np.full(count, 300), np.full(count, 2.5), measured)
    assert read_samples(table_of(lines).encode()) == lines
    found = figures(lines)
    assert (found["faces"], found["reach"], found["own"]) == (count, 0.5, 1 - 1 / count)
    assert found["structure"] == pytest.approx(0.5)
    within = [line["reached"] for line in lines if line["within"]]
    assert 0 < len(within) < count and found["reach_within"] == pytest.approx(np.mean(within))
    assert figures([line for line in lines if not line["within"]])["reach_within"] is None
