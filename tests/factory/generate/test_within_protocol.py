"""What a generation may use follows from the protocol."""

from __future__ import annotations

import pytest

from factory import protocols
from factory.generate.settings import PlanConfig
from factory.generate.within_protocol import generation_plan
from tests.protocol_rows import WMCA_ATTACKS, faces, four, view, wmca


def test_what_a_generation_may_use_follows_from_the_protocol() -> None:
    corpus = view(wmca(), protocols.load("wmca-loo-glasses"))
    plan = generation_plan(PlanConfig(), corpus, corpus)
    assert plan.allowed_domains == ("wmca",) and plan.live_domains is None
    assert plan.allowed_attacks == tuple(sorted(set(WMCA_ATTACKS) - {"glasses"}))
    narrower = generation_plan(PlanConfig(allowed_attacks=("print",)), corpus, corpus)
    assert narrower.allowed_attacks == ("print",)
    for asked in ({"styles": ["wmca-glasses"]}, {"allowed_attacks": ["glasses"]}, {"live_domains": ["padisi"]}):
        with pytest.raises(
            ValueError, match=f"plan.{next(iter(asked))}: .* lies outside what protocol wmca-loo-glasses"
        ):
            generation_plan(PlanConfig.model_validate(asked), corpus, corpus)
    assert generation_plan(PlanConfig(), view(four(), None), view(four(), None)) == PlanConfig()


def test_oulu_to_padisi_generates_in_one_direction() -> None:
    both = faces("oulu_npu", ("print", "replay")) + faces("padisi", ("print", "mask"))
    corpus = view(both, protocols.load("oulu-padisi-cross-domain"))
    plan = generation_plan(PlanConfig(), corpus, corpus)
    assert (plan.policies, plan.live_domains) == (("cross-domain",), ("oulu_npu",))
    with pytest.raises(ValueError, match="generates cross-domain: set plan.policies"):
        generation_plan(PlanConfig(policies=("cross-attack",)), corpus, corpus)
    corpus = view(both, protocols.load("oulu-padisi-cross-attack"))
    plan = generation_plan(PlanConfig(), corpus, corpus)
    assert (plan.policies, plan.live_domains) == (("cross-attack",), ("padisi",))
