"""Limits from real spoofs: the wanted share passes, and what knows nothing sets no limit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.audit.calibration import RealSpoofs, calibrate, limits_of_rows, remarks
from factory.audit.verdict import Reference, Thresholds

REFERENCE: Reference = {"of": "a", "count": 9, "mean": 30.0, "std": 5.0}


def real(count: int, seed: int = 0, styles: tuple[str, ...] = ("a",), **given: Any) -> RealSpoofs:
    """Real spoofs whose person is half as far as another, with a judge that is always right."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "style": np.array(styles, dtype=object)[np.arange(count) % len(styles)],
        "style_probability": rng.random(count),
        "style_right": np.ones(count, dtype=bool),
        "genuine_distance": rng.uniform(0.2, 0.6, count),
        "impostor_distance": rng.uniform(0.4, 1.2, count),
        "brisque": rng.normal(30, 5, count),
        "mirror_distance": np.full(count, np.nan),
        "held_out": True,
    }
    return RealSpoofs(**columns | given)


@given(st.integers(10, 200), st.integers(0, 9), st.sampled_from([50.0, 80.0, 95.0, 99.0, 100.0]))
def test_the_wanted_share_of_real_spoofs_passes_each_limit(count: int, seed: int, percentile: float) -> None:
    limits = calibrate(real(count, seed), Thresholds(percentile=percentile), {"a": REFERENCE})
    found = limits["by_style"]["a"]
    passed = found["passed"]
    assert passed == limits["passed"]
    identity, style, everything = passed["identity"], passed["style"], passed["all"]
    assert identity is not None and style is not None and everything is not None
    assert identity >= percentile / 100 and style >= percentile / 100
    assert everything <= min(identity, style)
    if percentile > 90:
        assert identity <= percentile / 100 + 1 / count + 1e-9, "and no more than that"
    assert found["style_probability"] is not None and found["style_probability"] <= 0.5


@given(st.integers(10, 60), st.integers(0, 9))
def test_an_embedder_that_knows_nothing_sets_no_limit(count: int, seed: int) -> None:
    same = np.random.default_rng(seed).random(count)
    found = calibrate(real(count, genuine_distance=same, impostor_distance=same), Thresholds(), {"a": REFERENCE})
    style = found["by_style"]["a"]
    assert style["auc"] == pytest.approx(0.5) and style["identity_distance"] is None
    assert style["no_identity_limit"] == "the embedder cannot tell these people apart"
    assert style["passed"]["identity"] is None
    assert np.isnan(limits_of_rows(found, ["a"]).identity_distance).all()
    assert "no identity limit for a: the embedder cannot tell these people apart" in remarks(found, Thresholds())


