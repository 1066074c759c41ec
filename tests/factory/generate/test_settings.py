"""Settings of a plan that name something twice or nothing at all."""

from __future__ import annotations

from typing import Any

import pytest

from factory.core.config import build
from factory.generate.settings import PlanConfig


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"splits": ["train", "dev", "train"]}, r"plan.splits \['train', 'dev', 'train'\] names one twice"),
        ({"styles": ["cam-print", "cam-print"]}, r"plan.styles \['cam-print', 'cam-print'\] names one twice"),
        ({"splits": []}, "splits"),
        ({"policies": []}, "policies"),
        ({"policies": ["cross-subject"]}, "policies"),
        ({"samples": 0}, "samples"),
        ({"guides_per_style": 0}, "guides_per_style"),
    ],
)
def test_what_makes_no_plan_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(PlanConfig, given)
