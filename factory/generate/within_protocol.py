"""What a protocol lets a generation use: the one place where `plan.allowed_…` follow from a protocol."""

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
    """A plan inside the protocol of its corpora; as it is where they are under none.

    `allowed_domains` are those of the rules of `plan.splits`, `allowed_attacks` those of the guides that these rules
    take. Live domains and policies are narrowed to those of the protocol's `generation`, where it names some.

    Raises:
        ValueError: if the plan asks by name for what lies outside.
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
    """What was asked for, or all that is held; refuses what is not held."""
    foreign = [name for name in asked or () if name not in held]
    if foreign:
        raise UserError(
            f"{key}: {foreign[0]!r} lies outside what protocol {protocol.name} generates from, {', '.join(held)}"
        )
    return tuple(asked or held)
