"""The route of a sample: the styles between which `difffas.style_statistics` carries its live face before sampling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Matching = Literal["none", "guide", "domain", "style"]


class Route(NamedTuple):
    """The styles on the way of one sample. Live faces have a style, too: `<domain>-live`."""

    live: str  # of the live face
    condition: str  # of live faces of the guide's domain
    spoof: str  # of the guide

    @property
    def attack(self) -> str:
        """The attack of the guide: its style without its domain, and without the fields that make the style finer."""
        return self.spoof.removeprefix(self.condition.removesuffix("live")).partition("-")[0]


def needed(routes: Iterable[Route], how: Matching) -> set[str]:
    """The styles whose statistics these routes need."""
    found: set[str] = set()
    for route in routes:
        if how in ("domain", "style") and route.live != route.condition:
            found |= {route.live, route.condition}
        if how == "style":
            found |= {route.live, route.spoof}
    return found
