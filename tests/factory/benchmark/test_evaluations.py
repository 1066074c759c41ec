"""Figures of hand-made evaluations: means over protocols and seeds, paired differences, gaps."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.benchmark.evaluations import Spread
from tests.benchmarked import PEOPLE, Score, evaluations_of


def rejecting(*people: str) -> Score:
    """Live faces of these people score below every threshold, all other faces are told apart."""

    def score(split: str, person: str, attack: str) -> float:
        return 0.9 if attack == "live" and not (split == "test" and person in people) else 0.1

    return score


def test_means_are_over_protocols_seed_by_seed(tmp_path: Path) -> None:
    found = evaluations_of(
        tmp_path,
        {
            ("a", "p", 0): rejecting("s0"),
            ("a", "p", 1): rejecting("s0", "s1", "s2"),
            ("a", "q", 0): rejecting(),
            ("a", "q", 1): rejecting("s1"),
        },
    )
    one, two = 1 / len(PEOPLE) / 2 / 2, 4 / len(PEOPLE) / 2 / 2
    spread = found.spread("a", ("p", "q"), "hter@0.5")
    assert spread is not None
    assert (spread.mean, spread.deviation) == pytest.approx(((one + two) / 2, abs(two - one) / 2**0.5))
    assert (spread.seeds, spread.of) == (2, 2)
    rejected = found.spread("a", ("p",), "bpcer@dev_eer")
    assert rejected is not None and rejected.deviation == pytest.approx(0.25 / 2**0.5)
    assert rejected.text == "25.00 ± 17.68"
    assert found.spread("a", ("p",), "apcer@dev_eer", "print") == Spread(0.0, 0.0, 2, 2)
    assert found.spread("a", ("p",), "apcer@dev_eer", "wax") is None
    assert found.people == PEOPLE


def test_a_gap_is_named_and_only_common_seeds_are_compared(tmp_path: Path) -> None:
    found = evaluations_of(
        tmp_path,
        {
            ("a", "p", 0): rejecting("s0"),
            ("a", "p", 1): rejecting("s0"),
            ("b", "p", 0): rejecting("s0", "s1"),
            ("b", "p", 1): "the disk caught fire",
        },
    )
    assert found.gaps == {"b / p, seed 1": "the disk caught fire"}
    spread = found.spread("b", ("p",), "auc")
    assert spread is not None and "(1 of 2 seeds)" in spread.text
    change = found.difference("b", "a", ("p",), "hter@0.5")
    assert change is not None
    assert change.value == pytest.approx(1 / 16)
    assert (change.seeds, change.low) == (1, None)
    assert found.difference("b", "a", ("p", "q"), "hter@0.5") is None, "q has no evaluation"


def test_differences_are_paired_by_seed_and_person(tmp_path: Path) -> None:
    """Both reject the hard person of the seed, so only the one whom the second row rejects beside counts."""
    hard = {0: "s2", 1: "s5", 2: "s7"}
    scores: dict[tuple[str, str, int], Score | str] = {}
    for seed, person in hard.items():
        scores["a", "p", seed] = rejecting(person)
        scores["b", "p", seed] = rejecting(person, "s0")
    change = evaluations_of(tmp_path, scores, resamples=4000).difference("b", "a", ("p",), "bpcer@0.5")
    assert change is not None and change.low is not None and change.high is not None
    assert change.value == pytest.approx(1 / 8)
    # One of eight people: the standard error of a share over people, and none over seeds.
    error = ((1 / 8) * (7 / 8) / 7) ** 0.5
    assert (change.high - change.low) / 2 == pytest.approx(2.365 * error, rel=0.05)
    assert change.sign == 0
