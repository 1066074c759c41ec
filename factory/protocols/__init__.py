"""Protocols as data: which rows of a corpus are for training, which set the threshold, which are tested.

Each YAML file in this folder is one family; docs/protocols.md is the manual. `open_corpus` gives a view of a corpus
under a protocol, so that stations simply read its `split` column; `check` and `check_generated` refuse leaks.
"""

from __future__ import annotations

from factory.protocols.families import load, names, titles
from factory.protocols.leakage import (
    check,
    check_apart,
    check_generated,
    check_held_out,
    check_judge,
    check_model,
    open_corpus,
    protocol_of,
    record,
)
from factory.protocols.rules import PARTS, Protocol, Rule

__all__ = [
    "PARTS",
    "Protocol",
    "Rule",
    "check",
    "check_apart",
    "check_generated",
    "check_held_out",
    "check_judge",
    "check_model",
    "load",
    "names",
    "open_corpus",
    "protocol_of",
    "record",
    "titles",
]
