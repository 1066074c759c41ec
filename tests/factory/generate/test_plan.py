from __future__ import annotations

import re
import time
import tracemalloc
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpora import small_rows
from factory.corpus.row import INDEX_SCHEMA, LIVE, SPOOF, Row
from factory.generate.plan import Plan, ShardPlan
from factory.generate.settings import PlanConfig
from factory.models.settings import SamplerConfig, StyleRanges

FINGERPRINT = "0123456789abcdef"


def index(rows: list[Row]) -> pa.Table:
    lines = [{**row.facts(), "shard": f"{row.split}-000000", "position": i} for i, row in enumerate(rows)]
    return pa.Table.from_pylist(lines, schema=INDEX_SCHEMA)


def make(rows: list[Row], rows_per_shard: int = 10, sampler: SamplerConfig | None = None, **given: object) -> Plan:
    table = index(rows)
    config = PlanConfig.model_validate(given)
    return Plan(config, sampler or SamplerConfig(batch_size=4), rows_per_shard, table, table, FINGERPRINT)


def shard_plans(plan: Plan) -> list[ShardPlan]:
    return [plan.shard_plan(shard) for shard in plan.shards()]


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(1, 400),
    per_shard=st.integers(1, 60),
    batch=st.integers(1, 20),
    guides=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_laws(samples: int, per_shard: int, batch: int, guides: int, seed: int) -> None:
    rows = small_rows()
    sampler = SamplerConfig(batch_size=batch, t0=(100, 300), cfg_scale=(1.0, 3.0))
    plan = make(rows, per_shard, sampler, samples=samples, guides_per_style=guides, seed=seed)
    made = shard_plans(plan)
    keys = [key for shard_plan in made for key in shard_plan.keys]
    sizes = [len(shard_plan.keys) for shard_plan in made]
    assert len(plan) == samples == len(keys) == len(set(keys))
    assert keys == sorted(keys)
    assert [plan.locate(key) for shard_plan in made for key in shard_plan.keys] == [
        (shard_plan.shard, place) for shard_plan in made for place in range(len(shard_plan.keys))
    ]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= min(batch, samples)
    counts = Counter(rows[i].style for shard_plan in made for i in shard_plan.guide)
    assert dict(counts) == {style: n for style, n in plan.style_counts().items() if n}
    assert max(plan.style_counts().values()) - min(plan.style_counts().values()) <= 1
    for shard_plan in made:
        assert ((shard_plan.t0 >= 100) & (shard_plan.t0 <= 300)).all()
        assert ((shard_plan.cfg_scale >= 1) & (shard_plan.cfg_scale <= 3)).all()
        assert (shard_plan.seed >= 0).all()
        for live, guide in zip(shard_plan.live, shard_plan.guide, strict=True):
            assert (rows[live].label, rows[guide].label) == (LIVE, SPOOF)
            assert rows[live].split == rows[guide].split == shard_plan.split


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 300),
    guides=st.integers(1, 5),
    splits=st.sampled_from([("train",), ("train", "test")]),
)
def test_distinct_combinations_are_counted_without_laying_the_plan(
    samples: int, guides: int, splits: tuple[str, ...]
) -> None:
    """With one T₀ and one w exactly; with ranges as a bound that the plan itself never exceeds."""
    rows = small_rows(splits=("train", "test"))
    plan = make(rows, samples=samples, guides_per_style=guides, splits=splits)
    pairs = {
        (shard_plan.split, live, guide)
        for shard_plan in shard_plans(plan)
        for live, guide in zip(shard_plan.live, shard_plan.guide, strict=True)
    }
    assert plan.distinct() == len(pairs)
    few = SamplerConfig(t0=(100, 101), cfg_scale=(2.0, 2.001))
    varied = make(rows, sampler=few, samples=samples, guides_per_style=guides, splits=splits)
    seen = {
        row
        for shard_plan in shard_plans(varied)
        for row in zip(shard_plan.live, shard_plan.guide, shard_plan.t0, shard_plan.cfg_scale, strict=True)
    }
    assert len(pairs) <= len(seen) <= varied.distinct() <= min(len(varied), 4 * len(pairs))
    wide = SamplerConfig(t0=(100, 900), cfg_scale=(1.0, 9.0))
    assert make(rows, sampler=wide, samples=samples, splits=splits).distinct() == len(plan)


