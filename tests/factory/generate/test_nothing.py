"""What a plan says when it has nothing to make: each condition that can leave nothing is named."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest

from factory.generate.plan import Plan
from factory.generate.settings import PlanConfig
from factory.models.settings import SamplerConfig


def table(*rows: str) -> pa.Table:
    """Index rows from `split domain attack subject`."""
    lines = []
    for split, domain, attack, subject in (row.split() for row in rows):
        style = f"{domain}-{attack}"
        found = {"split": split, "domain": domain, "attack": attack, "subject": subject, "style": style}
        lines.append({**found, "label": int(attack != "live")})
    return pa.Table.from_pylist(lines)


LIVE, OTHER = ("train cam live s1", "test cam live s2"), ("train lab live s3",)
PRINT, REPLAY = "train cam print s1", "train cam replay s1"


@pytest.mark.parametrize(
    ("live", "guides", "given", "message"),
    [
        (
            LIVE,
            (PRINT,),
            {"splits": ["dev"]},
            "no live face in split 'dev': inputs.live has live faces in splits test, train alone: choose plan.splits",
        ),
        (LIVE[1:], (PRINT,), {}, "no live face in split 'train': inputs.live has live faces in split test alone"),
        ((PRINT,), (PRINT,), {}, "no live face in split 'train': inputs.live has no live row: give a corpus"),
        (
            (*LIVE, *OTHER),
            (PRINT,),
            {"live_domains": ["hall"]},
            "no live face of domains ['hall'] in split 'train': its live faces are of domains cam, lab: set plan.l",
        ),
        (LIVE, LIVE, {}, "no guide, which is a spoof, in split 'train': inputs.guides has no spoof row"),
        (LIVE, ("dev cam print s7",), {}, "in split 'train': inputs.guides has spoofs in split dev alone"),
        (
            LIVE,
            (PRINT, REPLAY),
            {"styles": ["lab-print"]},
            "style 'lab-print' has no guide in split 'train', where guides show cam-print, cam-replay: add one",
        ),
        (
            LIVE,
            (PRINT, REPLAY),
            {"policies": ["cross-domain"]},
            "nothing to generate in split 'train': cross-domain needs two domains, and live faces and guides are all "
            "of domain 'cam': widen plan.policies",
        ),
        (
            LIVE,
            (PRINT, REPLAY),
            {"policies": ["cross-attack"]},
            "cross-attack needs a person without some attack, and everyone with a live face of domain cam has all of "
            "cam-print, cam-replay: widen plan.policies",
        ),
        (
            OTHER,
            (PRINT, REPLAY),
            {"policies": ["cross-attack"]},
            "cross-attack needs live faces and guides of one domain, and live faces are of domain lab, guides of "
            "domain cam",
        ),
        (LIVE, (PRINT,), {}, "of domain 'cam'; cross-attack needs a person without some attack"),
        (LIVE, (PRINT,), {}, "has all of cam-print: give live faces or guides of another domain"),
    ],
)
def test_the_condition_that_left_nothing_is_named(
    live: tuple[str, ...], guides: tuple[str, ...], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        Plan(PlanConfig.model_validate(given), SamplerConfig(), 10, table(*live), table(*guides), "0" * 64)
    assert "\n" not in str(caught.value)


def test_many_names_are_counted() -> None:
    lives = [f"train d{n} live s1" for n in range(12)]
    with pytest.raises(ValueError, match=r"domains d0, d1, d10, d11, d2, d3, d4, d5, 4 more: set plan\.live_domains"):
        Plan(PlanConfig(live_domains=("x",)), SamplerConfig(), 10, table(*lives), table(PRINT), "0" * 64)


def test_sessions_as_domains_leave_something() -> None:
    rows = [f"train nuaa__session_0{n} {attack} s1" for n in (1, 2) for attack in ("live", "print")]
    plan = Plan(PlanConfig(), SamplerConfig(), 10, table(*rows), table(*rows), "0" * 64)
    assert plan.style_counts() == {"nuaa__session_01-print": 1, "nuaa__session_02-print": 1}
