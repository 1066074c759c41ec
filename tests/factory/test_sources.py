from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.row import KEY
from factory.sources import Source, key_of, list_sources, listing_digest, printable, split_subjects
from tests.odd_images import write_odd_images, write_traps

paths = st.lists(st.text(min_size=1), min_size=1, max_size=4).map("/".join)
fractions = (
    st.lists(st.integers(0, 20), min_size=1, max_size=4)
    .filter(any)
    .map(lambda weights: {f"s{i}": weight / sum(weights) for i, weight in enumerate(weights)})
)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_only_image_files_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b/2.JPG", "b/1.png", "a.heic", "notes.txt", "jpg", ".hidden.jpg", ".git/x.png", "b/x.jpg.part")
    assert list_sources(str(tmp_path)) == [Source("a.heic", 1), Source("b/1.png", 1), Source("b/2.JPG", 1)]


def test_awkward_names_are_listed(tmp_path: Path) -> None:
    written = write_odd_images(tmp_path)
    assert [source.path for source in list_sources(str(tmp_path))] == sorted(written)


def test_traps_end(tmp_path: Path) -> None:
    write_traps(tmp_path)
    assert {printable(source.path): source.reject for source in list_sources(str(tmp_path))} == {
        "down/circle.jpg": "broken link",
        "down/latin-\\udce9.png": None,
        "down/lost.jpg": "broken link",
        "down/pipe.jpg": "not a regular file",
    }


def test_linked_folders_are_entered_once_and_real_ones_first(tmp_path: Path) -> None:
    touch(tmp_path, "root/real/1.jpg", "elsewhere/2.jpg")
    for name in ("aaa", "zzz"):
        (tmp_path / "root" / name).symlink_to(tmp_path / "root" / "real")
        (tmp_path / "root" / f"{name}-out").symlink_to(tmp_path / "elsewhere")
    assert [source.path for source in list_sources(str(tmp_path / "root"))] == ["aaa-out/2.jpg", "real/1.jpg"]


def test_what_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere does not exist"):
        list_sources(str(tmp_path / "nowhere"))
    touch(tmp_path, "notes.txt")
    with pytest.raises(ValueError, match="holds no image file"):
        list_sources(str(tmp_path))
    with pytest.raises(ValueError, match="local folder"):
        list_sources("s3://bucket/photos")


@given(st.lists(paths, unique=True, min_size=2, max_size=20))
def test_keys_are_legal_and_unique(names: list[str]) -> None:
    keys = [key_of("cam", name) for name in names]
    assert all(KEY.fullmatch(key) for key in keys)
    assert len(set(keys)) == len(names)
    assert all(re.fullmatch(r"[0-9a-f]{16}", key[-16:]) and len(key) <= 65 for key in keys)


def test_keys_are_for_ever() -> None:
    assert key_of("nuaa", "live/0001/0001_00_00_01_63.jpg") == "live-0001-0001_00_00_01_63-e8a7c5c43c865c5d"
    assert key_of("casia", "live/1.jpg") != key_of("nuaa", "live/1.jpg")
    assert key_of("cam", "a/../../etc/passwd").count("/") == 0


@given(subjects=st.sets(st.text(min_size=1, max_size=5), max_size=60), fractions=fractions, seed=st.integers(0, 9))
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


@given(subjects=st.sets(st.text(min_size=1, max_size=5), min_size=30, max_size=60))
def test_splits_follow_seed_and_names_alone(subjects: set[str]) -> None:
    fractions = {"train": 0.5, "test": 0.5}
    one = split_subjects(subjects, fractions, 1)
    assert one == split_subjects(sorted(subjects, reverse=True), fractions, 1)
    assert one != split_subjects(subjects, fractions, 2)


def test_six_subjects_reach_every_split() -> None:
    counts = Counter(split_subjects(map(str, range(6)), {"train": 0.8, "dev": 0.1, "test": 0.1}, 0).values())
    assert counts == {"train": 4, "dev": 1, "test": 1}


def test_the_digest_knows_names_and_sizes() -> None:
    listing = [Source("a.jpg", 3), Source("b\udce9.jpg", 4)]
    assert listing_digest(listing) == listing_digest(list(listing))
    assert listing_digest(listing) != listing_digest([Source("a.jpg", 3), Source("b\udce9.jpg", 5)])
    assert listing_digest(listing) != listing_digest([Source("a.jpg", 3), Source("c.jpg", 4)])
