from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.core.config import build
from factory.train.batches import Mixed, Shuffled, share
from factory.train.recipes.sampling import Rows, SamplingConfig, domain_weights, sampling_plan, style_weights

STYLES = ("cam-live", "cam-print", "phone-print", "phone-replay")


def rows(real: int = 40, generated: int = 20, seed: int = 0) -> Rows:
    count = real + generated
    return Rows(
        numbers=np.arange(1000, 1000 + count),
        styles=np.array([STYLES[n % len(STYLES)] for n in range(count)], dtype=object),
        generated=np.arange(count) >= real,
        brisque=np.random.default_rng(seed).normal(30, 10, count),
    )


def drawn(given: dict[str, object], count: int, facts: Rows | None = None, seed: int = 3) -> np.ndarray:
    """Places among the rows of the first samples."""
    facts = facts or rows()
    return sampling_plan(facts, build(SamplingConfig, given), seed)(np.arange(count)) - facts.numbers[0]


@given(part=st.floats(0.001, 0.999), start=st.integers(0, 2**40), size=st.integers(1, 64))
def test_every_stretch_of_samples_has_the_share_rounded(part: float, start: int, size: int) -> None:
    first, second = (lambda n: n), (lambda n: -1 - n)
    found = Mixed(first, second, part)(np.arange(start, start + size))
    count = int((found >= 0).sum())
    assert abs(count - part * size) < 1 + 1e-6 * size
    for mine in (found[found >= 0], -1 - found[found < 0]):
        assert (np.diff(mine) == 1).all()  # each plan's samples in order, none left out
    assert np.array_equal(found[-1:], Mixed(first, second, part)(np.array([start + size - 1])))


@pytest.mark.parametrize("part", [0.25, 0.3, 0.5])
def test_batches_hold_the_share_of_generated_rows_whoever_draws_them(part: float) -> None:
    facts = rows()
    plan = sampling_plan(facts, build(SamplingConfig, {"generated_share": part}), 3)
    for step in (0, 1, 17, 10**6):
        batch = plan(share(step, 20, 0, 1)) - 1000
        assert facts.generated[batch].sum() == 20 * part
        halves = [plan(share(step, 20, rank, 2)) - 1000 for rank in (0, 1)]
        assert np.array_equal(batch, np.concatenate(halves))
        assert abs(np.diff([facts.generated[half].sum() for half in halves])[0]) <= 1
    first_pass = drawn({"generated_share": part}, round(20 / part))
    assert sorted(first_pass[facts.generated[first_pass]]) == list(range(40, 60))  # each generated row once


def test_style_weights_say_how_often_a_row_comes() -> None:
    facts = rows()
    found = drawn({"style_weights": {"print": 0.5, "phone-print": 3}}, 120_000)
    times = np.bincount(found, minlength=60)
    each = {style: times[facts.styles == style] for style in STYLES}
    once = each["cam-live"].mean()
    assert each["phone-replay"].mean() == pytest.approx(once, rel=0.01)
    assert each["cam-print"].mean() == pytest.approx(0.5 * once, rel=0.01)  # the attack's
    assert each["phone-print"].mean() == pytest.approx(3 * once, rel=0.01)  # the style's, before the attack's
    assert all(np.ptp(counts) <= 1 for counts in each.values())  # in passes


def of_domains(sizes: dict[str, int]) -> Rows:
    """Rows with two attacks and live faces in every domain."""
    domains = np.repeat(np.array([*sizes], dtype=object), [*sizes.values()])
    attacks = np.array(["live", "print", "replay"], dtype=object)[np.arange(len(domains)) % 3]
    count = len(domains)
    return Rows(np.arange(1000, 1000 + count), domains + "-" + attacks, np.zeros(count, bool), np.full(count, np.nan))


def domains_of(facts: Rows) -> np.ndarray:
    return np.array([style.rpartition("-")[0] for style in facts.styles])


@given(
    domains=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=2, max_size=5),
    start=st.integers(0, 2**40),
    whole=st.integers(1, 4),
    world=st.integers(1, 3),
)
def test_each_domain_is_drawn_by_its_weight_and_not_by_its_size(
    domains: list[tuple[int, int]], start: int, whole: int, world: int
) -> None:
    names = [f"d{i}" for i in range(len(domains))]
    facts = of_domains({name: size for name, (size, _) in zip(names, domains, strict=True)})
    weights = {name: weight for name, (_, weight) in zip(names, domains, strict=True)}
    given = {"domain_weights": {name: weight for name, weight in weights.items() if weight != 1 or name == "d0"}}
    plan, total = sampling_plan(facts, build(SamplingConfig, given), 3), sum(weights.values())
    found = plan(start + np.arange(whole * total)) - 1000
    names_found, counts = np.unique(domains_of(facts)[found], return_counts=True)
    held = dict(zip(names_found.tolist(), counts.tolist(), strict=True))
    assert held == {name: whole * weight for name, weight in weights.items()}  # wherever the window begins
    assert np.array_equal(plan(np.array([start + len(found) - 1])) - 1000, found[-1:])  # a restart draws the same
    batch = total * world
    parts = [plan(share(7, batch, rank, world)) for rank in range(world)]
    assert np.array_equal(np.concatenate(parts), plan(share(7, batch, 0, 1)))  # so does any number of workers


