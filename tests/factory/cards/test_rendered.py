"""People of a rendered corpus are counted once each, by class and split."""

from __future__ import annotations

from pathlib import Path

from benchmarks.corpora import row, write_corpus
from factory.cards.rendered import rendered_facts
from factory.corpus.scenes import SCENES
from factory.run.ledger import Ledger


def test_people_are_counted_by_tone_age_and_sex(tmp_path: Path) -> None:
    rows = [row(n, subject=f"s{n // 2}", split="train" if n < 4 else "test") for n in range(6)]
    storage = write_corpus(tmp_path / "real", rows).storage
    records = list(Ledger(storage).records())
    assert rendered_facts(storage, records) is None
    records = [{**record, "renderer": "mitsuba 3"} for record in records]
    bare = rendered_facts(storage, records)
    assert bare is not None and (bare.pictures, bare.balance, bare.rooms) == (6, {}, {})  # the record decides
    people = [("female", 18.0, 60.0), ("male", 47.5, -40.0), ("female", 80.0, 10.5)]
    scenes = []
    for n, one in enumerate(rows):
        sex, age, tone = people[n // 2]
        scenes.append({"key": one.key, "sex": sex, "age": age, "tone": tone, "room": "ab"[n % 2]})
    SCENES.write_part(storage.url, "train-000000", scenes)
    SCENES.join_parts(storage, ["train-000000"])
    facts = rendered_facts(storage, records)
    assert facts is not None
    assert facts.balance == {
        "skin tone": {
            "very light": {"train": 1}, "light": {}, "intermediate": {}, "tan": {"test": 1}, "brown": {},
            "dark": {"train": 1},
        },
        "age": {"18 to 29": {"train": 1}, "30 to 44": {}, "45 to 59": {"train": 1}, "60 and more": {"test": 1}},
        "sex": {"female": {"train": 1, "test": 1}, "male": {"train": 1}},
    }  # fmt: skip
    assert facts.rooms == {"a": 3, "b": 3} and facts.renderer == ["mitsuba 3"] and facts.pictures == 6
