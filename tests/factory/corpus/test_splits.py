"""Splits are by person: quotas are kept, and only seed and names decide."""

from __future__ import annotations

from collections import Counter

from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from factory.corpus.splits import split_subjects

fractions = (
    st.lists(st.integers(0, 20), min_size=1, max_size=4)
    .filter(any)
    .map(lambda weights: {f"s{i}": weight / sum(weights) for i, weight in enumerate(weights)})
)


@hypothesis_given(
    subjects=st.sets(st.text(min_size=1, max_size=5), max_size=60), fractions=fractions, seed=st.integers(0, 9)
)
def test_splits_keep_their_quotas(subjects: set[str], fractions: dict[str, float], seed: int) -> None:
    assigned = split_subjects(subjects, fractions, seed)
    assert set(assigned) == subjects  # one split each: disjoint by construction
    counts = Counter(assigned.values())
    wanted = {split: fraction * len(subjects) for split, fraction in fractions.items() if fraction}
    assert set(counts) <= set(wanted)
    if len(subjects) >= len(wanted):
        assert set(counts) == set(wanted)
    if min(wanted.values()) >= 1:
        assert all(abs(counts[split] - quota) <= 1 for split, quota in wanted.items())


@hypothesis_given(subjects=st.sets(st.text(min_size=1, max_size=5), min_size=30, max_size=60))
def test_splits_follow_seed_and_names_alone(subjects: set[str]) -> None:
    fractions = {"train": 0.5, "test": 0.5}
    one = split_subjects(subjects, fractions, 1)
    assert one == split_subjects(sorted(subjects, reverse=True), fractions, 1)
    assert one != split_subjects(subjects, fractions, 2)


def test_six_subjects_reach_every_split() -> None:
    counts = Counter(split_subjects(map(str, range(6)), {"train": 0.8, "dev": 0.1, "test": 0.1}, 0).values())
    assert counts == {"train": 4, "dev": 1, "test": 1}