@given(sizes=st.lists(st.integers(1, 12), min_size=2, max_size=4), weight=st.floats(0.1, 9), seed=st.integers(0, 3))
def test_within_a_domain_every_row_comes_equally_often(sizes: list[int], weight: float, seed: int) -> None:
    facts = of_domains({f"d{i}": size for i, size in enumerate(sizes)})
    found = drawn({"domain_weights": {"d0": weight}}, 3_000, facts, seed)
    times = np.bincount(found, minlength=len(facts.numbers))
    for i in range(len(sizes)):
        mine = times[domains_of(facts) == f"d{i}"]
        assert np.ptp(mine) <= 1
        expected = 3_000 * (1 if i else weight) / (len(sizes) - 1 + weight)
        assert abs(mine.sum() - expected) < len(sizes)


def test_random_lies_between_3_and_4_times_for_oulu_as_the_paper_says() -> None:
    facts = of_domains({"oulu_npu": 3_500, "casia_fasd": 1_000, "replay_attack": 1_000})

    def rate(given: dict[str, object]) -> float:
        """How often an OULU-NPU row is drawn for one of each other domain."""
        ours = (domains_of(facts)[drawn(given, 5_500, facts)] == "oulu_npu").sum()
        return float(ours / ((5_500 - ours) / 2))

    assert rate({}) == 3.5
    for weight in (1, 2, 3, 4):
        assert rate({"domain_weights": {"oulu_npu": weight}}) == pytest.approx(weight, rel=0.002)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"nuaa": 2}, {"nuaa": 2, "msu": 1}),
        ({"msu": 3}, {"nuaa": 1, "msu": 3}),
        ({"nuaa__session_03": 2}, {"nuaa__session_01": 1, "nuaa__session_03": 2, "msu": 1}),
        ({"nuaa": 2, "nuaa__session_03": 5}, {"nuaa__session_01": 2, "nuaa__session_03": 5, "msu": 1}),
    ],
)
def test_a_divided_domain_is_one_unless_a_part_is_named(given: dict[str, float], expected: dict[str, float]) -> None:
    domains = np.array(["nuaa__session_01", "msu", "nuaa__session_03"], dtype=object)
    counted, weights = domain_weights(domains, given)
    assert weights == expected
    assert set(counted.tolist()) == set(expected)
    facts = of_domains({"nuaa__session_01": 5, "nuaa__session_03": 15, "msu": 4})
    found = domains_of(facts)[drawn({"domain_weights": given}, round(100 * sum(expected.values())), facts)]
    for name, weight in expected.items():
        assert sum(one.startswith(name) for one in found.tolist()) == 100 * weight
    if "nuaa" in expected:  # its parts by their sizes
        assert (found == "nuaa__session_03").sum() == pytest.approx(75 * expected["nuaa"], abs=5)


@given(live=st.integers(1, 30), spoofs=st.integers(1, 60), generated=st.integers(1, 400), start=st.integers(0, 2**40))
def test_a_batch_holds_its_live_faces_whatever_the_rows(live: int, spoofs: int, generated: int, start: int) -> None:
    kinds = np.repeat([0, 1, 2], [live, spoofs, generated])
    styles = np.array(["cam-live", "cam-print", "cam-print"], dtype=object)[kinds]
    facts = Rows(np.arange(len(kinds)), styles, kinds == 2, np.full(len(kinds), np.nan))
    for shares, expected in (
        ({"live_share": 0.25, "generated_share": 0.5}, [16, 16, 32]),
        ({"live_share": 0.25, "generated_share": 0.25}, [16, 32, 16]),
        ({"live_share": 0.5}, [32]),
    ):
        plan = sampling_plan(facts, build(SamplingConfig, shares), 3)
        counts = np.bincount(kinds[plan(start + np.arange(64))], minlength=3).tolist()
        assert counts[: len(expected)] == expected


def test_generated_live_faces_count_as_generated() -> None:
    facts = rows(40, 40)
    found = drawn({"live_share": 0.25, "generated_share": 0.5}, 6_400, facts)
    live = facts.styles[found] == "cam-live"
    assert (live & ~facts.generated[found]).mean() == 0.25
    assert (live & facts.generated[found]).mean() == 0.125  # a quarter of the generated rows are live


def test_shares_domains_and_styles_hold_together() -> None:
    facts = rows(400, 200)
    given = {"generated_share": 0.5, "live_share": 0.2, "domain_weights": {"phone": 3}, "style_weights": {"replay": 3}}
    found = drawn(given, 64_000, facts)
    real_spoof = found[~facts.generated[found] & (facts.styles[found] != "cam-live")]
    assert len(real_spoof) == pytest.approx(0.3 * 64_000, abs=2)
    assert (domains_of(facts)[real_spoof] == "phone").mean() == pytest.approx(0.75, abs=0.001)
    phone = facts.styles[real_spoof[domains_of(facts)[real_spoof] == "phone"]]
    assert (phone == "phone-replay").mean() == pytest.approx(0.75, abs=0.001)


