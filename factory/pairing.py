"""Which live faces shall get which style, and which guides show it: by policy, within one split, inside a protocol."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from factory import draws
from factory.columns import TextColumn
from factory.row import LIVE, SPOOF

if TYPE_CHECKING:
    from factory.plan import PlanConfig


@dataclasses.dataclass(frozen=True)
class StyleOrders:
    """The live faces that shall get a style and the guides that show it, as index positions in corpus order."""

    style: str
    live: np.ndarray
    guides: np.ndarray


def style_orders(config: PlanConfig, split: str, live: pa.Table, guides: pa.Table) -> list[StyleOrders]:
    """Styles of a split with their live faces and guides; all of the same split, so no subject crosses over."""
    lives = _Index(live, split, LIVE, config.live_domains)
    spoofs = _Index(guides, split, SPOOF)
    if not len(lives.positions):
        of = f" of domains {list(config.live_domains)}" if config.live_domains else ""
        raise ValueError(f"no live face{of} in split {split!r}: choose plan.splits among those of the live corpus")
    _refuse_foreign(config.allowed_domains, lives.domain.present(), "live faces of domain", "plan.live_domains")
    owned = _owned([live] if live is guides else [live, guides])
    orders = []
    for style in config.styles or spoofs.style.present():
        lines = np.flatnonzero(spoofs.style.among({style}))
        shown = spoofs.positions[lines]
        if not len(shown):
            raise ValueError(
                f"style {style!r} has no guide in split {split!r}: add one or leave it out of plan.styles"
            )
        domain, attack = spoofs.domain[lines[0]], spoofs.attack[lines[0]]
        _refuse_foreign(config.allowed_domains, [domain], "guides of domain", "plan.styles")
        _refuse_foreign(config.allowed_attacks, [attack], "guides of attack", "plan.styles")
        eligible = _eligible(config, lives, domain, attack, owned)
        if eligible.any():
            chosen = _choose(config, split, style, shown)
            orders.append(StyleOrders(style, lives.positions[eligible], chosen))
    if not orders:
        raise ValueError(
            f"nothing to generate in split {split!r}: under {list(config.policies)} no live face lacks any style "
            f"that has a guide; widen plan.policies or give another guide corpus"
        )
    return orders


def _refuse_foreign(allowed: tuple[str, ...] | None, present: list[str], what: str, choose: str) -> None:
    """A protocol's test domain or unseen attack must not leak into what is generated for its training."""
    foreign = [name for name in present if allowed is not None and name not in allowed]
    if foreign:
        raise ValueError(f"{what} {foreign[0]!r} are not among the allowed {list(allowed or ())}: set {choose}")


class _Index:
    """The lines of an index of one split and label."""

    def __init__(self, table: pa.Table, split: str, label: int, domains: tuple[str, ...] | None = None) -> None:
        keep = TextColumn(table, "split").among({split}) & (table["label"].to_numpy() == label)
        if domains is not None:
            keep &= TextColumn(table, "domain").among(set(domains))
        self.positions = np.flatnonzero(keep)
        self.domain, self.attack, self.style, self.subject = (
            TextColumn(table, name, keep) for name in ("domain", "attack", "style", "subject")
        )


def _owned(tables: list[pa.Table]) -> dict[tuple[str, str], set[str]]:
    """The subjects of whom there is a spoof, by domain and attack."""
    owned: dict[tuple[str, str], set[str]] = {}
    for table in tables:
        identity = table.select(["domain", "attack", "subject"])  # filtering copies, and an index has thirty columns
        spoof = identity.filter(pa.array(table["label"].to_numpy() == SPOOF))
        distinct = spoof.group_by(["domain", "attack", "subject"]).aggregate([])
        for domain, attack, subject in zip(*(column.to_pylist() for column in distinct.columns), strict=True):
            owned.setdefault((domain, attack), set()).add(subject)
    return owned


def _eligible(
    config: PlanConfig, lives: _Index, domain: str, attack: str, owned: dict[tuple[str, str], set[str]]
) -> np.ndarray:
    """Which live faces the policies give the style <domain>-<attack>."""
    same = lives.domain.among({domain})
    result = np.zeros(len(lives.positions), dtype=bool)
    if "cross-domain" in config.policies:
        result |= ~same
    if "cross-attack" in config.policies:
        result |= same & ~lives.subject.among(owned[domain, attack])  # a guide shows it, so somebody has it
    return result


def _choose(config: PlanConfig, split: str, style: str, shown: np.ndarray) -> np.ndarray:
    """`guides_per_style` of the guides, by hash, in corpus order."""
    rank = draws.bits(np.arange(len(shown)), config.seed, split, "guides", style)
    return np.sort(shown[np.argsort(rank, kind="stable")[: config.guides_per_style]])
