"""The judges of rendered people, on people whose vectors are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rendered import auc, identity


def test_auc_is_the_share_of_ordered_pairs_and_half_of_the_equal_ones() -> None:
    assert auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert auc(np.array([1.0]), np.array([0.0, 1.0, 2.0, 3.0])) == pytest.approx(0.375)


def test_identity_compares_with_other_images_of_the_person_and_with_other_people() -> None:
    person = np.array([0, 0, 1, 1, 0])
    lives, spoof = np.arange(4), np.array([4])
    apart = np.array([[0.0], [0.1], [5.0], [5.1], [0.2]])
    assert identity(apart, person, lives, lives) == 1 and identity(apart, person, lives, spoof) == 1
    swapped = apart.copy()
    swapped[4] = 5.05
    assert identity(swapped, person, lives, spoof) == 0
