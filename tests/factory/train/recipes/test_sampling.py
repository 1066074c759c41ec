from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.core.config import build
from factory.train.batches import Mixed, Shuffled, share
from factory.train.recipes.sampling import Rows, SamplingConfig, sampling_plan, style_weights

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
    ],
)
def test_mistakes_are_one_line(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        drawn(given, 1)
    assert "\n" not in str(raised.value)


def test_a_share_needs_generated_rows() -> None:
    with pytest.raises(ValueError, match="needs generated rows: set generated"):
        drawn({"generated_share": 0.5}, 1, rows(generated=0))
    assert style_weights(np.array(STYLES, dtype=object), {}).tolist() == [1.0] * 4
