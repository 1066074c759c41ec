"""Derive from a protocol what a generation may use; only this module sets `plan.allowed_…` by a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from difffas.errors import UserError
from factory.corpus import Corpus
from factory.corpus.row import SPOOF
from factory.protocols.leakage import check, protocol_of
from factory.protocols.rules import PARTS, Protocol

if TYPE_CHECKING:
    from factory.generate.settings import PlanConfig


def generation_plan(config: PlanConfig, live: Corpus, guides: Corpus) -> PlanConfig:
    """Restrict a plan to the protocol of its corpora; without a protocol the plan is unchanged.

    `allowed_domains` are the domains of the rules of `plan.splits`, `allowed_attacks` the attacks of the guides that
    these rules select. Live domains and policies are narrowed to those that the protocol's `generation` names, if any.

    Raises:
        UserError: if the plan names anything outside the protocol.
    """
    protocol = protocol_of(live)
    if protocol is None:
        return config
    check(live, ())
    parts = [part for part in config.splits if part in PARTS]
    domains = sorted({domain for part in parts for rule in protocol.rules(part) for domain in rule.domain})
    spoofs = guides.index.select(["split", "label", "attack", "style"]).group_by(["split", "label", "attack", "style"])
    inside = [x for x in spoofs.aggregate([]).to_pylist() if x["label"] == SPOOF and x["split"] in parts]
    _inside(config.styles, sorted({x["style"] for x in inside}), protocol, "plan.styles")
    wanted, attacks = protocol.generation, sorted({x["attack"] for x in inside})
    lives = _inside(config.live_domains, wanted.live_domains or domains, protocol, "plan.live_domains")
    policies = tuple(policy for policy in config.policies if policy in (wanted.policies or config.policies))
    if not policies:
        raise UserError(f"protocol {protocol.name} generates {', '.join(wanted.policies or ())}: set plan.policies")
    return config.model_copy(
        update={
            "policies": policies,
            "live_domains": lives if config.live_domains or wanted.live_domains else None,
            "allowed_domains": _inside(config.allowed_domains, domains, protocol, "plan.allowed_domains"),
            "allowed_attacks": _inside(config.allowed_attacks, attacks, protocol, "plan.allowed_attacks"),
        }
    )


def _inside(asked: Sequence[str] | None, held: Sequence[str], protocol: Protocol, key: str) -> tuple[str, ...]:
    """The names in `asked`, or all in `held` if none are asked for; refuses a name that is not in `held`."""
    foreign = [name for name in asked or () if name not in held]
    if foreign:
        raise UserError(
            f"{key}: {foreign[0]!r} lies outside what protocol {protocol.name} generates from, {', '.join(held)}"
        )
    return tuple(asked or held)
