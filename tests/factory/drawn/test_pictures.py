"""Drawn faces as an image folder: a tree of closed form, the same bytes each time, and pairs that belong together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from factory.drawn import pictures
from factory.simulate.attacks import ATTACKS, CAMERAS

names = st.lists(st.sampled_from(sorted(ATTACKS)), min_size=1, unique=True)
domains = st.lists(st.sampled_from(sorted(CAMERAS)), min_size=1, unique=True)


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.png"))}


@given(st.integers(1, 60), st.integers(1, 4), domains, names)
def test_planned_is_the_sum_over_subjects(subjects: int, captures: int, where: list[str], means: list[str]) -> None:
    taken = [pictures.attacks_of(subject, where, means) for subject in range(subjects)]
    assert pictures.planned(subjects, captures, where, means) == captures * sum(1 + len(some) for some in taken)


@given(st.integers(1, 60), domains, names)
def test_every_subject_lacks_at_most_one_attack_and_the_first_none(
    subjects: int, where: list[str], means: list[str]
) -> None:
    for subject in range(subjects):
        taken = pictures.attacks_of(subject, where, means)
        assert list(taken) == [attack for attack in means if attack in taken]
        assert len(taken) in (len(means), len(means) - 1)
        if subject < len(where):
            assert list(taken) == means
    rounds = len(where) * (len(means) + 1)  # in a full round, each domain lacks each attack once
    missing = [
        (pictures.domain_of(s, where), attack)
        for s in range(rounds)
        for attack in means
        if attack not in pictures.attacks_of(s, where, means)
    ]
    assert sorted(missing) == sorted((domain, attack) for domain in where for attack in means)


def test_tree_is_of_closed_form_and_the_same_each_time(tmp_path: Path) -> None:
    written = pictures.draw(tmp_path / "a", subjects=9, captures=2, size=32, seed=3)
    first = tree(tmp_path / "a")
    assert written == len(first) == pictures.planned(9, 2, pictures.DOMAINS, pictures.MEANS)
    expected = {
        pictures.PATTERN.format(
            domain=pictures.DOMAINS[subject % 3], attack=attack, subject=f"s{subject:04d}", capture=f"{capture:03d}"
        )
        for subject in range(9)
        for attack in (pictures.LIVE, *pictures.attacks_of(subject, pictures.DOMAINS, pictures.MEANS))
        for capture in range(2)
    }
    assert set(first) == expected
    pictures.draw(tmp_path / "b", subjects=9, captures=2, size=32, seed=3)
    assert tree(tmp_path / "b") == first
    pictures.draw(tmp_path / "c", subjects=9, captures=2, size=32, seed=4)
    other = tree(tmp_path / "c")
    assert set(other) == set(first)
    assert not set(other.values()) & set(first.values())
    assert len(set(first.values())) == written


def test_a_larger_corpus_holds_the_smaller_one(tmp_path: Path) -> None:
    pictures.draw(tmp_path / "small", subjects=4, captures=1, size=24)
    pictures.draw(tmp_path / "large", subjects=7, captures=2, size=24)
    small, large = tree(tmp_path / "small"), tree(tmp_path / "large")
    assert small.items() <= large.items()


def test_images_are_lossless_rgb_of_the_size_and_names_fit_the_schema(tmp_path: Path) -> None:
    pictures.draw(tmp_path, subjects=2, captures=1, size=40, domains=["tablet"], attacks=["glasses", "makeup"])
    for path in tmp_path.rglob("*.png"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (40, 40))
        for part in (*path.relative_to(tmp_path).parts[:-1], path.stem):
            assert re.fullmatch(r"[a-z0-9_]+", part)  # no hyphen: a style is <domain>-<attack>


def test_spoof_is_aligned_with_its_live_face(tmp_path: Path) -> None:
    pictures.draw(tmp_path, subjects=8, captures=1, size=64, domains=["dslr"], attacks=["print"])

    def grey(path: Path) -> npt.NDArray[np.float64]:
        small = np.asarray(Image.open(path).convert("L").reduce(4), float)
        return np.asarray((small - small.mean()) / small.std()).ravel()

    spoofs = sorted((tmp_path / "dslr" / "print").rglob("*.png"))
    lives = [tmp_path / "dslr" / "live" / path.parent.name / path.name for path in spoofs]
    likeness = np.array([[grey(s) @ grey(f) / 256 for f in lives] for s in spoofs])
    assert len(spoofs) == 4  # two subjects a round, one of them without the attack
    assert (likeness.argmax(1) == np.arange(4)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"domains": ["moon"]}, "unknown domain 'moon': choose from webcam"),
        ({"attacks": ["bribe"]}, "unknown attack 'bribe': choose from print"),
        ({"attacks": []}, "attacks are \\[\\]"),
        ({"domains": ["dslr", "dslr"]}, "each once"),
        ({"subjects": 0}, "subjects is 0"),
        ({"captures": 0}, "captures is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"size": 8}, "portrait size 8"),
    ],
)
def test_arguments_are_checked(tmp_path: Path, change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"subjects": 1, "captures": 1, "size": 16, **change}
    with pytest.raises(ValueError, match=message):
        pictures.draw(tmp_path, **arguments)  # type: ignore[arg-type]
