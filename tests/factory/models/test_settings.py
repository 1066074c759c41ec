"""Settings of the sampler that cannot be are refused."""

from __future__ import annotations

import pytest

from factory.core.config import build
from factory.models.settings import SamplerConfig


@pytest.mark.parametrize(
    "given", [{"t0": [300, 200]}, {"t0": [10, 200]}, {"t0": [100, 2000]}, {"cfg_scale": [3, 1]}, {"steps": 0}]
)
def test_sampler_ranges_are_checked(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        SamplerConfig.model_validate(given)


@pytest.mark.parametrize("preset", ["quick", ["fast"], {"fast": 1}, None, 3])
def test_what_is_no_preset_is_refused(preset: object) -> None:
    with pytest.raises(ValueError, match="Input should be 'exact', 'balanced', 'fast', 'student' or 'student-2'"):
        SamplerConfig.model_validate({"preset": preset})


def test_a_style_has_its_own_ranges_or_those_of_all() -> None:
    sampler = SamplerConfig.model_validate(
        {"t0": [100, 200], "by_style": {"cam-print": {"t0": [400, 420]}, "cam-mask": {"cfg_scale": [1, 9]}}}
    )
    assert sampler.ranges("cam-print") == ((400, 420), (2.0, 2.0))
    assert sampler.ranges("cam-mask") == ((100, 200), (1.0, 9.0))
    assert sampler.ranges("another") == ((100, 200), (2.0, 2.0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"t0": [300, 200]}, r"sampler.by_style.cam-print.t0 \[300, 200\] must rise"),
        ({"t0": [10, 200]}, r"sampler.by_style.cam-print.t0 \[10, 200\] must lie within steps \(25\) and 1000"),
        ({"cfg_scale": [3, 1]}, r"sampler.by_style.cam-print.cfg_scale \[3.0, 1.0\] must rise"),
        ({"t00": [300, 300]}, "unknown config key 'by_style.cam-print.t00'; did you mean 't0'"),
    ],
)
def test_ranges_of_a_style_are_checked(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(SamplerConfig, {"by_style": {"cam-print": given}})


def test_only_settings_that_are_used_decide() -> None:
    """Runs from before matching and ranges by style keep their fingerprints."""
    plain = SamplerConfig().decisive()
    assert not {"match", "match_unseen", "by_style"} & set(plain)
    assert SamplerConfig(match="style").decisive() == {**plain, "match": "style", "match_unseen": "refuse"}
    styled = build(SamplerConfig, {"by_style": {"cam-print": {"t0": [400, 400]}}}).decisive()
    assert styled == {**plain, "by_style": {"cam-print": {"t0": [400, 400], "cfg_scale": None}}}


def test_a_preset_of_the_student_sets_its_calls_and_its_sampler_needs_it() -> None:
    found = [SamplerConfig.model_validate({"preset": preset}) for preset in ("student", "student-2")]
    assert [(one.name, one.steps) for one in found] == [("student", 1), ("student", 2)]
    for given in ({"name": "student"}, {"preset": "student", "steps": 2}, {"preset": "student", "offset": "official"}):
        with pytest.raises(ValueError, match=r"sampler\.(name|preset) student"):
            SamplerConfig.model_validate(given)