def test_what_is_not_asked_for_changes_no_fingerprint() -> None:
    """Runs of before `live_share` and `domain_weights` go on, and draw what they drew."""
    older = {"generated_share": 0.37, "style_weights": {"print": 0.3, "phone-print": 3}, "quality_weight": 2}
    assert set(build(SamplingConfig, older).model_dump()) == set(older)
    assert drawn(older, 12, rows(400, 200)).tolist() == [325, 306, 593, 191, 186, 538, 92, 170, 584, 80, 502, 338]


def test_share_styles_and_quality_hold_together() -> None:
    facts = rows(400, 200)
    given = {"generated_share": 0.25, "style_weights": {"replay": 2}, "quality_weight": 3}
    found = drawn(given, 64_000, facts)
    assert facts.generated[found].mean() == 0.25
    high = facts.brisque < facts.brisque.mean()
    for kind in (True, False):
        mine = found[facts.generated[found] == kind]
        assert (facts.styles[mine] == "phone-replay").mean() == pytest.approx(0.4, abs=0.001)  # 2 of 1 + 1 + 1 + 2
        assert high[mine].mean() == pytest.approx(0.75, abs=0.001)
    batch = found[640:704]
    assert facts.generated[batch].sum() == 16
    assert high[batch].sum() == pytest.approx(48, abs=4)


def test_a_part_of_one_quality_is_drawn_evenly() -> None:
    facts = rows()
    facts.brisque[facts.styles == "phone-replay"] = 1.0
    found = drawn({"quality_weight": 2, "style_weights": {"replay": 2}}, 6_000, facts)
    times = np.bincount(found, minlength=60)[facts.styles == "phone-replay"]
    assert np.ptp(times) <= 1


def test_by_default_it_is_the_shuffled_pass() -> None:
    facts = rows()
    assert np.array_equal(drawn({}, 200), Shuffled(facts.numbers, 3)(np.arange(200)) - 1000)
    one = drawn({"generated_share": 0.5, "style_weights": {"print": 2}, "quality_weight": 2}, 90)
    assert np.array_equal(one, drawn({"generated_share": 0.5, "style_weights": {"print": 2}, "quality_weight": 2}, 90))
    assert not np.array_equal(drawn({"generated_share": 0.5}, 90), drawn({"generated_share": 0.5}, 90, seed=4))


def test_the_plan_travels_to_the_readers() -> None:
    from ray import cloudpickle

    plan = sampling_plan(rows(), SamplingConfig(generated_share=0.5, style_weights={"print": 2}), 3)
    again = cloudpickle.loads(cloudpickle.dumps(plan))
    assert np.array_equal(again(np.arange(50)), plan(np.arange(50)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"generated_share": 1}, "generated_share"),
        ({"generated_share": 0}, "generated_share"),
        ({"style_weights": {"prnt": 2}}, "no row has style or attack 'prnt'; did you mean 'print'"),
        ({"style_weights": {"mask3d": 2}}, "there are cam-live, "),
        ({"style_weights": {"print": 0}}, "print 0.0 must be a number above 0"),
        ({"generated_shre": 0.5}, "did you mean 'generated_share'"),
        ({"live_share": 0.5, "generated_share": 0.5}, "live_share 0.5 and generated_share 0.5 leave nothing for real"),
        ({"domain_weights": {"phon": 2}}, "no training row has domain 'phon'; there are cam, phone"),
        ({"domain_weights": {"phone": 0}}, "domain_weights: phone 0.0 must be a number above 0"),
    ],
)
def test_mistakes_are_one_line(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        drawn(given, 1)
    assert "\n" not in str(raised.value)


def test_a_share_needs_generated_rows() -> None:
    with pytest.raises(ValueError, match="needs generated rows: set generated"):
        drawn({"generated_share": 0.5}, 1, rows(generated=0))
    with pytest.raises(ValueError, match="live_share needs real live faces, and no training row is one"):
        drawn({"live_share": 0.5}, 1, dataclasses.replace(rows(), generated=np.ones(60, bool)))
    with pytest.raises(ValueError, match="leaves a rest of each batch, and no training row is left"):
        drawn(
            {"live_share": 0.5},
            1,
            dataclasses.replace(rows(generated=0), styles=np.full(40, "cam-live", dtype=object)),
        )
    assert style_weights(np.array(STYLES, dtype=object), {}).tolist() == [1.0] * 4


def test_the_weight_of_an_attack_is_that_of_its_finer_styles() -> None:
    styles = np.array(["cam-live", "cam-print-session_1", "cam-print-session_2", "cam-replay-session_1"])
    weights = style_weights(styles, {"print": 3.0, "cam-print-session_2": 5.0})
    assert weights.tolist() == [1.0, 3.0, 5.0, 1.0]