def test_same_config_same_plan_and_another_seed_another_one() -> None:
    rows = small_rows()
    first, again, other = (shard_plans(make(rows, samples=50, seed=seed)) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        for field in ("live", "guide", "t0", "cfg_scale", "seed"):
            assert np.array_equal(getattr(one, field), getattr(two, field))
    assert not np.array_equal(first[0].seed, other[0].seed)


def test_sampler_parameters_do_not_depend_on_how_the_run_is_cut_into_shards() -> None:
    rows = small_rows()
    sampler = SamplerConfig(batch_size=1, t0=(100, 300))
    cut, whole = (shard_plans(make(rows, per_shard, sampler, samples=60)) for per_shard in (7, 60))
    assert np.array_equal(np.concatenate([shard_plan.t0 for shard_plan in cut]), whole[0].t0)
    assert np.array_equal(np.concatenate([shard_plan.live for shard_plan in cut]), whole[0].live)


def test_a_style_takes_its_own_ranges_and_the_others_draw_as_without_them() -> None:
    rows = small_rows()
    plain = SamplerConfig(t0=(100, 300), cfg_scale=(1.0, 3.0))
    own = {"cam-print": StyleRanges(t0=(400, 400), cfg_scale=(5.0, 5.5)), "phone-print": StyleRanges(t0=(50, 60))}
    before, after = (make(rows, sampler=s, samples=60) for s in (plain, plain.model_copy(update={"by_style": own})))
    for first, then in zip(shard_plans(before), shard_plans(after), strict=True):
        for field in ("live", "guide", "seed"):
            assert np.array_equal(getattr(first, field), getattr(then, field))
        style = np.array([rows[guide].style for guide in then.guide])
        printed, phone = style == "cam-print", style == "phone-print"
        assert (then.t0[printed] == 400).all() and (then.cfg_scale[printed] >= 5.0).all()
        assert (then.t0[phone] <= 60).all() and np.array_equal(then.cfg_scale[phone], first.cfg_scale[phone])
        others = ~(printed | phone)
        assert np.array_equal(then.t0[others], first.t0[others])
        assert np.array_equal(then.cfg_scale[~printed], first.cfg_scale[~printed])


def test_single_values_by_style_are_counted_as_repeats() -> None:
    rows = small_rows()
    wide = SamplerConfig(t0=(100, 900), cfg_scale=(1.0, 9.0))
    one = StyleRanges(t0=(400, 400), cfg_scale=(5.0, 5.0))
    fixed = wide.model_copy(update={"by_style": dict.fromkeys(("cam-print", "phone-print"), one)})
    assert make(rows, sampler=wide, samples=300).distinct() == 300
    pairs = make(rows, sampler=SamplerConfig(), samples=300).style_counts()
    assert make(rows, sampler=fixed, samples=300).distinct() < 300 == sum(pairs.values())


def test_a_style_that_no_guide_shows_has_no_ranges() -> None:
    for style, message in (("cam-prnt", "did you mean 'cam-print'"), ("zzz", "its styles: cam-print, cam-replay")):
        sampler = SamplerConfig(by_style={style: StyleRanges(t0=(400, 400))})
        with pytest.raises(ValueError, match=f"the guides' corpus has no style '{style}'; {message}"):
            make(small_rows(), sampler=sampler)
    planned = SamplerConfig(by_style={"cam-print": StyleRanges(t0=(400, 400))})
    assert len(make(small_rows(), sampler=planned, styles=["cam-replay"], samples=3)) == 3


def test_cross_attack_gives_a_subject_only_what_it_lacks_in_its_domain() -> None:
    rows = small_rows()
    for shard_plan in shard_plans(make(rows, policies=["cross-attack"])):
        for live, guide in zip(shard_plan.live, shard_plan.guide, strict=True):
            assert rows[live].domain == rows[guide].domain
            assert rows[guide].attack == "replay"  # the attack that odd subjects lack
            assert int(rows[live].subject[1:]) % 2 == 1


def test_cross_domain_never_stays_in_its_domain() -> None:
    rows = small_rows()
    for shard_plan in shard_plans(make(rows, policies=["cross-domain"])):
        assert all(rows[a].domain != rows[b].domain for a, b in zip(shard_plan.live, shard_plan.guide, strict=True))


def test_default_size_is_every_live_style_guide_triple() -> None:
    rows = small_rows(subjects=4, captures=2)
    plan = make(rows, policies=["cross-attack"], guides_per_style=2)
    # per domain: 2 odd subjects × 2 captures lack one attack; 2 guides of its style
    assert len(plan) == 2 * (2 * 2) * 2


def test_live_faces_are_used_evenly_and_visited_in_corpus_order() -> None:
    rows = small_rows(subjects=10)
    made = shard_plans(make(rows, policies=["cross-domain"], samples=600))
    used = Counter(int(i) for shard_plan in made for i in shard_plan.live)
    assert max(used.values()) - min(used.values()) <= 4  # one per style that a face can get
    for style in ("cam-print", "phone-print"):
        visited = [
            int(a)
            for shard_plan in made
            for a, b in zip(shard_plan.live, shard_plan.guide, strict=True)
            if rows[b].style == style
        ]
        assert visited == sorted(visited)


def test_splits_stay_apart() -> None:
    rows = small_rows(subjects=8, splits=("train", "test"))
    plan = make(rows, splits=["train", "test"], samples=30)
    assert {shard_plan.split for shard_plan in shard_plans(plan)} == {"train", "test"}
    assert len(plan) == 60
    for shard_plan in shard_plans(plan):
        assert {rows[i].split for i in (*shard_plan.live, *shard_plan.guide)} == {shard_plan.split}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"styles": ["cam-mask"]}, "style 'cam-mask' has no guide in split 'train'"),
        ({"splits": ["dev"]}, "no live face in split 'dev'"),
    ],
)
def test_impossible_plans_say_what_is_missing(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(small_rows(), **given)


def test_nothing_lacking_is_said() -> None:
    with pytest.raises(ValueError, match="nothing to generate"):
        make(small_rows(subjects=1, domains=("cam",)))


def test_unknown_shard() -> None:
    plan = make(small_rows(), samples=20)
    for shard in ("train-000099", "test-000000", "nonsense"):
        with pytest.raises(ValueError, match=shard):
            plan.shard_plan(shard)


def test_a_billion_rows_cost_nothing_until_asked_for() -> None:
    n = 100_000
    attacks = np.array(["live", "print", "live", "replay"])
    lines: dict[str, Any] = {
        "split": ["train"] * n,
        "label": np.tile([LIVE, SPOOF], n // 2),
        "domain": [f"d{i % 3}" for i in range(n)],
        "attack": attacks[np.arange(n) % 4],
        "subject": [f"s{i // 20}" for i in range(n)],
    }
    lines["style"] = [f"{d}-{a}" for d, a in zip(lines["domain"], lines["attack"], strict=True)]
    table = pa.table(lines)
    tracemalloc.start()
    started = time.process_time()
    plan = Plan(PlanConfig(samples=10**9), SamplerConfig(), 500, table, table, FINGERPRINT)
    for number in (0, plan.shard_count // 2, plan.shard_count - 1):
        plan.shard_plan(f"train-{number:06d}")
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(plan) == 10**9
    assert peak < 200e6
    assert seconds < 20  # measured 0.2 s; the bound only catches materialising


def test_many_styles_of_many_people_take_no_longer_than_few() -> None:
    n, domains, attacks = 100_000, 32, 24
    number = np.arange(n)
    attack = np.where(number % 4, number // 4 % attacks, -1)
    lines: dict[str, Any] = {
        "split": ["train"] * n,
        "label": (attack >= 0).astype(np.int64),
        "domain": [f"d{i % domains}" for i in number // 64],
        "attack": [f"a{a}" if a >= 0 else "live" for a in attack],
        "subject": [f"s{i % 5003}" for i in number],
    }
    lines["style"] = [f"{d}-{a}" for d, a in zip(lines["domain"], lines["attack"], strict=True)]
    table = pa.table(lines)
    started = time.process_time()
    plan = Plan(PlanConfig(samples=10**9), SamplerConfig(), 500, table, table, FINGERPRINT)
    assert len(plan.style_counts()) == domains * attacks
    assert time.process_time() - started < 3  # the bound only catches a look through all people for every style


def test_a_key_of_another_plan_is_refused() -> None:
    plan = make(small_rows(), samples=10)
    for key in ("01234567-train-0000000010", "01234567-test-0000000000", "76543210-train-0000000000", "row-0001"):
        with pytest.raises(ValueError, match=f"'{key}' is not in this plan of 10 samples"):
            plan.locate(key)


def test_nothing_from_outside_a_protocol_comes_in() -> None:
    rows = small_rows()
    inside: dict[str, Any] = {"allowed_domains": ["cam"], "live_domains": ["cam"], "styles": ["cam-replay"]}
    plan = make(rows, **inside, allowed_attacks=["replay"])
    for shard_plan in shard_plans(plan):
        assert {rows[i].domain for i in (*shard_plan.live, *shard_plan.guide)} == {"cam"}
        assert {rows[i].attack for i in shard_plan.guide} == {"replay"}
    for outside, message in (
        ({"live_domains": ["cam", "phone"]}, "live faces of domain 'phone' are not among the allowed .*plan.live_dom"),
        ({"live_domains": None}, "live faces of domain 'phone' are not among the allowed"),
        ({"styles": ["cam-replay", "phone-replay"]}, "guides of domain 'phone' are not among the allowed"),
        ({"styles": None}, "guides of .* are not among the allowed .*: set plan.styles"),
        ({"allowed_attacks": ["print"]}, r"guides of attack 'replay' are not among the allowed \['print'\]"),
        ({"live_domains": ["lab"]}, r"no live face of domains \['lab'\] in split 'train'"),
    ):
        with pytest.raises(ValueError, match=message):
            make(rows, **{**inside, "allowed_attacks": ["replay"], **outside})


def test_same_style_gives_a_style_that_the_person_has_by_a_guide_of_another() -> None:
    rows = small_rows(subjects=6)
    plan = make(rows, policies=["same-style"], guides_per_style=3)
    pairs = [
        (rows[live], rows[guide])
        for shard_plan in shard_plans(plan)
        for live, guide in zip(shard_plan.live, shard_plan.guide, strict=True)
    ]
    owned = {(row.domain, row.subject, row.style) for row in rows if row.label == SPOOF}
    for live, guide in pairs:
        assert (live.domain, live.subject, guide.style) in owned
        assert live.subject != guide.subject
    assert len({(live.key, guide.key) for live, guide in pairs}) == plan.distinct()
    faces = {live.key for live, _ in pairs}
    assert faces == {row.key for row in rows if row.label == LIVE}, "every face has print, by others' guides"


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 200), guides=st.integers(1, 5), seed=st.integers(0, 5))
def test_no_guide_shows_its_face_once_same_style_is_among_the_policies(samples: int, guides: int, seed: int) -> None:
    rows = small_rows(subjects=4)
    try:
        plan = make(rows, policies=["same-style", "cross-domain"], samples=samples, guides_per_style=guides, seed=seed)
    except ValueError:  # of no pair
        return  # every chosen guide shows the only person who could meet it
    pairs = [
        (int(live), int(guide))
        for shard_plan in shard_plans(plan)
        for live, guide in zip(shard_plan.live, shard_plan.guide, strict=True)
    ]
    for live, guide in pairs:
        same_person = (rows[live].domain, rows[live].subject) == (rows[guide].domain, rows[guide].subject)
        assert not same_person
    assert plan.distinct() == len(set(pairs))


def test_same_style_without_a_second_person_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="same-style needs a person with a live face and a real spoof"):
        make(small_rows(subjects=1), policies=["same-style"])
