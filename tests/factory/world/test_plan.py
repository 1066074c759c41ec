"""The plan holds every picture once, people keep to one split, and a picture depends on its own number alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factory.core.config import build
from factory.corpus.row import KEY, Row, whole_domain
from factory.world.attacks import ATTACKS
from factory.world.capture.cameras import CAMERAS
from factory.world.plan import Picture, Plan
from factory.world.settings import WorldConfig

DOMAINS = tuple(CAMERAS)


def plan(**given: Any) -> Plan:
    return Plan(build(WorldConfig, {"out": "x", **given}))


def pictures(made: Plan) -> list[Picture]:
    return [picture for shard in made.shards() for picture in made.shard_plan(shard)]


@given(
    people=st.integers(1, 12),
    domains=st.lists(st.sampled_from(DOMAINS), min_size=1, unique=True),
    attacks=st.lists(st.sampled_from(tuple(ATTACKS)), unique=True),
    captures=st.integers(1, 3),
    per_shard=st.integers(1, 40),
    seed=st.integers(0, 3),
    aligned=st.booleans(),
)
def test_every_picture_once_in_even_shards(
    people: int, domains: list[str], attacks: list[str], captures: int, per_shard: int, seed: int, aligned: bool
) -> None:
    made = plan(
        people=people,
        domains=domains,
        attacks=attacks,
        captures=captures,
        seed=seed,
        aligned=aligned,
        output={"rows_per_shard": per_shard},
    )
    found = pictures(made)
    each = 1 + len(attacks) * (2 if aligned else 1)
    assert len(made) == len(found) == people * len(domains) * each * captures
    assert len({picture.key for picture in found}) == len(found)
    assert made.shard_count == len(list(made.shards()))
    assert made.style_counts() == Counter(picture.row()["style"] for picture in found)
    sizes: dict[str, list[int]] = {}
    for shard in made.shards():
        mine = made.shard_plan(shard)
        split = shard.rpartition("-")[0]
        assert {picture.split for picture in mine} == {split}
        sizes.setdefault(split, []).append(len(mine))
    assert all(max(size) - min(size) <= 1 and max(size) <= per_shard for size in sizes.values())
    assert len({(picture.subject, picture.split) for picture in found}) == people
    keys = {picture.key for picture in found}
    for picture in found:
        row = Row(**picture.row(), image=b"", codec="png")  # type: ignore[arg-type]
        assert KEY.fullmatch(row.key) and row.label == (row.attack != "live")
        assert picture.live_key in keys


@given(more=st.integers(1, 5), seed=st.integers(0, 5))
def test_a_picture_does_not_depend_on_how_many_others_there_are(more: int, seed: int) -> None:
    def seeds(made: Plan) -> dict[str, tuple[int, int, int]]:
        return {picture.key: (picture.person, picture.moment, picture.scene) for picture in pictures(made)}

    few = seeds(plan(people=3, domains=[DOMAINS[1]], attacks=["print"], seed=seed))
    many = seeds(plan(people=3 + more, captures=2, seed=seed, output={"rows_per_shard": 7}))
    assert few.items() <= many.items()
    assert not set(few.values()) & set(seeds(plan(people=3, seed=seed + 1)).values())


def test_a_spoof_and_its_live_picture_share_person_moment_and_scene() -> None:
    pairs: dict[str, set[tuple[int, int, int, str]]] = {}
    for picture in pictures(plan(people=4, captures=2)):
        pairs.setdefault(picture.live_key, set()).add(
            (picture.person, picture.moment, picture.scene, f"{picture.domain}/{picture.capture}")
        )
    assert all(len(same) == 1 for same in pairs.values())
    assert len({next(iter(same))[2] for same in pairs.values()}) == len(pairs) == 4 * 2 * len(DOMAINS)


def test_an_aligned_pair_is_alone_in_its_capture() -> None:
    """`fit-generator` pairs live faces and spoofs of one capture."""
    made = pictures(plan(people=2, attacks=["print", "make_up"], aligned=True))
    captures: dict[tuple[str, str, str], list[Picture]] = {}
    for picture in made:
        captures.setdefault((picture.subject, picture.domain, str(picture.row()["capture"])), []).append(picture)
    pairs = [same for same in captures.values() if len(same) > 1]
    assert len(pairs) == 2 * len(DOMAINS) * 2
    for spoof, live in pairs:
        assert (spoof.row()["label"], live.row()["label"], live.row()["attack"]) == (1, 0, "live")
        assert spoof.live_key == live.key
        assert (spoof.person, spoof.moment, spoof.scene) == (live.person, live.moment, live.scene)
    plainly = {picture.key for picture in pictures(plan(people=2, attacks=["print", "make_up"]))}
    assert plainly < {picture.key for picture in made}


def test_people_of_another_seed_have_other_names() -> None:
    """`difffas join` refuses keys that are in two corpora, and one name in two corpora is one person."""
    names = [{picture.subject for picture in pictures(plan(people=3, seed=seed))} for seed in (0, 1, 11, 2**31 - 1)]
    assert names[0] == {"p000000", "p000001", "p000002"} and "s1p000002" in names[1]
    assert len(set.union(*names)) == 12


def test_successive_people_have_successive_seeds() -> None:
    found = {picture.number: picture.person for picture in pictures(plan(people=9, seed=2))}
    assert [found[number] - found[0] for number in range(9)] == list(range(9))


def test_the_line_for_people() -> None:
    said = plan(people=10, domains=[DOMAINS[0]], attacks=["print"], captures=2).describe()
    assert said == f"40 pictures · people dev 2, test 2, train 6 · domains {DOMAINS[0]} · live, print · captures 2"


def test_a_person_is_one_before_every_camera() -> None:
    """What tells people apart takes a subject's name for unique within the whole domain alone."""
    made = pictures(plan(people=2))
    assert {picture.domain for picture in made} == {f"world__{camera}" for camera in DOMAINS}
    assert {whole_domain(picture.domain) for picture in made} == {"world"}
    assert {picture.row()["style"] for picture in made} >= {f"world__{DOMAINS[0]}-live", f"world__{DOMAINS[0]}-print"}