@given(st.integers(10, 60), st.integers(0, 9))
def test_real_faces_pass_the_mirror_limit_if_the_embedder_knows_them(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    apart, mirror = rng.uniform(0.7, 1.2, count), rng.uniform(0.05, 0.3, count)
    known = real(count, seed, impostor_distance=apart, mirror_distance=mirror)
    found = calibrate(known, Thresholds(mirror_distance="real"), {"a": REFERENCE})
    style, share = found["by_style"]["a"], found["passed"]["face"]
    assert style["mirror_distance"] in mirror and style["no_mirror_limit"] is None
    assert share is not None and 0.95 <= share <= 0.95 + 1 / count + 1e-9
    assert "quality and face (identity" in remarks(found, Thresholds(mirror_distance="real"))[-1]
    assert limits_of_rows(found, ["a"]).mirror_distance.tolist() == [style["mirror_distance"]]
    for changed, why in (
        ({"impostor_distance": known.genuine_distance + 0.01}, "the embedder is not seen to know these faces"),
        ({"impostor_distance": np.full(count, np.nan)}, "the embedder is not seen to know these faces"),
        ({"mirror_distance": np.full(count, np.nan)}, "no face recognition"),
    ):
        poor = calibrate(dataclasses.replace(known, **changed), Thresholds(mirror_distance="real"), {"a": REFERENCE})[
            "by_style"
        ]["a"]
        assert (poor["mirror_distance"], poor["no_mirror_limit"]) == (None, why)
    number = calibrate(known, Thresholds(mirror_distance=0.1), {"a": REFERENCE})["by_style"]["a"]
    assert number["mirror_distance"] == 0.1


def test_a_judge_below_the_floor_is_no_reason() -> None:
    right = np.arange(20) < 17
    found = calibrate(real(20, style_right=right), Thresholds(), {"a": REFERENCE})
    assert found["judge_accuracy"] == pytest.approx(0.85)
    assert found["by_style"]["a"]["style_probability"] is None
    assert found["by_style"]["a"]["no_style_limit"] == "the judge is right too seldom"
    warning, *_, last = remarks(found, Thresholds())
    assert warning.startswith("WARNING: the judge of style is right on only 85 % of held-out real spoofs")
    assert "style refuses no row" in warning and "style not judged" in last
    for thresholds in (Thresholds(judge_accuracy=0.8), Thresholds(judge_accuracy=None)):
        trusted = calibrate(real(20, style_right=right), thresholds, {"a": REFERENCE})
        assert trusted["by_style"]["a"]["style_probability"] is not None
        assert "WARNING" not in "".join(remarks(trusted, thresholds))


def test_a_number_is_the_limit_of_every_style_whatever_the_real_spoofs_are() -> None:
    thresholds = Thresholds(identity_distance=0.3, style_probability=0.9)
    nobody = real(20, styles=("a", "b"), style_right=np.zeros(20, dtype=bool), genuine_distance=np.full(20, np.nan))
    found = calibrate(nobody, thresholds, {"a": REFERENCE, "b": REFERENCE})
    rows = limits_of_rows(found, ["b", "a", "b"])
    assert rows.identity_distance.tolist() == [0.3] * 3 and rows.style_probability.tolist() == [0.9] * 3
    assert "doubtful" in remarks(found, thresholds)[0]
    none = calibrate(nobody, Thresholds(identity_distance=None, style_probability=None), {"a": REFERENCE})
    assert none["by_style"]["a"]["no_identity_limit"] == none["by_style"]["a"]["no_style_limit"] == "not set"


def test_a_style_with_few_spoofs_takes_the_limits_of_all() -> None:
    names = np.array(["a"] * 30 + ["b"] * 9, dtype=object)
    few = real(39, style=names)
    found = calibrate(few, Thresholds(), {"a": REFERENCE, "b": REFERENCE, "c": REFERENCE})
    a, b, c = (found["by_style"][name] for name in "abc")
    whole = np.percentile(few.genuine_distance, 95, method="higher")
    assert b["identity_distance"] == c["identity_distance"] == whole
    assert b["pooled"] == c["pooled"] == ["identity", "style"] and a["pooled"] == []
    assert (a["spoofs"], b["spoofs"], c["spoofs"], found["spoofs"]) == (30, 9, 0, 39)
    assert c["passed"] == {"identity": None, "style": None, "quality": None, "face": None, "all": None}
    only = calibrate(few, Thresholds(), {"a": REFERENCE})
    assert only["by_style"]["a"] == a and only["passed"] == a["passed"]


def test_spoofs_without_a_partner_or_score_still_count() -> None:
    distance = np.where(np.arange(20) < 12, 0.3, np.nan)
    scores = np.where(np.arange(20) < 18, 30.0, np.nan)
    found = calibrate(
        real(20, genuine_distance=distance, brisque=scores), Thresholds(style_probability=None), {"a": REFERENCE}
    )
    style = found["by_style"]["a"]
    assert (style["spoofs"], style["pairs"], style["identity_distance"]) == (20, 12, 0.3)
    assert style["passed"] == {"identity": 1.0, "style": None, "quality": 0.9, "face": None, "all": 0.9}
    alone = calibrate(real(20, impostor_distance=np.full(20, np.nan)), Thresholds(), {"a": REFERENCE})
    assert alone["by_style"]["a"]["no_identity_limit"] == "no live face of another person"


def test_without_real_spoofs_nothing_is_known() -> None:
    found = calibrate(real(0, held_out=False), Thresholds(), {"a": REFERENCE})
    assert found["judge_accuracy"] is None and found["passed"]["all"] is None
    assert found["by_style"]["a"]["no_style_limit"] == "no real spoof of a style that the judge knows"
    assert remarks(found, Thresholds())[0].startswith("no real spoof is of a style that the judge knows")
    seen = calibrate(real(20, held_out=False), Thresholds(), {"a": REFERENCE})
    assert "people seen in training" in remarks(seen, Thresholds())[0]
