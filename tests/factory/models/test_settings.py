"""Settings of the sampler that cannot be are refused."""

from __future__ import annotations

import pytest

from factory.models.settings import SamplerConfig


@pytest.mark.parametrize(
    "given", [{"t0": [300, 200]}, {"t0": [10, 200]}, {"t0": [100, 2000]}, {"cfg_scale": [3, 1]}, {"steps": 0}]
)
def test_sampler_ranges_are_checked(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        SamplerConfig.model_validate(given)


@pytest.mark.parametrize("preset", ["quick", ["fast"], {"fast": 1}, None, 3])
def test_what_is_no_preset_is_refused(preset: object) -> None:
    with pytest.raises(ValueError, match="Input should be 'exact', 'balanced' or 'fast'"):
        SamplerConfig.model_validate({"preset": preset})
