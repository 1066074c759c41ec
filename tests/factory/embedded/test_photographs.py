"""The folder that the demo begins with: a small collection of training people, and all of those held out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from factory.corpus import Corpus
from factory.embedded import photographs
from factory.sources.pattern import Pattern
from factory.storage.embedded import PEOPLE


def test_cameras_and_attacks_take_turns() -> None:
    phone, webcam = photographs.DOMAINS
    attacks = list("vwxyz")
    chosen = [photographs.taken(number, attacks) for number in range(10)]
    assert {len(presented) for _, presented in chosen} == {3}
    pairs = Counter((camera, attack) for camera, presented in chosen for attack in presented)
    assert pairs == {(camera, attack): 3 for camera in (phone, webcam) for attack in attacks}
    assert photographs.taken(3, attacks) == (webcam, {"w", "x", "y"})


def test_the_folder_holds_the_pictures_of_the_corpus(tmp_path: Path) -> None:
    people = Corpus(PEOPLE)
    written = photographs.write(tmp_path)
    files = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.webp")}
    assert written == len(files) == 72 * 4 + 2 * 24 * 12
    facts = [Pattern(photographs.PATTERN).match(name) for name in files]
    assert {fact["domain"] for fact in facts if fact} == set(photographs.DOMAINS) < set(people.column("domain"))
    training = {fact["subject"]: fact["domain"] for fact in facts if fact and fact["split"] == "train"}
    assert Counter(training.values()) == dict.fromkeys(photographs.DOMAINS, 36)
    (row,) = people.rows(people.where(split="test", domain="world__webcam", attack="print")[:1])
    assert files[f"test/world__webcam/print/{row.subject}/{row.capture}.webp"].read_bytes() == row.image
    before = {path: path.stat().st_mtime_ns for path in files.values()}
    assert photographs.write(tmp_path) == written
    assert {path: path.stat().st_mtime_ns for path in files.values()} == before
