"""What a reader lists of a miniature tree, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from factory.datasets import Frames, list_dataset
from factory.sources import Source


def listed(name: str, root: Path, **given: Any) -> dict[str, Source]:
    """Sources by path, two frames of each video."""
    sources = list_dataset(name, str(root), Frames(2), **given)
    assert [source.path for source in sources] == sorted(source.path for source in sources)
    return {source.path: source for source in sources}


def facts(source: Source) -> tuple[str | None, ...]:
    """Label, attack, subject, split, capture."""
    assert source.fields is not None
    return tuple(source.fields.get(name) for name in ("label", "attack", "subject", "split", "capture"))


def rejects(sources: dict[str, Source]) -> dict[str, str]:
    return {path: source.reject for path, source in sources.items() if source.reject}
