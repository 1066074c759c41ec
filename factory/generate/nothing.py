"""Why a plan has nothing to generate: which condition left no live face, no guide or no pair of them in a split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from factory.corpus.row import LABELS, LIVE, SPOOF
from factory.tables.columns import TextColumn

if TYPE_CHECKING:
    from factory.generate.settings import PlanConfig

NAMED = 8  # names in a message; more are only counted


def no_live(config: PlanConfig, split: str, live: pa.Table) -> str:
    """Return why a split has no live face that the plan may use."""
    domains = config.live_domains
    of = f" of domains {list(domains)}" if domains else ""
    if domains and (there := _present(live, "domain", LIVE, split)):
        mend = f"its live faces are of {_names('domain', there)}: set plan.live_domains"
    else:
        mend = _elsewhere(live, LIVE)
    return f"no live face{of} in split {split!r}: {mend}"


def no_guide(split: str, guides: pa.Table) -> str:
    """Return why a split has no guide."""
    return f"no guide, which is a spoof, in split {split!r}: {_elsewhere(guides, SPOOF)}"


def no_guide_of(style: str, split: str, shown: Iterable[str]) -> str:
    """Return why a split has no guide of a style that the plan names; `shown` are the styles that have guides."""
    return (
        f"style {style!r} has no guide in split {split!r}, where guides show {', '.join(_listed(shown))}: add one or "
        f"leave it out of plan.styles"
    )


def no_pair(config: PlanConfig, split: str, lives: Iterable[str], styles: dict[str, str]) -> str:
    """Return why the policies give no live face any style.

    Args:
        lives: domains of the live faces. styles: domain of each style that has a guide.
    """
    domains, guided = sorted(set(lives)), sorted(set(styles.values()))
    reasons = []
    if "cross-domain" in config.policies:  # fits any live face of another domain than some guide
        reasons.append(f"cross-domain needs two domains, and live faces and guides are all of domain {guided[0]!r}")
    if "cross-attack" in config.policies:
        shared = sorted({*domains} & {*guided})
        if shared:
            owned = [style for style, domain in styles.items() if domain in shared]
            reasons.append(
                f"cross-attack needs a person without some attack, and everyone with a live face of "
                f"{_names('domain', shared)} has all of {', '.join(_listed(owned))}"
            )
        else:
            reasons.append(
                f"cross-attack needs live faces and guides of one domain, and live faces are of "
                f"{_names('domain', domains)}, guides of {_names('domain', guided)}"
            )
    if "same-style" in config.policies:
        reasons.append(
            "same-style needs a person with a live face and a real spoof of one domain, and a guide of that spoof's "
            "style that shows another person (plan.guides_per_style guides are chosen)"
        )
    widen = "" if len(config.policies) > 1 else "widen plan.policies, "
    return (
        f"nothing to generate in split {split!r}: {'; '.join(reasons)}: {widen}give live faces or guides of another "
        f"domain or attack, or divide the domain (prepare with domain=session)"
    )


def _elsewhere(table: pa.Table, label: int) -> str:
    """Where the corpus of a table has rows of this label."""
    kind = LABELS[label]
    corpus, what = ("inputs.live", "live faces") if label == LIVE else ("inputs.guides", "spoofs")
    splits = _present(table, "split", label)
    if splits:
        return f"{corpus} has {what} in {_names('split', splits)} alone: choose plan.splits among these"
    return f"{corpus} has no {kind} row: give a corpus with {what}"


def _present(table: pa.Table, name: str, label: int, split: str | None = None) -> list[str]:
    """The texts of a column in rows of this label and split; empty ones, a protocol's unused rows, are left out."""
    keep = table["label"].to_numpy() == label
    if split is not None:
        keep &= TextColumn(table, "split").among({split})
    return [text for text in TextColumn(table, name, keep).present() if text]


def _names(what: str, names: list[str]) -> str:
    return f"{what}{'s' if len(names) > 1 else ''} {', '.join(_listed(names))}"


def _listed(names: Iterable[str]) -> list[str]:
    every = list(names)
    return every[:NAMED] + ([f"{len(every) - NAMED} more"] if len(every) > NAMED else [])
