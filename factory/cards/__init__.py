"""Cards describe a folder to people and machines: README.md, and croissant.json for a corpus.

They are written once, right before `summary.json`, from the folder's content alone; they contain neither paths of the
machine that wrote them nor credentials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from factory.cards.croissant import croissant
from factory.cards.facts import corpus_facts
from factory.cards.models import model_facts
from factory.storage import Storage

CARD, CROISSANT = "README.md", "croissant.json"


def write_corpus_card(storage: Storage) -> None:
    """Write README.md and croissant.json of a corpus that has an index and rows; existing files stay."""
    if storage.exists(CARD) and storage.exists(CROISSANT):
        return
    facts = corpus_facts(storage)
    if not facts.rows:
        return  # all images were rejected: there is nothing to describe
    storage.create(CROISSANT, (json.dumps(croissant(facts), indent=1, ensure_ascii=False) + "\n").encode())
    storage.create(CARD, render("dataset.md", vars(facts)))


def write_model_card(storage: Storage, corpora: Mapping[str, str], figures: Mapping[str, object]) -> None:
    """Write README.md of a model folder whose training rows are in `corpora`, URLs by role. An existing file stays."""
    if not corpora or storage.exists(CARD):
        return
    facts = model_facts(storage, corpora, figures)
    if facts is not None:
        storage.create(CARD, render("model.md", vars(facts)))


def render(template: str, values: Mapping[str, object]) -> bytes:
    """Fill in a Markdown template of this package."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    text = Path(__file__).with_name(template).read_text(encoding="utf-8")
    return environment.from_string(text).render(values).encode()
